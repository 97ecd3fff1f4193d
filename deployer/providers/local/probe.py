"""Whether a supervised program works: the right process owns the port, and it answers. One look each, never waiting long."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from deployer.providers.local import guard, listeners

TAIL = 8192  # bytes of a log looked at for its last lines
LONGEST_LINE = 300  # characters of one line in a message


def family(pid: int) -> set[int]:
    """The process and everything below it."""
    return {pid} | guard.descendants(pid, guard.processes())


def memory(pids: set[int]) -> int:
    """Resident bytes of these processes; pages they share count for each."""
    pages = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def stranger_on(port: int, bind: str, pids: set[int]) -> listeners.Holder | None:
    """Who listens on the port without being one of `pids`; None when one of them does, or nobody."""
    held = listeners.holder(port, bind)
    return None if held is None or held.pid in pids else held


def answer(url: str, health: Mapping[str, Any]) -> str:
    """Why the address does not answer as it should; empty when it does."""
    import httpx  # noqa: PLC0415 - only while something is waited for

    where = f"GET {health['path']}"
    try:
        # verify=False: the address is plain HTTP on this machine, and loading certificates costs 20 ms a look
        with httpx.Client(trust_env=False, verify=False, timeout=health["timeout"]) as client:  # noqa: S501
            response = client.get(url + health["path"])
            if response.status_code != health["status"]:
                return f"{where} answers {response.status_code} instead of {health['status']}"
            if health["contains"] is not None and health["contains"] not in response.text:
                return f"{where} answers without {health['contains']!r}"
    except httpx.TimeoutException:
        return f"{where} does not answer within {health['timeout']} s"
    except httpx.HTTPError as error:
        return f"{where} fails: {error}"
    return ""


def last_lines(log: str, count: int) -> list[str]:
    """The last lines of a log that say something, each cut to a readable length."""
    with suppress(OSError):
        with Path(log).open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
        return [line.rstrip()[:LONGEST_LINE] for line in lines if line.strip()][-count:]
    return []
