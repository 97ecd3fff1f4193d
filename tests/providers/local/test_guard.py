"""The guard alone: who dies with whom, what a program is started with, and what is noted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deployer.providers.local import guard

PYTHON = os.path.realpath(sys.executable)
NOTE_CHILDREN = """
import os, subprocess, sys, time
plain = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(600)"])
apart = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(600)"], start_new_session=True)
with open("pids.new", "w") as file:
    file.write(f"{os.getpid()} {plain.pid} {apart.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"""


class Guarded:
    """A program file, and the guards started for it; everything is ended by pid at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "program.json"
        self.guards: list[subprocess.Popen[bytes]] = []
        self.seen: set[int] = set()

    def write(self, code: str, **changes: Any) -> None:  # noqa: ANN401 - fields of a JSON document
        document = {
            "mark": "demo/local/a/local.process/b",
            "command": [PYTHON, "-IS", "-c", code],
            "environment": {},
            "secret_environment": {},
            "directory": str(self.folder),
            "stop": {"signal": "TERM", "timeout": 2},
            "salt": "s",
        }
        self.path.write_text(json.dumps(document | changes))

    def start(self, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - passed on
        command = [PYTHON, "-I", "-S", guard.__file__, str(self.path), "digest"]
        self.guards.append(subprocess.Popen(command, stderr=subprocess.PIPE, **options))
        return self.guards[-1]

    def children(self) -> list[int]:
        """Pids of the leader, its child, and its child in a session of its own, once they have started."""
        note = self.folder / "pids"
        wait_for(note.exists)
        pids = [int(pid) for pid in note.read_text().split()]
        self.seen.update(pids)
        note.unlink()
        return pids

    def record(self) -> dict[str, Any]:
        return guard.read_record(str(self.path))

    def end(self) -> None:
        for process in self.guards:
            self.seen.add(process.pid)
        for pid in self.seen | guard.leftovers(str(self.path), self.record()):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        for process in self.guards:
            process.communicate()


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    return pid in guard.processes()


def gone(pids: list[int]) -> Callable[[], bool]:
    return lambda: not any(alive(pid) for pid in pids)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path)
    yield made
    made.end()


def test_a_killed_leader_takes_all_its_processes_with_it(guarded: Guarded) -> None:
    guarded.write(NOTE_CHILDREN)
    process = guarded.start()
    pids = guarded.children()
    os.kill(pids[0], signal.SIGKILL)
    assert process.wait(10) == 128 + signal.SIGKILL
    assert not any(alive(pid) for pid in pids)
    assert guarded.record()["last_exit"]["reason"] == "killed by SIGKILL"


def test_stopping_the_guard_stops_the_whole_tree(guarded: Guarded) -> None:
    guarded.write(NOTE_CHILDREN)
    process = guarded.start()
    pids = guarded.children()
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGTERM
    assert not any(alive(pid) for pid in pids)
    assert guarded.record()["stopped"]


def test_the_next_guard_ends_what_a_killed_guard_left(guarded: Guarded) -> None:
    guarded.write(NOTE_CHILDREN)
    process = guarded.start()
    pids = guarded.children()
    process.kill()
    process.wait()
    wait_for(gone(pids[:1]))
    assert any(alive(pid) for pid in pids[1:])
    guarded.start()
    later = guarded.children()
    assert not any(alive(pid) for pid in pids)
    assert all(alive(pid) for pid in later)
    assert guarded.record()["last_exit"]["reason"] == "its guard was killed"


def test_the_next_guard_ends_a_program_that_cleared_its_environment(guarded: Guarded) -> None:
    guarded.write(
        "import os, sys, signal; signal.signal(15, signal.SIG_IGN); os.execve(sys.executable, [sys.executable, '-IS', '-c', "
        "'import time; time.sleep(600)'], {})"
    )
    process = guarded.start()
    wait_for(lambda: guarded.record().get("program"))
    old = guarded.record()["program"]
    wait_for(lambda: guard.program_of(old) is None)
    process.kill()
    process.wait()
    assert alive(old)
    guarded.write("import time; time.sleep(600)", stop={"signal": "TERM", "timeout": 0.2})
    guarded.start()
    wait_for(gone([old]))


def test_another_program_with_the_same_mark_elsewhere_is_left_alone(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Guarded(tmp_path / "other")
    try:
        other.write(NOTE_CHILDREN)
        other.start()
        pids = other.children()
        guarded.write(NOTE_CHILDREN)
        guarded.start()
        guarded.children()
        assert all(alive(pid) for pid in pids)
    finally:
        other.end()


def test_a_killed_parent_of_the_guard_ends_everything(guarded: Guarded) -> None:
    guarded.write(NOTE_CHILDREN)
    parent = subprocess.Popen(
        [PYTHON, "-c", f"import subprocess; subprocess.run({[PYTHON, '-I', '-S', guard.__file__, str(guarded.path), 'd']!r})"],
    )
    pids = guarded.children()
    keeper = guarded.record()["guard"]
    parent.kill()
    parent.wait()
    wait_for(gone([*pids, keeper]))


def test_a_program_that_ignores_its_stop_signal_is_killed_after_the_timeout(guarded: Guarded) -> None:
    guarded.write(
        "import signal, time; signal.signal(15, signal.SIG_IGN); open('pids', 'w').write('1'); time.sleep(600)",
        stop={"signal": "TERM", "timeout": 0.3},
    )
    process = guarded.start()
    wait_for((guarded.folder / "pids").exists)
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGKILL


def test_the_stop_signal_of_the_program_is_used(guarded: Guarded) -> None:
    code = "import signal, sys, time; signal.signal(3, lambda *_: sys.exit(7)); open('pids', 'w').write('1'); time.sleep(600)"
    guarded.write(code, stop={"signal": "QUIT", "timeout": 5})
    process = guarded.start()
    wait_for((guarded.folder / "pids").exists)
    process.terminate()
    assert process.wait(10) == 7


def test_a_hangup_is_passed_on(guarded: Guarded) -> None:
    code = "import signal, sys, time; signal.signal(1, lambda *_: sys.exit(9)); open('pids', 'w').write('1'); time.sleep(600)"
    guarded.write(code)
    process = guarded.start()
    wait_for((guarded.folder / "pids").exists)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 9


def test_the_program_sees_only_its_own_environment_and_default_signals(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    code = (
        "import json, os, signal; mask = os.umask(0); "
        "signals = [signal.getsignal(n) is not signal.SIG_IGN for n in (1, 3, 13)]; "
        "print(json.dumps([dict(os.environ), signals, mask, os.getsid(0) == os.getpid(), os.read(0, 1) == b'']), file=open('seen', 'w'))"
    )
    guarded.write(code, environment={"A": "1 %x ü"}, secret_environment={"B": "two"})
    # a non-interactive shell's `&` starts programs with SIGINT and SIGQUIT ignored
    process = guarded.start(preexec_fn=lambda: signal.signal(signal.SIGQUIT, signal.SIG_IGN) and None)
    assert process.wait(10) == 0
    environment, signals, mask, leads, no_input = json.loads((guarded.folder / "seen").read_text())
    assert environment.items() >= {"A": "1 %x ü", "B": "two", "DEPLOYER_MARK": "demo/local/a/local.process/b"}.items()
    assert environment["DEPLOYER_PROGRAM"] == str(guarded.path)
    assert not {"LEAKED", "PYTHONDONTWRITEBYTECODE", "SUPERVISOR_ENABLED"} & set(environment)
    assert signals == [True, True, False]  # Python itself ignores SIGPIPE
    assert (mask, leads, no_input) == (0o077, True, True)


def test_the_exit_code_and_failures_in_a_row_are_noted(guarded: Guarded) -> None:
    guarded.write("raise SystemExit(5)")
    for _ in range(3):
        assert guarded.start().wait(10) == 5
    record = guarded.record()
    assert (record["failures"], record["restarts"], record["last_exit"]["reason"]) == (3, 2, "exited with code 5")
    guarded.write("raise SystemExit(5)", environment={"NEW": "1"})
    guarded.start().wait(10)
    assert (guarded.record()["failures"], guarded.record()["restarts"]) == (1, 0)


def test_a_missing_program_is_named(guarded: Guarded) -> None:
    guarded.write("", command=["/nowhere/at/all"])
    process = guarded.start()
    assert process.wait(10) == 127
    assert process.stderr is not None
    assert "cannot start /nowhere/at/all" in process.stderr.read().decode()


def test_an_unusable_file_is_named_and_not_shown(guarded: Guarded) -> None:
    guarded.path.write_text('{"command": ["s3cret"')
    process = guarded.start()
    assert process.wait(10) == guard.BAD_FILE
    assert process.stderr is not None
    said = process.stderr.read().decode()
    assert str(guarded.path) in said
    assert "s3cret" not in said


def test_the_digest_follows_what_is_run_and_the_salt_only() -> None:
    document = {"mark": "m", "command": ["a"], "environment": {}, "secret_environment": {}, "directory": "/", "stop": {}, "salt": "1"}
    assert guard.digest(document | {"health": 1}) == guard.digest(document)
    assert guard.digest(document | {"salt": "2"}) != guard.digest(document)
    assert guard.digest(document | {"command": ["b"]}) != guard.digest(document)


def test_a_guard_is_small(guarded: Guarded) -> None:
    guarded.write("import time; time.sleep(600)")
    process = guarded.start()
    wait_for(lambda: guarded.record().get("program"))
    assert psutil.Process(process.pid).memory_info().rss < 20_000_000
