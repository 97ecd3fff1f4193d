"""How processes of ours are found and ended, whatever became of their supervisord."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from deployer.providers.local import guard

PATIENCE = 10.0  # seconds between TERM and KILL
POLL = 0.03


def strays(conf: str) -> set[int]:
    """Processes that are supervisord with our configuration, whatever any pid file says."""
    found = set()
    for pid in guard.processes():
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"supervisor.supervisord" in words and os.fsencode(conf) in words:
                found.add(pid)
    return found


def ourselves() -> set[int]:
    """This process and whom it descends from: deployer may itself run in a notebook it supervises."""
    table = guard.processes()
    pid, found = os.getpid(), set[int]()
    while pid in table and pid not in found:
        found.add(pid)
        pid = table[pid].parent
    return found


def end_programs(prefix: str) -> None:
    """Ends whatever still runs of the programs whose files begin so, guards included."""
    for _ in range(3):
        table = guard.processes()
        found = {pid for pid in table if any((path or "").startswith(prefix) for path in (guard.guards(pid), guard.program_of(pid)))}
        for pid in tuple(found):
            found |= guard.descendants(pid, table)
        if not (rest := found - ourselves()):
            return
        end(rest)


def end(pids: set[int]) -> None:
    """TERM, then KILL."""
    guard.send(pids, signal.SIGTERM)
    if not wait_gone(pids, PATIENCE):
        guard.send(pids & set(guard.processes()), signal.SIGKILL)
        wait_gone(pids, PATIENCE)


def wait_gone(pids: set[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while pids & set(guard.processes()):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
