"""Stories that only look: logs, the machine, the doctor, the graph, modules, the schema, patience."""

from __future__ import annotations

import json
import re
import socket
import threading
from itertools import islice
from pathlib import Path

import jsonschema
import pytest
import yaml

from deployer.core.errors import GraphError, SpecError, UsageError
from deployer.workflow.answers import Health, Options
from deployer.workflow.apply import apply_environment
from deployer.workflow.doctor import examine
from deployer.workflow.graph import graph
from deployer.workflow.logs import follow_log, last_lines, log_file
from deployer.workflow.machine import machine_checks
from deployer.workflow.modules import module_pages
from deployer.workflow.output import outputs
from deployer.workflow.retry import TRIES, Patient
from deployer.workflow.schema import schema, write_schema
from deployer.workflow.status import status
from deployer.workflow.unlock import lock_report
from deployer.workflow.validate import validate
from tests.workflow.people import SPEC, Person, Project

REPOSITORY = Path(__file__).parents[2]
SHIPPED = sorted(
    file for folder in (REPOSITORY, *REPOSITORY.glob("examples/*")) for file in folder.glob("environments/*.yaml") if file.stem != "base"
)


def test_the_last_lines_of_a_long_log(tmp_path: Path) -> None:
    file = tmp_path / "log"
    assert last_lines(file, 5) == []
    file.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert last_lines(file, 2) == ["line 99998", "line 99999"]
    assert last_lines(file, 0) == []
    file.write_text("no end")
    assert last_lines(file, 9) == ["no end"]


