"""Who may write: what a lock's holder is worth, said for people, and the heartbeat that keeps a lock alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Self

from deployer.core.errors import FencedError, LockHeldError, StateError
from deployer.core.protocols import Backend
from deployer.core.state import Holder

LEASE = 60.0
"""Seconds without a heartbeat after which a lock lapses."""

_SKEW = 30.0  # seconds two hosts' clocks may differ
_START = 2.0  # seconds two readings of one process's start may differ


class Standing(StrEnum):
    """What a holder is worth. Only the lock of an ALIVE one keeps others out."""

    ALIVE = "alive"
    DEAD = "dead"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Here:
    """This machine as the judge sees it. `started` gives a process's start in seconds since boot, None when it is gone.

    `boot` is the running boot's id, a slash, and the pid namespace: pids mean something only within one namespace.
    """

    host: str
    boot: str
    booted: float
    now: float
    started: Callable[[int], float | None]


def judge(holder: Holder, here: Here) -> Standing:
    """Whether the holder still counts. Another machine is known by its heartbeats alone."""
    if holder.host == here.host and _dead(holder, here):
        return Standing.DEAD
    silent = here.now - holder.heartbeat
    skew = 0.0 if holder.host == here.host else min(holder.lease, _SKEW)
    return Standing.LAPSED if silent > holder.lease + skew else Standing.ALIVE


def _dead(holder: Holder, here: Here) -> bool:
    boot, _, space = holder.boot.partition("/")
    here_boot, _, here_space = here.boot.partition("/")
    if boot != here_boot:
        # A heartbeat younger than our boot comes from another machine of the same name: only its lease counts.
        return holder.heartbeat < here.booted
    if space != here_space:
        return False
    started = here.started(holder.pid)
    return started is None or abs(started - holder.process_started) > _START


def held(holder: Holder, now: float) -> LockHeldError:
    """The refusal, naming the holder."""
    fix = "wait for it (--lock-timeout SECONDS), or, when you are sure it is gone, `deployer unlock ENV`"
    return LockHeldError(f"the lock is held by {describe(holder, now)}", asdict(holder), fix=fix)


def lost(holder: Holder, other: Holder | None, now: float) -> FencedError:
    """The refusal of a write, naming who has the lock instead."""
    why = f"{describe(other, now)} has it now" if other else "it was given back or broken"
    return FencedError(
        f"the lock taken at {_clock(holder.since)} is lost, so nothing more is written",
        why=why,
        fix="run the command again: what was made is found and recorded",
    )


def describe(holder: Holder, now: float) -> str:
    """`ann on host7 (pid 42: deployer apply prod), since 12:03:11 (2 min), last heartbeat 3 s ago`."""
    since = f"since {_clock(holder.since)} ({_span(now - holder.since)})"
    text = (
        f"{holder.user} on {holder.host} (pid {holder.pid}: {holder.command}), {since}, last heartbeat {_span(now - holder.heartbeat)} ago"
    )
    return "".join(char if char.isprintable() else "?" for char in text)


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _span(seconds: float) -> str:
    minute, hour, day = 60, 3600, 86400
    whole = max(0, round(seconds))
    if whole < 2 * minute:
        return f"{whole} s"
    if whole < 2 * hour:
        return f"{whole // minute} min"
    return f"{whole // hour} h" if whole < 2 * day else f"{whole // day} days"


class Heartbeat:
    """Renews a lock every third of its lease while the block runs, and remembers when it was lost."""

    def __init__(self, backend: Backend, holder: Holder) -> None:
        self.holder = holder
        self.trouble: StateError | None = None  # the last renewal's failure; the next one may succeed
        self._backend = backend
        self._fenced: FencedError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="deployer-heartbeat", daemon=True)

    @property
    def lost(self) -> bool:
        return self._fenced is not None

    def check(self) -> None:
        """Raises `FencedError` once the lock is known to be lost."""
        if self._fenced is not None:
            raise FencedError(self._fenced.what, why=self._fenced.why, fix=self._fenced.fix)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self.holder.lease / 3) and not self.lost:
            try:
                self.holder = self._backend.renew(self.holder)
                self.trouble = None
            except FencedError as error:
                self._fenced = error
            except StateError as error:
                self.trouble = error


def taken(holder: Holder, epoch: int, now: float) -> Holder:
    """The holder as it stands in a lock just taken."""
    return replace(holder, since=now, heartbeat=now, epoch=epoch)
