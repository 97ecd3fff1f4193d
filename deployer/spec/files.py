"""The files themselves: bounded reading, and how their names are shown."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias

from deployer.core.errors import Origin, Problem

MAX_BYTES = 64 * 1024 * 1024
Shown: TypeAlias = Callable[[Path], str]


def shower(project: Path) -> Shown:
    """Names files the way the reader would type them: relative to the working folder or the project when inside it."""
    here = Path.cwd()

    def shown(path: Path) -> str:
        for folder in (here, project):
            if path.is_relative_to(folder):
                return str(path.relative_to(folder))
        return str(path)

    return shown


def absolute(path: Path, folder: Path) -> Path:
    """The path without `..`, links left as they are; relative ones start at `folder`, `~` is the user's home."""
    return Path(os.path.normpath(folder / os.path.expanduser(path)))  # noqa: PTH111 - Path.expanduser raises for unknown users


def read_bytes(path: Path, shown: Shown, asked_at: Origin | None = None, asked_by: str = "") -> bytes | Problem:
    """The file's bytes, or why they cannot be had. `asked_at` and `asked_by` are the value that names the file."""
    name = shown(path)
    where = asked_at or Origin(name)
    value = f'"{name}"' if asked_at else None
    try:
        return _read(path)
    except FileNotFoundError:
        return Problem("no such file", asked_by, where, value, "a file that exists", _near(path, shown))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Problem(f"cannot be read: {reason[:1].lower()}{reason[1:]}", asked_by, where, value, "a readable YAML file")


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > MAX_BYTES else file.read(MAX_BYTES + 1)
    if size > MAX_BYTES or len(data) > MAX_BYTES:
        raise OSError(0, f"it is larger than {MAX_BYTES >> 20} MiB")
    return data


def open_regular(path: Path, flags: int = 0) -> BinaryIO:
    """Opens a regular file for reading; raises `OSError` for anything else."""
    # Non-blocking, so that a named pipe is refused and not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(0, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")


def _near(path: Path, shown: Shown) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml"))
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(path.name, names, n=1)
    return shown(path.parent / close[0]) if close else ""
