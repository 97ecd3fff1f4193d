from __future__ import annotations

import json

import pytest
import yaml

from deployer.cli.drawing import dot, mermaid
from deployer.cli.formats import as_env, as_json, as_yaml, left_out, raw
from deployer.cli.tables import checks_text, module_page, modules_table, outputs_text, state_table, status_text
from deployer.core.errors import Problem, UsageError
from deployer.core.state import Holder, Pending, State, StateObject
from deployer.workflow.answers import Check, ComponentStatus, Field, Health, ModulePage, Node, Output, Preflight, Status
from tests.cli.goldens import expect

NOW = 1_795_438_800.0
OUTPUTS = (
    Output("tracking", "url", "http://127.0.0.1:5000", "MLFLOW_TRACKING_URI"),
    Output("tracking", "name", "it's a name", "NAME"),
    Output("tracking", "password", None, "MLFLOW_TRACKING_PASSWORD", sensitive=True),
    Output("tracking", "port", 5000),
    Output("serving", "url", None, "SERVING_URL", known=False),
)
STATUS = Status(
    "local",
    (
        ComponentStatus("tracking", "mlflow", Health.HEALTHY, "http://127.0.0.1:5000", "3.17.2", NOW - 185, 1, 522_800_000),
        ComponentStatus(
            "serving", "mlserver", Health.UNHEALTHY, cause="local.process/server: port 8080 is held by nginx (pid 7)", fix="stop it"
        ),
        ComponentStatus("notebooks", "jupyterlab", Health.ABSENT),
    ),
    at=NOW,
)
PAGE = ModulePage(
    "tracking",
    "mlflow",
    "The server.",
    "Runs and models.\n",
    {"mlflow": "3.17.2"},
    {"database": "where runs are"},
    ("local",),
    (Field("port", "port", "The port.", "5000"), Field("key", "string", "A key.", required=True, sensitive=True)),
    (Field("url", "", "Where it is.", variable="MLFLOW_TRACKING_URI"),),
)
NODES = (Node("a/local.file/x", "local.file", ()), Node('b/local.file/y["1"]', "local.file", ("a/local.file/x", "elsewhere/k/z")))


def test_a_status_reads_as_its_golden_file_says() -> None:
    expect("status", status_text(STATUS, columns=120))
    expect("status-narrow", status_text(STATUS, columns=50))


def test_a_held_lock_is_told_with_the_status() -> None:
    holder = Holder("ann", "host", 42, "deployer apply", NOW, NOW, 60, 1)
    assert "locked by ann@host pid 42 (deployer apply) since" in status_text(Status("local", (), holder)) + status_text(
        Status("local", STATUS.components, holder, NOW)
    )


def test_a_module_page_and_the_list_read_as_their_golden_files_say() -> None:
    expect("module", module_page(PAGE))
    expect("modules", modules_table([PAGE]))


def test_outputs_are_aligned_and_hide_what_is_sensitive() -> None:
    expect("outputs", outputs_text(OUTPUTS))


def test_outputs_as_variables_can_be_read_by_a_shell() -> None:
    assert as_env(OUTPUTS).splitlines() == [
        "MLFLOW_TRACKING_URI=http://127.0.0.1:5000",
        "NAME='it'\"'\"'s a name'",
    ]
    assert left_out(OUTPUTS) == [
        "# MLFLOW_TRACKING_PASSWORD is sensitive; --reveal prints it",
        "# SERVING_URL is not known yet",
    ]


def test_outputs_as_json_and_yaml_say_the_same() -> None:
    assert json.loads(as_json(OUTPUTS)) == yaml.safe_load(as_yaml(OUTPUTS))
    assert json.loads(as_json(OUTPUTS))["tracking"]["password"] is None


def test_one_output_is_printed_bare_or_refused_with_the_way_to_get_it() -> None:
    assert [raw(OUTPUTS[0]), raw(OUTPUTS[3])] == ["http://127.0.0.1:5000", "5000"]
    with pytest.raises(UsageError, match="is sensitive"):
        raw(OUTPUTS[2])
    with pytest.raises(UsageError, match="not known yet"):
        raw(OUTPUTS[4])


def test_a_graph_is_drawn_in_both_languages() -> None:
    expect("graph-mermaid", mermaid(NODES))
    expect("graph-dot", dot(NODES))


def test_a_state_lists_what_is_pending_and_deposed() -> None:
    made = StateObject("a/local.file/x", "local.file", "/x", pending=Pending.WAIT)
    state = State("lineage", "demo", "local", 7, {made.address: made}, (StateObject("b/local.file/y", "local.file", "/y"),))
    expect("state", state_table(state))
    assert state_table(State("", "demo", "local")) == "0 objects: nothing was applied"


def test_checks_tell_their_fix_only_when_they_fail() -> None:
    checks = (Check("disk", ok=True, detail="9 GB", fix="free"), Check("memory", ok=False, detail="0 GB", fix="stop", warning=True))
    seen = Preflight(checks, (Problem("port is taken", "a/local.port/x"),))
    assert checks_text(seen).splitlines() == ["✓ disk: 9 GB", "! memory: 0 GB", "    fix: stop", "✗ a/local.port/x: port is taken"]
