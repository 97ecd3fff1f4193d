"""This machine and this process, as locks know them."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import time
from pathlib import Path

from deployer.core.state import Holder
from deployer.state.lock import LEASE, Here


def whoami(command: str, lease: float = LEASE) -> Holder:
    """This process as a holder, to be given to `Backend.acquire`. `command` is shown to whoever finds the lock taken."""
    now, pid = time.time(), os.getpid()
    return Holder(
        user=_user(),
        host=socket.gethostname(),
        pid=pid,
        command=command,
        since=now,
        heartbeat=now,
        lease=lease,
        epoch=0,
        process_started=started(pid) or 0.0,
        boot=_boot(),
    )


def here() -> Here:
    """This machine now."""
    import psutil  # noqa: PLC0415 - only where a lock is judged

    return Here(host=socket.gethostname(), boot=_boot(), booted=psutil.boot_time(), now=time.time(), started=started)


def started(pid: int) -> float | None:
    """Seconds from boot to the process's start, which no change of the clock moves; None when there is no such process.

    A zombie is gone: it was killed, and its parent has not looked yet.
    """
    import psutil  # noqa: PLC0415 - only where a lock is taken or judged

    try:
        process = psutil.Process(pid)
        gone = process.status() == psutil.STATUS_ZOMBIE
        return None if gone else process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a uid without a name, as in many containers
        return f"uid {os.getuid()}"


def _boot() -> str:
    identity = ""
    with contextlib.suppress(OSError):
        identity = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a name, not a path
    return f"{identity or _boot_minute()}/{space}"


def _boot_minute() -> str:
    import psutil  # noqa: PLC0415 - only where there is no /proc

    return str(round(psutil.boot_time() / 60))
