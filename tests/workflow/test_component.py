"""A module of the user's own: its outputs, its secret, and the script that verifies it."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from deployer.core.errors import UsageError
from deployer.core.events import EventType
from deployer.workflow.answers import Health, Options, Output
from deployer.workflow.apply import apply_environment
from deployer.workflow.modules import module_pages
from deployer.workflow.output import outputs
from deployer.workflow.status import status
from deployer.workflow.verify import verify
from tests.workflow.people import Person, Project

SPEC = """\
version: 1
platform: demo
target: local
modules: [../modules]
components:
  tool: {module: own, says: hello}
"""
MODULE = """\
component: tool
module: own
summary: A tool of our own.
versions: {own: "1.2"}
inputs:
  says: {type: string, default: nothing, doc: What it says.}
outputs:
  path: {doc: Where it is., env: TOOL_PATH}
  password: {doc: What it asks for., env: TOOL_PASSWORD, sensitive: true}
"""
LOCAL = f"""\
resources:
  key: {{kind: local.secret, config: {{length: 24}}}}
  file: {{kind: local.file, config: {{path: tool.txt, content: "${{input.says}}"}}}}
outputs:
  path: "${{resource.file.path}}"
  password: "${{resource.key.value}}"
service: file
verify:
  python: "{sys.executable}"
  script: verify.py
  environment: {{TOOL_PATH: "${{resource.file.path}}"}}
  secret_environment: {{TOOL_PASSWORD: "${{resource.key.value}}"}}
"""
SCRIPT = """\
import json, os, sys
print(json.dumps({"check": "variables", "ok": "PYTHONPATH" not in os.environ, "detail": "a clean environment", "seconds": 0.1}))
print("just a word")
text = open(os.environ["TOOL_PATH"]).read()
print(json.dumps({"check": "read", "ok": text == "hello" and len(os.environ["TOOL_PASSWORD"]) == 24, "detail": text}))
print("cannot go on" if text != "hello" else "", file=sys.stderr)
sys.exit(text != "hello")
"""


@pytest.fixture
def tool(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    folder = project.folder / "modules" / "tool" / "own"
    folder.mkdir(parents=True)
    for name, text in (("module.yaml", MODULE), ("local.yaml", LOCAL), ("verify.py", SCRIPT)):
        (folder / name).write_text(text)
    project.write(SPEC)
    return project


@pytest.fixture
def applied(tool: Project) -> Project:
    apply_environment(tool.where, Options(), Person())
    return tool


def test_outputs_are_unknown_before_an_apply_and_hidden_after_it(tool: Project) -> None:
    assert [(item.name, item.known) for item in outputs(tool.where)] == [("path", False), ("password", False)]
    done = apply_environment(tool.where, Options(), Person())
    path, password = done.outputs
    assert path == Output("tool", "path", f"{tool.root}/tool.txt", "TOOL_PATH", "Where it is.")
    assert (password.value, password.sensitive, password.known) == (None, True, True)


def test_a_sensitive_output_is_revealed_only_when_asked(applied: Project) -> None:
    hidden, shown = outputs(applied.where)[1], outputs(applied.where, reveal=True)[1]
    assert isinstance(shown.value, str)
    assert len(shown.value) == 24
    assert replace(shown, value=None) == hidden
    assert shown.value not in repr(shown)


def test_a_component_is_verified_by_its_script_in_a_clean_environment(applied: Project) -> None:
    person = Person()
    proof = verify(applied.where, [], person)[0]
    assert (proof.component, proof.ok, proof.detail) == ("tool", True, "")
    assert [step["check"] for step in proof.steps] == ["variables", "read"]
    assert person.notes == ["tool: just a word"]
    assert [event.type for event in person.events] == [EventType.STARTED, EventType.NOTE, EventType.NOTE, EventType.DONE]


def test_a_script_that_fails_says_why(applied: Project) -> None:
    (applied.root / "tool.txt").write_text("edited")
    proof = verify(applied.where, ["tool"], Person())[0]
    assert (proof.ok, proof.detail) == (False, "read: edited")


def test_what_was_never_applied_is_not_verified(tool: Project) -> None:
    assert "not applied" in verify(tool.where, [], Person())[0].detail
    with pytest.raises(UsageError, match="cannot be verified"):
        verify(tool.where, ["nope"], Person())


def test_a_status_has_the_components_version_and_place(applied: Project) -> None:
    seen = status(applied.where).components[0]
    assert (seen.component, seen.module, seen.health, seen.version) == ("tool", "own", Health.HEALTHY, "1.2")
    assert seen.url == f"{applied.root}/tool.txt"


def test_a_module_of_our_own_has_a_page_like_any_other(tool: Project) -> None:
    page = module_pages(tool.folder, "tool")[0]
    assert [item.name for item in page.inputs] == ["says"]
    assert [(item.name, item.sensitive) for item in page.outputs] == [("path", False), ("password", True)]
