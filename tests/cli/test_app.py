from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer import __version__
from deployer.cli.app import VERBS, run

HEAVY = ("pydantic", "rich", "yaml", "jinja2", "httpx", "psutil", "tenacity")


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, "NO_COLOR": "1", **variables}
    return subprocess.run(
        [sys.executable, "-m", "deployer", *arguments], capture_output=True, text=True, env=everything, check=False, timeout=60
    )


def test_the_version_is_said_without_anything_heavy() -> None:
    look = (
        f"import sys; from deployer.cli.app import run; code = run(['--version']); print(code, [m for m in {HEAVY!r} if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.splitlines() == [f"deployer {__version__}", "0 []"]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_help_names_every_verb_and_imports_none(arguments: list[str]) -> None:
    seen = "print(*[m for m in sys.modules if m.startswith('deployer.cli.verbs.')])"
    look = f"import sys; from deployer.cli.app import run; run({arguments!r}); {seen}"
    lines = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert all(any(line.startswith(f"  {verb} ") for line in lines) for verb in VERBS)
    assert lines[-1] == ""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_page_and_takes_json_or_verbs_of_its_own(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    page = capsys.readouterr().out
    assert "--json" in page or "Commands:" in page
    assert "\\b" not in page  # click's sign for lines that stay as they are, taken literally


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vresion"], "there is no verb 'vresion'; did you mean version?"),
        (["plan"], "Missing argument 'ENV'"),
        (["apply", "local", "--parallelism", "0"], "--parallelism"),
        (["apply", "local", "--lock-timeout", "-1"], "--lock-timeout"),
        (["plan", "local", "--nonsense"], "--nonsense"),
    ],
)
def test_a_wrong_command_line_is_exit_code_1_and_says_why(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 1
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""


def test_a_wrong_command_line_with_json_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "plan"
    assert document["error"]["code"] == "usage"


def test_the_folder_may_stand_before_and_after_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert run(["-C", str(tmp_path / "a"), "plan", "nope", "-C", "b"]) == 1
    assert str(tmp_path / "a" / "b") in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_DEPLOYER_COMPLETE" in capsys.readouterr().out


def test_completion_knows_verbs_and_environments(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    for name in ("local", "prod"):
        (tmp_path / "environments" / f"{name}.yaml").touch()
    verbs = command(_DEPLOYER_COMPLETE="bash_complete", COMP_WORDS="deployer pl", COMP_CWORD="1").stdout
    assert verbs.split() == ["plain,plan"]
    words = f"deployer plan -C {tmp_path} "
    names = command(_DEPLOYER_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="4").stdout
    assert names.split() == ["plain,local", "plain,prod"]


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    line = f"{sys.executable} -m deployer modules --json | true; {sys.executable} -m deployer schema | head -c 1 >/dev/null"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
