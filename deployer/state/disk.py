"""Files that are either the old ones or the new ones, and operating system errors as people can use them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from deployer.core.errors import StateError

_FIXES = {
    errno.ENOSPC: "the disk is full: free some space there and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space there and run the command again",
    errno.EFBIG: "the file may not grow any further: raise the limit (`ulimit -f`) and run the command again",
    errno.EROFS: "the file system is read-only: mount it writable, or set `state.path` to a writable folder",
    errno.EACCES: "give yourself read and write permission there, or set `state.path` to a folder of yours",
    errno.EPERM: "give yourself read and write permission there, or set `state.path` to a folder of yours",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away, or set `state.path` to another folder",
    errno.EEXIST: "a file stands where a folder is needed: move it away, or set `state.path` to another folder",
    errno.EISDIR: "a folder stands where a file is needed: move it away",
    errno.EMFILE: "too many open files: raise the limit (`ulimit -n`) and run the command again",
    errno.ENAMETOOLONG: "the path is too long: set `state.path` to a shorter one",
}
_ALONE_SECONDS = 10.0
_OTHER = "mend the disk or the path, or set `state.path` to another folder, and run the command again"


@contextlib.contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turns an `OSError` in the block into a `StateError` with its fix."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StateError(f"cannot {doing} {path}", why=reason, fix=_FIXES.get(error.errno or 0, _OTHER)) from error


def make_folder(folder: Path) -> None:
    """The folder and the missing ones above it, each for its owner only."""
    missing = [folder] if not folder.is_dir() else []
    while missing and not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def read(path: Path) -> bytes | None:
    """The whole file; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Replaces the file: after a crash at any moment it is the old one or the new one. Mode 0600."""
    beside = path.with_name(path.name + ".new")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Removes the file durably; already gone is success."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def write_all(handle: int, data: bytes) -> None:
    """`os.write` may write less than it was given, on a disk that is filling up for one."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keeps every other process and thread out of the same block. Raises `StateError` when one stays in for 10 seconds."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - reading takes no lock

    try:
        with FileLock(path, timeout=_ALONE_SECONDS, mode=0o600, poll_interval=0.002, thread_local=False):
            yield
    except Timeout:
        why = f"another process has kept {path} for {_ALONE_SECONDS:.0f} s"
        raise StateError(f"cannot write to {path.parent}", why=why, fix="end the stopped deployer process, then run again") from None
