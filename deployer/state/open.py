"""The way in: from a spec's `state` to a backend, and from a backend to a session that may write."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deployer.core.errors import LockHeldError, StateError
from deployer.core.protocols import Backend
from deployer.core.resource import Mark
from deployer.core.state import Holder, State
from deployer.state.here import here
from deployer.state.ledger import JournalLedger, load
from deployer.state.lock import Heartbeat, Standing, describe, held, judge
from deployer.state.reset import reset


def _file(path: str) -> Backend:
    from deployer.state.file import FileBackend  # noqa: PLC0415 - each backend's library only where it is used

    return FileBackend(Path(path))


BACKENDS: Mapping[str, Callable[[str], Backend]] = {"file": _file}
"""URL scheme to backend; a new backend is one line here."""


def open_backend(where: str, project: Path) -> Backend:
    """The backend at a URL (`file:///srv/state`) or a plain path, which counts from the project's folder.

    Raises `StateError` naming the supported schemes for any other.
    """
    parts = urlsplit(where) if "://" in where else None
    if parts is None:
        return BACKENDS["file"](str(project / Path(where).expanduser()))
    if parts.scheme not in BACKENDS:
        supported = ", ".join(f"{scheme}://" for scheme in BACKENDS)
        fix = f"supported are {supported} and plain paths"
        raise StateError(f"no state backend for {parts.scheme}://", why=f"the spec's `state` says {_public(where)}", fix=fix)
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise StateError(f"{where} names the host {parts.netloc}", why="files are local", fix=f"write file:///{parts.netloc}{parts.path}")
    return BACKENDS[parts.scheme](unquote(parts.path))


def default_path(project: Path, environment: str) -> Path:
    """Where an environment's state lies when its spec says nothing."""
    return project / ".deployer" / environment / "state"


def read(backend: Backend, mark: Mark) -> State:
    """The state without a lock and without writing anything, for plans. Raises like `ledger.load`."""
    return load(backend, mark).state


def refuse_taken(backend: Backend) -> None:
    """Raises `LockHeldError` when a living holder has the lock: an early look, for only `acquire` settles who may write."""
    other = None
    with contextlib.suppress(StateError):  # a lock that cannot be read is for `acquire` to tell
        other = backend.holder()
    if other is not None and judge(other, here()) is Standing.ALIVE:
        raise held(other, time.time())


@contextlib.contextmanager
def session(
    backend: Backend,
    mark: Mark,
    holder: Holder,
    timeout: float = 0.0,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[JournalLedger]:
    """The ledger while we hold the lock and its heart beats.

    Waits up to `timeout` seconds for the lock, `note` hearing whom for; then raises `LockHeldError`.
    """
    with _locked(backend, holder, timeout, note) as heartbeat, _ledger(backend, mark, heartbeat) as ledger:
        yield ledger


@contextlib.contextmanager
def recovery(
    backend: Backend,
    mark: Mark,
    holder: Holder,
    timeout: float = 0.0,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[JournalLedger]:
    """Like `session`, but begins with an empty state of a new lineage, whatever is there; copies of it are kept."""
    with _locked(backend, holder, timeout, note) as heartbeat:
        reset(backend, mark, heartbeat.holder.epoch)
        with _ledger(backend, mark, heartbeat) as ledger:
            yield ledger


@contextlib.contextmanager
def _ledger(backend: Backend, mark: Mark, heartbeat: Heartbeat) -> Iterator[JournalLedger]:
    ledger = JournalLedger(backend, mark, heartbeat.holder.epoch, heartbeat.check)
    try:
        yield ledger
    finally:
        ledger.close()


@contextlib.contextmanager
def _locked(backend: Backend, holder: Holder, timeout: float, note: Callable[[str], None]) -> Iterator[Heartbeat]:
    mine = acquire(backend, holder, timeout, note)
    try:
        with Heartbeat(backend, mine) as heartbeat:
            yield heartbeat
    finally:
        with contextlib.suppress(StateError):  # it lapses by itself
            backend.release(mine)


def acquire(backend: Backend, holder: Holder, timeout: float, note: Callable[[str], None]) -> Holder:
    """Takes the lock, waiting up to `timeout` seconds.

    A holder whose heart we do not see beating for two leases is gone, whatever its clock says.
    """
    begin, pause = time.monotonic(), 0.05
    watched: tuple[int, float] | None = None
    since = begin
    while True:
        try:
            return backend.acquire(holder)
        except LockHeldError as error:
            waited = time.monotonic() - begin
            if waited >= timeout:
                raise _after(error, waited) from None
        other = backend.holder()
        seen = (other.epoch, other.heartbeat) if other else None
        if other and (watched is None or watched[0] != other.epoch):
            note(f"waiting for the lock held by {describe(other, time.time())}")
        if seen != watched:
            watched, since = seen, time.monotonic()
        elif other and time.monotonic() - since > 2 * other.lease:
            with contextlib.suppress(LockHeldError):
                backend.break_lock(other)
        time.sleep(max(0.0, min(pause, timeout - waited)))
        pause = min(1.0, pause * 2)


def _after(error: LockHeldError, waited: float) -> LockHeldError:
    why = f"waited {waited:.0f} s for it" if waited >= 1 else ""
    return LockHeldError(error.what, error.holder, why=why, fix=error.fix)


def _public(url: str) -> str:
    """The URL without what may be credentials in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
