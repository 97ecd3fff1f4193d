"""Every verb, driven for real over plain files, is held to the documented schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deployer.cli.app import VERBS, run
from tests.workflow.people import SPEC, Project

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "output-schema.json").read_text())
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
MOTD = "resources/local.file/motd"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Project(tmp_path / "demo")
    made.folder.mkdir()
    made.write(SPEC)
    return made


def ask(project: Project, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert run(["-C", str(project.folder), *arguments, "--json"]) == code
    shown = capsys.readouterr()
    document: dict[str, Any] = json.loads(shown.out)
    for item in (document, *(json.loads(line) for line in shown.err.splitlines())):
        CHECKER.validate(item)
    return document


def test_the_schema_is_a_schema_and_knows_every_verb() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    described = {name.removeprefix("result ").split()[0] for name in SCHEMA["$defs"] if name.startswith("result ")}
    assert described == set(VERBS)


def test_a_life_in_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(project, capsys, "validate", "local")["result"]["resources"] == 5
    assert len(ask(project, capsys, "plan", "local", "--detailed-exitcode", code=2)["result"]["plan"]["steps"]) == 5
    assert ask(project, capsys, "apply", "local", "-y")["result"]["applied"] is True
    assert ask(project, capsys, "apply", "local", "-y")["result"]["applied"] is False
    for verb in ("plan", "status", "verify", "output", "graph", "doctor", "unlock"):
        ask(project, capsys, verb, "local")
    (project.root / "store" / "model").write_text("precious")
    project.replace("path: store", "path: elsewhere")
    refused = ask(project, capsys, "apply", "local", "-y", code=1)["error"]
    project.replace("path: elsewhere", "path: store")
    assert refused["addresses"] == ["resources/local.directory/store"]
    assert ask(project, capsys, "state", "list", "local")["command"] == "state list"
    ask(project, capsys, "state", "show", "local", MOTD)
    ask(project, capsys, "state", "rm", "local", MOTD, "-y")
    ask(project, capsys, "import", "local", MOTD, str(project.root / "home" / "motd.txt"))
    ask(project, capsys, "state", "mv", "local", MOTD, "resources/local.file/news")
    ask(project, capsys, "recover", "local")
    kept = ask(project, capsys, "destroy", "local", "-y")["result"]["kept"]
    assert [item["address"] for item in kept] == ["resources/local.directory/store"]
    assert ask(project, capsys, "destroy", "local", "-y", "--allow-data-loss", "all")["result"]["left"] == []


def test_verbs_without_an_environment_in_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ask(project, capsys, "version")
    ask(project, capsys, "completion", "bash")
    ask(project, capsys, "modules")
    ask(project, capsys, "schema")
    ask(project, capsys, "schema", "--write")
    ask(project, capsys, "doctor")
    ask(project, capsys, "init", "new", "--components", "database")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "nope"), "usage"),
        (("plan",), "usage"),
        (("apply", "local"), "usage"),
        (("logs", "local", "tracking"), "usage"),
        (("logs", "local", "tracking", "-f"), "usage"),
        (("validate", "broken"), "spec"),
        (("modules", "nope"), "usage"),
        (("init", "x", "--preset", "kubeflow"), "usage"),
    ],
)
def test_errors_in_json(project: Project, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: str) -> None:
    project.write("version: 1\nplatform: Demo\ntarget: lokal\n", "broken")
    assert ask(project, capsys, *arguments, code=1)["error"]["code"] == code
