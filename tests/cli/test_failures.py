from __future__ import annotations

import errno
import json

import click
import pytest

from deployer.cli.failures import ExitCode, describe, exit_code, report, words
from deployer.cli.text import PLAIN
from deployer.core import errors
from deployer.core.errors import Origin, Problem

PROBLEM = Problem("is not a port", "components.tracking.port", Origin("environments/local.yaml", 7, 12), "99999", "1 to 65535", "9999")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SpecError([PROBLEM]), 1),
        (errors.ApplyError({"a": "b"}, []), 1),
        (errors.LockHeldError("held", {"pid": 1}), 3),
        (errors.InterruptedApplyError("stopped"), 130),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (click.UsageError("no"), 1),
        (click.exceptions.Exit(2), 2),
        (ValueError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_every_mistake_has_its_line() -> None:
    text = words(errors.SpecError([PROBLEM, PROBLEM]), PLAIN)
    line = "error: environments/local.yaml:7:12: components.tracking.port: is not a port (value 99999); 1 to 65535; did you mean 9999?"
    assert text.splitlines() == [line, line]


def test_a_failed_apply_tells_what_was_not_started() -> None:
    text = words(errors.ApplyError({"a/k/x": "boom"}, ["b/k/y"]), PLAIN)
    assert text.splitlines()[:2] == ["error: a/k/x: boom", "  not started because of that: b/k/y"]


def test_an_error_as_json_carries_everything_it_knows() -> None:
    held = describe(errors.LockHeldError("held", {"pid": 7}, fix="wait"))
    assert held == {"code": "lock_held", "message": "held", "fix": "wait", "holder": {"pid": 7}}
    problem = describe(errors.SpecError([PROBLEM]))["problems"][0]
    assert problem["origin"] == {"file": "environments/local.yaml", "line": 7, "column": 12}
    assert describe(errors.DataLossError("data", ["a"]))["addresses"] == ["a"]
    assert describe(errors.ApplyError({"a": "b"}, ["c"]))["skipped"] == ["c"]


def test_json_errors_are_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(errors.SpecError([PROBLEM]), "plan", as_json=True) == 1
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert (document["schema"], document["command"], document["error"]["exit_code"]) == ("deployer/1", "plan", 1)
    assert shown.err == ""


def test_a_defect_keeps_its_values_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYER_DEBUG", raising=False)
    with pytest.raises(ValueError, match="canary") as caught:
        int("canary-secret")
    text = words(caught.value, PLAIN)
    assert "a defect in deployer: ValueError at" in text
    assert "canary" not in text


def test_a_file_error_names_the_file() -> None:
    assert words(PermissionError(errno.EACCES, "Permission denied", "/x"), PLAIN) == "error: Permission denied: /x"


def test_the_codes_are_the_documented_ones() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 130]
