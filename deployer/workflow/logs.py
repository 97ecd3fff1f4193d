"""The story of `logs`: the end of a program's log, and what is added to it, across rotations."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

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
    if stream := _opened(file):
        with stream:
            return _tail(stream, lines).decode(errors="replace").splitlines()
    return []


def follow_log(file: Path, lines: int = 0) -> Iterator[str]:
    """The last lines and then whatever comes, for ever. A rotated file is read to its end first, a cut one from its new beginning."""
    stream = _opened(file)
    data, rest = _tail(stream, lines) if stream else b"", b""
    while True:
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        later = _later(file, stream) if stream else file  # asked before reading: what is written meanwhile is not missed
        data = stream.read(CHUNK) if stream else b""
        if data:
            continue
        if later and (following := _opened(later)):
            if stream:
                stream.close()
            stream = following  # a line may go on in it
        elif stream and os.fstat(stream.fileno()).st_size < stream.tell():
            stream.seek(0)
        else:
            time.sleep(PAUSE)


def _tail(stream: IO[bytes], lines: int) -> bytes:
    """The last lines; the stream then stands at their end."""
    position = end = stream.seek(0, os.SEEK_END)
    data = b""
    while lines and position and data.count(b"\n") <= lines:
        step = min(CHUNK, position)
        position = stream.seek(position - step)
        data = stream.read(step) + data
    stream.seek(end)
    return b"".join(data.splitlines(keepends=True)[-lines:]) if lines else b""


def _later(file: Path, stream: IO[bytes]) -> Path | None:
    """What was written after the open file, once it was rotated away: the next younger of FILE.2, FILE.1, FILE."""
    inode, younger = os.fstat(stream.fileno()).st_ino, file
    if _inode(file) in (inode, 0):
        return None
    for number in count(1):
        older = file.with_name(f"{file.name}.{number}")
        if _inode(older) in (inode, 0):
            return younger if _inode(older) else file
        younger = older
    return None


def _opened(file: Path) -> IO[bytes] | None:
    try:
        return file.open("rb")
    except FileNotFoundError:
        return None


def _inode(file: Path) -> int:
    """0 when it is not there."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return 0
