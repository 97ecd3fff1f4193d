"""The machine itself: tools, Python, disk, memory, limits. Only looked at, never changed."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deployer.workflow.answers import Check

LOOPBACK = "127.0.0.1"
MIN_PYTHON = (3, 11)
MIN_FILES = 1024
MIN_WATCHES = 8192
MIN_INSTANCES = 128
GIGABYTE = 10**9
NEED_DISK, NEED_MEMORY = 2 * GIGABYTE, GIGABYTE  # an environment of packages and a tracking server
INOTIFY = Path("/proc/sys/fs/inotify")


def machine_checks(folder: Path | None = None, bind: str = LOOPBACK) -> tuple[Check, ...]:
    """Every check. `folder` is where things will be put (its nearest existing parent counts); `bind` is where services will listen."""
    where = _standing(folder or Path())
    checks: tuple[Callable[[], Check], ...] = (_system, _python, _uv, lambda: _disk(where), _memory, _files)
    return (*(check() for check in checks), *_inotify(), *_exposure(bind))


def _exposure(bind: str) -> Iterator[Check]:
    if bind not in (LOOPBACK, "::1"):
        fix = "give each a password (tracking/mlflow: `basic_auth: true`), or set settings.bind to 127.0.0.1"
        yield Check("bind", ok=False, detail=f"services on {bind} can be reached from other machines", fix=fix, warning=True)


def _standing(folder: Path) -> Path:
    folder = folder.absolute()
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _system() -> Check:
    system, machine = platform.system(), platform.machine()
    return Check("system", system == "Linux", f"{system} {platform.release()} on {machine}", "the local target needs Linux")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, MIN_PYTHON))
    return Check("python", sys.version_info[:2] >= MIN_PYTHON, f"{version} at {sys.executable}", f"install Python {wanted} or newer")


def _uv() -> Check:
    from uv import find_uv_bin  # noqa: PLC0415 - only the doctor asks

    try:
        return Check("uv", ok=True, detail=str(find_uv_bin()))
    except FileNotFoundError:
        return Check(
            "uv", ok=False, detail="the program of the uv package is missing", fix="install deployer again: its package `uv` is broken"
        )


def _disk(where: Path) -> Check:
    # Never in the way of an apply: it may be the one that makes room. Whoever writes asks for what it needs.
    free = shutil.disk_usage(where).free
    fix = f"free some space on the file system of {where}"
    return Check("disk", free >= NEED_DISK, f"{free / GIGABYTE:.2f} GB free at {where}", fix, warning=True)


def _memory() -> Check:
    import psutil  # noqa: PLC0415 - only the doctor asks

    free = psutil.virtual_memory().available
    fix = "stop something: a tracking server takes about 0.5 GB"
    return Check("memory", free >= NEED_MEMORY, f"{free / GIGABYTE:.1f} GB available", fix, warning=True)


def _files() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Check("open files", soft >= MIN_FILES, f"limit {soft} (at most {hard})", f"ulimit -n {MIN_FILES * 4}", warning=True)


def _inotify() -> Iterator[Check]:
    for name, least in (("max_user_watches", MIN_WATCHES), ("max_user_instances", MIN_INSTANCES)):
        file = INOTIFY / name
        if not os.access(file, os.R_OK):
            continue
        number = int(file.read_text())
        fix = f"sudo sysctl fs.inotify.{name}={least * 8}"
        yield Check(f"inotify {name.removeprefix('max_user_')}", number >= least, str(number), fix, warning=True)
