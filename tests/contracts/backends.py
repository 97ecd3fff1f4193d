"""The backends that the contracts run against: name -> (empty folder -> (-> a new client of one and the same store))."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from deployer.core.errors import LockHeldError
from deployer.core.protocols import Backend
from deployer.core.resource import Mark
from deployer.core.state import Entry, EntryType, Holder, Pending, StateObject
from deployer.state.file import FileBackend
from deployer.state.here import whoami
from deployer.state.open import session

Connect: TypeAlias = Callable[[], Backend]

FACTORIES: Mapping[str, Callable[[Path], Connect]] = {
    "file": lambda folder: lambda: FileBackend(folder / "state"),
}

MARK = Mark("demo", "local")
ELSEWHERE = "another-machine"


def thing(number: int, pending: Pending = Pending.NONE) -> StateObject:
    name = f"resources/local.file/f{number}"
    return StateObject(name, "local.file", f"/srv/{number}", "d" * 12, ("resources/local.file/x",), {"path": f"/srv/{number}"}, pending)


def remote(lease: float = 60.0) -> Holder:
    """A holder on another machine, which only its heartbeat can speak for."""
    return replace(whoami("deployer apply local", lease), host=ELSEWHERE)


def hold_for_ever(connect: Connect) -> None:
    """Takes the lock, says so, writes entries until it is killed."""
    with session(connect(), MARK, whoami("the killed one")) as ledger:
        for number in range(10**9):
            ledger.write([Entry(EntryType.BEGIN, thing(number, Pending.CREATE))])
            ledger.write([Entry(EntryType.END, thing(number))])
            os.write(1, b"%d\n" % number)


def race(connect: Connect) -> None:
    """For every two lines read: at the first one's time tries the lock and says who won, at the second gives it back."""
    backend = connect()
    for line in sys.stdin:
        time.sleep(max(0.0, float(line) - time.time()))
        mine: Holder | None = None
        with contextlib.suppress(LockHeldError):
            mine = backend.acquire(whoami("racer"))
        os.write(1, b"won %d\n" % mine.epoch if mine else b"lost\n")
        sys.stdin.readline()
        if mine:
            backend.release(mine)
        os.write(1, b"ended\n")


if __name__ == "__main__":
    {"hold": hold_for_ever, "race": race}[sys.argv[1]](FACTORIES[sys.argv[2]](Path(sys.argv[3])))
