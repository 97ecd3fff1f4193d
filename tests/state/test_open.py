from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deployer.core.errors import FencedError, LockHeldError, StateError
from deployer.core.resource import Mark
from deployer.core.state import Entry, EntryType, Pending, StateObject
from deployer.state.file import FileBackend
from deployer.state.here import whoami
from deployer.state.open import acquire, default_path, open_backend, read, recovery, refuse_taken, session

MARK = Mark("demo", "local")


def thing(number: int) -> StateObject:
    return StateObject(f"c/k/{number}", "k", f"id-{number}")


def ended(*numbers: int) -> list[Entry]:
    return [Entry(EntryType.END, thing(number)) for number in numbers]


def lock_of(backend: FileBackend) -> Path:
    return Path(urlsplit(backend.url).path) / "lock.json"


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "state")


@pytest.mark.parametrize(
    ("where", "url"),
    [
        ("states/prod", "file:///project/states/prod"),
        ("/srv/state", "file:///srv/state"),
        ("file:///srv/my%20state", "file:///srv/my%20state"),
        ("file://localhost/srv/state", "file:///srv/state"),
    ],
)
def test_a_path_or_url_opens_the_local_backend(where: str, url: str) -> None:
    assert open_backend(where, Path("/project")).url == url


def test_another_scheme_is_refused_naming_the_supported_ones_and_no_credentials() -> None:
    with pytest.raises(StateError, match=r"no state backend for s3://") as caught:
        open_backend("s3://key:s3cret@bucket/prod?token=s3cret", Path("/project"))
    assert "file://" in caught.value.fix
    assert "s3://bucket/prod" in caught.value.why
    assert "s3cret" not in str(caught.value)


def test_a_file_url_with_a_host_is_most_likely_a_slash_short() -> None:
    with pytest.raises(StateError, match="names the host srv") as caught:
        open_backend("file://srv/state", Path("/project"))
    assert "file:///srv/state" in caught.value.fix


def test_state_lies_beside_the_project_when_the_spec_says_nothing() -> None:
    assert default_path(Path("/project"), "prod") == Path("/project/.deployer/prod/state")


def test_reading_takes_no_lock_and_makes_nothing(backend: FileBackend, tmp_path: Path) -> None:
    assert read(backend, MARK).serial == 0
    assert list(tmp_path.iterdir()) == []
    with session(backend, MARK, whoami("apply")) as ledger:
        ledger.write(ended(1))
        assert read(backend, MARK) == ledger.state()


def test_an_early_look_refuses_a_living_holder_only_and_takes_nothing(backend: FileBackend, tmp_path: Path) -> None:
    refuse_taken(backend)
    assert list(tmp_path.iterdir()) == []
    with session(backend, MARK, whoami("apply")), pytest.raises(LockHeldError, match="apply"):
        refuse_taken(backend)
    refuse_taken(backend)


@pytest.mark.parametrize("gone", [{"heartbeat": 0.0}, {"process_started": -1000.0}])
def test_an_early_look_lets_a_dead_or_lapsed_holder_pass(backend: FileBackend, gone: dict[str, float]) -> None:
    mine = backend.acquire(whoami("apply"))
    lock_of(backend).write_text(json.dumps(asdict(mine) | gone))
    refuse_taken(backend)


def test_an_early_look_leaves_an_unreadable_lock_for_later(backend: FileBackend) -> None:
    backend.acquire(whoami("apply"))
    lock_of(backend).write_text("{")
    refuse_taken(backend)
    with pytest.raises(StateError, match="unreadable"):
        acquire(backend, whoami("another"), 0.0, lambda _: None)


def test_a_session_gives_the_lock_back_whatever_happened(backend: FileBackend) -> None:
    with contextlib.suppress(ZeroDivisionError), session(backend, MARK, whoami("apply")) as ledger:
        ledger.write(ended(1))
        raise ZeroDivisionError
    assert backend.holder() is None
    assert set(read(backend, MARK).objects) == {"c/k/1"}


def test_a_second_session_is_refused_without_waiting(backend: FileBackend, tmp_path: Path) -> None:
    again = FileBackend(tmp_path / "state")
    with (
        session(backend, MARK, whoami("the first")),
        pytest.raises(LockHeldError, match="the first"),
        session(again, MARK, whoami("second")),
    ):
        pass