def test_a_followed_log_is_read_on_across_a_rotation(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("old\n")
    lines = follow_log(file, 5)

    def write() -> None:
        with file.open("a") as stream:
            stream.write("one\ntw")
        with file.open("a") as stream:
            stream.write("o\n")

    def rotate() -> None:
        with file.open("a") as stream:
            stream.write("".join(f"{number}\n" for number in range(50_000)) + "un")
        file.rename(tmp_path / "log.2")
        (tmp_path / "log.1").write_text("broken between\n")
        file.write_text("three\n")

    timers = [threading.Timer(0.4, write), threading.Timer(1.2, rotate)]
    for timer in timers:
        timer.start()
    found = list(islice(lines, 50_005))
    assert (found[:3], found[3:-2], found[-2:]) == (
        ["old", "one", "two"],
        [str(number) for number in range(50_000)],
        ["unbroken between", "three"],
    )


def test_what_writes_no_log_is_said_so(project: Project) -> None:
    with pytest.raises(UsageError, match="there is no log of 'tracking'"):
        log_file(project.where, "tracking")
    apply_environment(project.where, Options(), Person())
    with pytest.raises(UsageError, match="writes no log"):
        log_file(project.where, "resources/local.file/motd")


def test_the_machine_is_looked_at_without_touching_it(tmp_path: Path) -> None:
    checks = {check.name: check for check in machine_checks(tmp_path / "not" / "there")}
    assert {"system", "python", "uv", "disk", "memory", "open files"} <= set(checks)
    assert str(tmp_path) in checks["disk"].detail
    assert all(check.fix for check in checks.values() if not check.ok)
    assert list(tmp_path.iterdir()) == []


def test_services_that_other_machines_reach_are_warned_of(tmp_path: Path) -> None:
    def found(bind: str) -> list[bool]:
        return [check.warning for check in machine_checks(tmp_path, bind) if check.name == "bind"]

    assert [found(bind) for bind in ("127.0.0.1", "::1", "0.0.0.0", "192.168.1.5")] == [[], [], [True], [True]]  # noqa: S104 - only named


def test_the_doctor_names_who_holds_a_port_and_the_line_that_wants_it(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        project.write(SPEC + f"  http: {{kind: local.port, config: {{port: {port}}}}}\n")
        problem = next(item for item in examine(project.where).problems if item.path == "resources/local.port/http")
    assert f"port {port}" in problem.what
    assert problem.origin is not None
    assert problem.origin.line == len(SPEC.splitlines()) + 1


def test_a_status_tells_what_is_gone(project: Project) -> None:
    assert [item.health for item in status(project.where).components] == [Health.ABSENT]
    apply_environment(project.where, Options(), Person())
    assert [item.health for item in status(project.where).components] == [Health.HEALTHY]
    (project.root / "home" / "motd.txt").unlink()
    seen = status(project.where).components[0]
    assert seen.health is Health.UNHEALTHY
    assert seen.cause == f"local.file/motd: {project.root}/home/motd.txt is gone"


def test_a_graph_has_dependencies_first(project: Project) -> None:
    order = [node.address for node in graph(project.where)]
    assert order.index("resources/local.directory/home") < order.index("resources/local.file/motd")
    project.replace("path: home}}", 'path: "${resource.motd.path}/x"}}')
    with pytest.raises((GraphError, SpecError), match="motd"):
        graph(project.where)


def test_every_module_has_a_page(project: Project) -> None:
    pages = module_pages(project.folder, None)
    assert {f"{page.component}/{page.module}" for page in pages} >= {
        "tracking/mlflow",
        "database/sqlite",
        "artifacts/directory",
        "registry/mlflow",
    }
    assert [page.module for page in module_pages(project.folder, "tracking/mlflow")] == ["mlflow"]
    with pytest.raises(UsageError, match="there is no module"):
        module_pages(project.folder, "nope")


def test_the_schema_takes_what_validate_takes(project: Project) -> None:
    validate(project.where)
    checker = jsonschema.Draft202012Validator(schema(project.folder))
    checker.validate(yaml.safe_load(SPEC))
    for section, entry in (
        ("components", {"tracking": {"module": "mlflow", "prot": 1}}),
        ("resources", {"home": {"kind": "local.directory", "config": {"path": "home", "dta": True}}}),
        ("resources", {"home": {"kind": "local.directory", "config": {"path": "home", "data": "yes"}}}),
        ("resources", {"http": {"kind": "local.port", "config": {"port": 70000}}}),
        ("resources", {"web": {"kind": "local.process", "config": {"health": {"pth": "/"}}}}),
        ("resources", {"motd": {"kind": "local.fil", "config": {}}}),
    ):
        assert not checker.is_valid({**yaml.safe_load(SPEC), section: entry}), entry
    file = write_schema(project.folder)
    assert file == project.folder / ".deployer" / "schema.json"
    assert json.loads(file.read_text()) == schema(project.folder)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_the_schema_takes_every_environment_that_ships(file: Path) -> None:
    jsonschema.Draft202012Validator(schema(file.parents[1])).validate(yaml.safe_load(file.read_text()))


def test_every_hop_tells_its_mistakes_at_once(project: Project) -> None:
    project.write("""\
version: 1
platform: demo
target: local
settings: {bindd: 127.0.0.1}
components: {tracking: {module: mlfow}}
resources:
  reference: {kind: local.file, config: {path: a, content: "${resource.no.path} and ${resource.key.pth}"}}
  kind: {kind: local.fil, config: {}}
  key: {kind: local.file, config: {path: b, contents: x}}
  outside: {kind: local.file, config: {path: ../c, content: x}}
  one: {kind: local.file, config: {path: d, content: "${resource.two.path}"}}
  two: {kind: local.file, config: {path: e, content: x}, depends_on: [three]}
  three: {kind: local.file, config: {path: f, content: "${resource.one.path}"}}
""")
    with pytest.raises(SpecError) as caught:
        validate(project.where)
    told = [str(problem).removeprefix("environments/local.yaml:") for problem in caught.value.problems]
    assert [line.partition(":")[0] for line in told] == ["4", "5", "7", "7", "8", "9", "10", "11"]
    assert "a local.file has no output pth; one of: digest, path; did you mean path?" in told[2]
    assert "there is no resource no" in told[3]
    circle = next(line for line in told if "circle" in line)
    assert re.findall(r"resources/local.file/(\w+) ", circle) == ["one", "two", "three", "one"]


def test_validating_asks_for_no_secret(project: Project) -> None:
    project.write(
        SPEC.replace("resources:", "secrets: {KEY: {command: [/bin/false]}}\nresources:", 1)
        + '  key: {kind: local.file, config: {path: key, sensitive_content: "${secret:KEY}"}}\n'
    )
    assert validate(project.where).resources > 1


def test_nobody_holds_a_lock_that_was_never_taken(project: Project) -> None:
    assert lock_report(project.where).holder is None


def test_outputs_are_none_without_components(project: Project) -> None:
    assert outputs(project.where) == ()


def test_patience_tries_again_only_what_is_transient() -> None:
    tried: list[int] = []
    notes: list[str] = []

    def failing() -> None:
        tried.append(1)
        raise ValueError(f"number {len(tried)}")

    def now_and_then() -> str:
        tried.append(1)
        if len(tried) < 2:
            raise ConnectionError("away")
        return "here"

    patient = Patient(threading.Event())
    with pytest.raises(ValueError, match="number 1"):
        patient(failing, lambda _error: False, notes.append)
    tried.clear()
    assert patient(now_and_then, lambda _error: True, notes.append) == "here"
    assert notes[0].startswith(f"try 2 of {TRIES} in ")


def test_patience_ends_with_a_stop() -> None:
    stop = threading.Event()
    stop.set()
    tried: list[int] = []

    def failing() -> None:
        tried.append(1)
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        Patient(stop)(failing, lambda _error: True, lambda _note: None)
    assert len(tried) == 1
