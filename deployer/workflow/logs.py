"""The story of `logs`: the end of a program's log, and what is added to it, across rotations."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from deployer.core.errors import UsageError
from deployer.workflow.answers import Where
from deployer.workflow.environment import opening

CHUNK = 65536
PAUSE = 0.25  # seconds between two looks at a followed file
OUTPUT = "log"


def log_file(where: Where, component: str) -> Path:
    """The log of a component's service, or of the resource at an address. Raises `UsageError` naming what has one."""
    with opening(where) as environment:
        services = environment.expanded.services
        address = component if "/" in component else services.get(component, "")
        recorded = environment.tools.state().objects
        if address not in recorded:
            having = ", ".join(name for name, place in services.items() if place in recorded) or "none yet"
            raise UsageError(f"there is no log of {component!r}", why=f"components with a running service: {having}")
        log = recorded[address].outputs.get(OUTPUT)
        if not isinstance(log, str):
            raise UsageError(f"{address} writes no log")
        return Path(log)


def last_lines(file: Path, lines: int) -> list[str]:
    """The last lines, read from the end; none when the file does not exist yet."""
    if not lines or not file.exists():
        return []
    with file.open("rb") as stream:
        position, data = stream.seek(0, os.SEEK_END), b""
        while position and data.count(b"\n") <= lines:
            step = min(CHUNK, position)
            position = stream.seek(position - step)
            data = stream.read(step) + data
    return data.decode(errors="replace").splitlines()[-lines:]


def follow_log(file: Path) -> Iterator[str]:
    """Lines as they come, for ever. A file that was rotated or cut is read on from its new beginning."""
    position = file.stat().st_size if file.exists() else 0
    inode, rest = _inode(file), b""
    while True:
        if _inode(file) != inode or (file.exists() and file.stat().st_size < position):
            inode, position, rest = _inode(file), 0, b""
        data = _read_from(file, position)
        position += len(data)
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        if not data:
            time.sleep(PAUSE)


def _inode(file: Path) -> int:
    return file.stat().st_ino if file.exists() else 0


def _read_from(file: Path, position: int) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(position)
            return stream.read(CHUNK)
    except FileNotFoundError:
        return b""
