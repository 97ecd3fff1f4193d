"""Secrets from real variables, files and programs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from deployer.core.errors import Origin, SpecError
from deployer.spec import secrets
from deployer.spec.secrets import SecretReader
from deployer.spec.spec import SpecSecret

CANARY = "canary-3f9a"
ORIGIN = Origin("local.yaml", 5, 3)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def reader(folder: Path, **source: object) -> SecretReader:
    return SecretReader({"KEY": SpecSecret("KEY", ORIGIN, **source)}, folder, {"VARIABLE": CANARY, "EMPTY": ""})  # type: ignore[arg-type]


def refusal(read: SecretReader) -> str:
    with pytest.raises(SpecError) as caught:
        read("KEY")
    assert CANARY not in str(caught.value)
    assert str(caught.value).startswith("local.yaml:5:3: secrets.KEY: ")
    error: BaseException | None = caught.value
    while error is not None:  # nothing that a traceback would print carries it either
        assert CANARY not in repr(error)
        error = error.__cause__ or error.__context__
    return str(caught.value)


def test_a_variable_gives_its_value(tmp_path: Path) -> None:
    assert reader(tmp_path, env="VARIABLE")("KEY") == CANARY


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"a", "a"), (b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b" a \n", " a "), ("ü\n".encode(), "ü"), (b"a\r", "a\r")],
)
def test_a_file_loses_one_line_end_and_nothing_else(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "key").write_bytes(content)
    assert reader(tmp_path, file=tmp_path / "key")("KEY") == value


def test_a_command_runs_in_the_project_with_the_environment_and_without_a_shell(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['VARIABLE'], sys.argv[1])"
    value = reader(tmp_path, command=(*python(code), "$HOME; ls"))("KEY")
    assert value == f"{tmp_path} {CANARY} $HOME; ls"


def test_a_source_is_asked_once(tmp_path: Path) -> None:
    read = reader(tmp_path, command=python("open('asked', 'a').write('x'); print('value')"))
    assert [read("KEY"), read("KEY")] == ["value", "value"]
    assert (tmp_path / "asked").read_text() == "x"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"env": "NOWHERE"}, "the environment variable NOWHERE is not set"),
        ({"env": "EMPTY"}, "empty value"),
        ({"file": Path("/nowhere/key")}, "the file /nowhere/key cannot be read: No such file or directory"),
        ({"file": Path("/")}, "it is a folder"),
        ({"file": Path("/dev/zero")}, "not a regular file"),
        ({"command": ("/nowhere/program",)}, "the command /nowhere/program cannot be run: No such file or directory"),
        ({"command": ("/",)}, "cannot be run: Permission denied"),
        ({"command": ("a\0b",)}, "cannot be run"),
        ({"command": python(f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(7)")}, "ended with code 7"),
        ({"command": python("")}, "empty value"),
        ({"command": python(f"import sys; sys.stdout.buffer.write(b'{CANARY}' + bytes([255]))")}, "not UTF-8"),
        ({"command": python("while True: print('x' * 65536)")}, "more than 1 MiB"),
    ],
)
def test_a_failing_source_is_named_and_its_value_never(tmp_path: Path, source: dict[str, object], words: str) -> None:
    assert words in refusal(reader(tmp_path, **source))


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * (2 << 20))
    assert "more than 1 MiB" in refusal(reader(tmp_path, file=tmp_path / "key"))


def test_a_late_command_goes_with_everything_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 1.5)
    command = ("sh", "-c", "sleep 600 & echo $! > pid; wait")
    assert "took over 1.5 seconds" in refusal(reader(tmp_path, command=command))
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 30
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_that_leaves_a_child_with_its_output_open_is_late_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 1.5)
    assert "took over" in refusal(reader(tmp_path, command=("sh", "-c", "echo value; sleep 5 &")))


def test_a_name_nobody_declared_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"the secret KEX is not declared; one of those under `secrets`; did you mean \$\{secret:KEY\}\?"):
        reader(tmp_path, env="VARIABLE")("KEX")


def test_a_reader_shows_no_values(tmp_path: Path) -> None:
    read = reader(tmp_path, env="VARIABLE")
    read("KEY")
    assert CANARY not in repr(read)
