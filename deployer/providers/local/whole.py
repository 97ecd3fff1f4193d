"""Files that are never seen half written: complete, marked and durable, or not there."""

from __future__ import annotations

import os
from contextlib import suppress

from deployer.providers.local import marks
from deployer.providers.local.marks import Marked


def replace(folder: int, name: str, new: str, data: bytes, stamp: tuple[int, Marked]) -> None:
    """Puts a file with this content, mode and mark at `name` in the open folder; `new` is its name meanwhile, if it needs one."""
    discard(folder, new)
    if not exists(folder, name) and _appear(folder, name, data, stamp):
        return
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        _fill(opened, data, stamp)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    finally:
        os.close(opened)
    os.fsync(folder)


def discard(folder: int, name: str) -> None:
    """Removes what a crash left under a name nobody else uses: a file, or a folder that is still empty."""
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=folder)
        except (IsADirectoryError, PermissionError):  # Linux and others say it differently
            os.rmdir(name, dir_fd=folder)


def exists(folder: int, name: str) -> bool:
    """Whether anything stands there, a dangling link too."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _appear(folder: int, name: str, data: bytes, stamp: tuple[int, Marked]) -> bool:
    """A new file that has no name until it is whole, so that a crash leaves nothing. False where the system cannot do that."""
    try:
        opened = os.open(".", os.O_WRONLY | os.O_TMPFILE, 0o600, dir_fd=folder)
    except OSError:  # unknown to the file system, or a real trouble, which the other way then meets too
        return False
    try:
        _fill(opened, data, stamp)
        os.link(f"/proc/self/fd/{opened}", name, dst_dir_fd=folder)
    except (FileNotFoundError, PermissionError):  # no /proc, or links are not allowed here
        return False
    finally:
        os.close(opened)
    os.fsync(folder)
    return True


def _fill(opened: int, data: bytes, stamp: tuple[int, Marked]) -> None:
    marks.put(opened, stamp[1])  # before the mode, which may take the permission to do so
    _write_all(opened, data)
    os.fchmod(opened, stamp[0])
    os.fsync(opened)


def _write_all(opened: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(opened, view) :]