def test_a_session_waits_for_the_lock_and_says_for_whom(backend: FileBackend, tmp_path: Path) -> None:
    first = backend.acquire(whoami("the first"))
    threading.Timer(0.3, lambda: backend.release(first)).start()
    notes: list[str] = []
    with session(FileBackend(tmp_path / "state"), MARK, whoami("second"), 20, notes.append) as ledger:
        ledger.write(ended(1))
    assert len(notes) == 1
    assert "the first" in notes[0]


def test_a_session_that_waited_long_enough_gives_up(backend: FileBackend) -> None:
    backend.acquire(whoami("the first"))
    begin = time.monotonic()
    with pytest.raises(LockHeldError) as caught, session(backend, MARK, whoami("second"), 1.0):
        pass
    assert time.monotonic() - begin >= 1
    assert "waited 1 s" in caught.value.why


def test_a_heart_elsewhere_that_does_not_beat_is_gone_whatever_its_clock_says(backend: FileBackend, tmp_path: Path) -> None:
    ahead = replace(whoami("ahead", 0.2), host="elsewhere")
    backend.acquire(ahead)
    lock = tmp_path / "state" / "lock.json"
    text = lock.read_text()
    now = str(int(time.time()))
    lock.write_text(text.replace(now, "9" + now))
    with pytest.raises(LockHeldError):
        backend.acquire(whoami("at once"))
    assert acquire(backend, whoami("patient"), 20, lambda _: None).epoch > 0


def test_a_session_whose_lock_is_taken_over_cannot_write_any_more(backend: FileBackend, tmp_path: Path) -> None:
    other = FileBackend(tmp_path / "state")
    with session(backend, MARK, whoami("slow")) as ledger:
        ledger.write(ended(1))
        slow = other.holder()
        assert slow is not None
        other.break_lock(slow)
        other.acquire(whoami("other"))
        with pytest.raises(FencedError):
            ledger.write(ended(2))
    holder = other.holder()
    assert holder is not None
    assert holder.command == "other"
    assert set(read(other, MARK).objects) == {"c/k/1"}


def test_a_recovery_begins_anew_whatever_is_there(backend: FileBackend, tmp_path: Path) -> None:
    with session(backend, MARK, whoami("apply")) as ledger:
        ledger.write(ended(1, 2))
        old = ledger.state().lineage
    (tmp_path / "state" / "state.json").write_text("damaged")
    with pytest.raises(StateError):
        read(backend, MARK)
    with recovery(backend, MARK, whoami("recover")) as ledger:
        ledger.write(ended(2))
    state = read(backend, MARK)
    assert set(state.objects) == {"c/k/2"}
    assert state.lineage != old


CALLS = ("open", "write", "fsync", "replace", "unlink", "ftruncate")


def die_at(boundary: int, work: Callable[[], None]) -> bool:
    """Runs the work in a child killed right before its nth call that changes the disk; a write is half done then."""
    child = os.fork()
    if not child:
        count = 0

        def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any call of os
                nonlocal count
                count += 1
                if count == boundary:
                    if name == "write":
                        call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return wrapped

        for name in CALLS:
            setattr(os, name, counted(name, getattr(os, name)))
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_a_crash_at_every_write_boundary_leaves_a_prefix_that_goes_on(tmp_path: Path) -> None:
    boundary, died = 0, True
    while died:
        boundary += 1
        folder = tmp_path / str(boundary)
        told, tell = os.pipe()

        def work(folder: Path = folder, tell: int = tell) -> None:
            for first in (0, 10):
                with session(FileBackend(folder), MARK, whoami("doomed")) as ledger:
                    for number in range(first, first + 2):
                        ledger.write([Entry(EntryType.BEGIN, replace(thing(number), pending=Pending.CREATE))])
                        ledger.write(ended(number))
                        os.writev(tell, [b"%d " % number])

        died = die_at(boundary, work)
        os.close(tell)
        durable = {f"c/k/{number}" for number in os.read(told, 100).decode().split()}
        os.close(told)
        before = read(FileBackend(folder), MARK)
        assert durable <= set(before.objects)
        assert len(before.objects) - len(durable) <= 1
        with session(FileBackend(folder), MARK, whoami("next")) as ledger:
            assert ledger.state().objects == before.objects
            ledger.write(ended(99))
        after = read(FileBackend(folder), MARK)
        assert dict(after.objects) == {**before.objects, "c/k/99": thing(99)}
        assert after.serial == before.serial + 1
    assert boundary > 40
    assert len(durable) == 4
