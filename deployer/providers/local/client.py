"""The local provider's files and folders: every read and write of them, and the operating system's errors in our words."""

# ruff: noqa: PTH100, PTH103, PTH114, PTH118, PTH119, PTH120
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, groupby, repeat

from deployer.core.errors import OwnershipError, ProviderError
from deployer.core.resource import Mark
from deployer.providers.local import marks, whole
from deployer.providers.local.marks import Marked
from deployer.providers.registry import Options

FOLDER_MODE = 0o700
LIMIT = 16 * 2**20  # bytes of a file we are willing to hold in memory

TRIES = 1000  # for a parent folder that a neighbour's delete removes between two of our calls; somebody gets on each time

# errno -> (what to do about it, whether trying again may help)
FIXES: dict[int, tuple[str, bool]] = {
    errno.ENOSPC: ("the disk is full: free some space (`df -h` shows how much is left) and run apply again", False),
    errno.EDQUOT: ("your disk quota is used up: free some space (`quota` shows it) and run apply again", False),
    errno.EACCES: ("give your user write permission there (`ls -ld` shows who owns it), or choose another settings.root", False),
    errno.EPERM: (
        "give your user ownership of it (`ls -ld` and `lsattr -d` show why it is refused), or choose another settings.root",
        False,
    ),
    errno.EROFS: ("that file system is mounted read-only: mount it writable or choose another settings.root", False),
    errno.ENAMETOOLONG: ("shorten the name", False),
    errno.EMFILE: ("raise the limit of open files: `ulimit -n 4096`", True),
    errno.ENFILE: ("the machine has too many open files: close some programs", True),
    errno.ENOTSUP: ("that file system keeps no user attributes: put settings.root on ext4, xfs, btrfs or a recent tmpfs", False),
    errno.ELOOP: ("a symbolic link is in the way and is never followed: remove it, or name the folder it leads to", False),
    errno.ENOTDIR: ("a file or symbolic link stands where a folder is needed: remove it or choose another path", False),
    errno.EISDIR: ("a folder stands where a file is needed: remove it or choose another path", False),
    errno.EFBIG: ("raise the limit of file sizes: `ulimit -f unlimited`", False),
    errno.EIO: ("the disk reports an error: look at `dmesg`", False),
    errno.EBUSY: ("something is mounted there or uses it: unmount or stop it", True),
}


@contextmanager
def explaining(doing: str, path: str) -> Iterator[None]:
    """Turns an `OSError` inside into a `ProviderError` saying what we were doing, where, and what to do next."""
    try:
        yield
    except OSError as error:
        fix, transient = FIXES.get(error.errno or 0, ("", error.errno in (errno.EINTR, errno.EAGAIN)))
        raise ProviderError(f"cannot {doing} {path}", why=(error.strerror or str(error)).lower(), fix=fix, transient=transient) from error


def half(name: str, purpose: str = "new") -> str:
    """The name something is built under before it is renamed to `name`: always the same, so a crash leaves at most one."""
    return f"{marks.HALF}{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}.{purpose}"


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path. `note` says why there is no `data`: a link, a folder, too big, unreadable."""

    path: str
    stat: os.stat_result
    raw_mark: bytes = b""
    data: bytes | None = None
    note: str = ""

    @property
    def marked(self) -> Marked | None:
        return marks.decode(self.raw_mark) if self.raw_mark else None

    @property
    def mode(self) -> str:
        return f"{stat.S_IMODE(self.stat.st_mode):04o}"

    @property
    def token(self) -> str:
        """Changes when content, mode, mark or the object itself do; tells nothing about the content."""
        seen = self.stat
        return f"{seen.st_ino:x}-{seen.st_mtime_ns:x}-{seen.st_size:x}-{seen.st_mode:o}-{sha256(self.raw_mark).hexdigest()[:8]}"

    @property
    def identity(self) -> str:
        """Like `token`, for things whose content changes all the time."""
        return f"{self.stat.st_ino:x}-{self.stat.st_mode:o}-{sha256(self.raw_mark).hexdigest()[:8]}"


TURN_SECONDS = 30.0  # the longest anybody sensibly holds a folder; a frozen process holds it for ever


def take_turn(folder: int, path: str) -> None:
    """Locks an open folder against every other deployer of this machine until it is closed.

    Raises `ProviderError` when another one keeps it: it is stopped in the middle of its work.
    """
    for waited in chain((0.0,), repeat(0.01, int(TURN_SECONDS / 0.01))):
        time.sleep(waited)
        with suppress(BlockingIOError):
            return fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    raise ProviderError(
        f"another deployer has kept {path} locked for {TURN_SECONDS:.0f} s",
        why="it was stopped in the middle of a change",
        fix="find it with `lslocks` or `ps`, let it go on or end it, and apply again",
    )


class Client:
    """Files and folders below one root. Symbolic links below the root are never followed."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.root = os.path.abspath(options.root)

    @property
    def mark(self) -> Mark:
        return self.options.mark

    def inside(self, path: str) -> bool:
        return path == self.root or path.startswith(self.root.rstrip("/") + "/")

    def relative(self, path: str) -> str:
        """Relative to the root; a path outside stays absolute."""
        return os.path.relpath(path, self.root) if self.inside(path) else path

    def absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, path))

    @contextmanager
    def folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """The folder open, as a descriptor. With `make`, it and its missing parents below the root are made, 0700."""
        with explaining("open the folder", path):
            opened = self._open_folder(path, make=make)
        try:
            yield opened
        finally:
            os.close(opened)

    def _open_folder(self, path: str, *, make: bool) -> int:
        if not self.inside(path):
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(TRIES if make else 0):
            with suppress(FileNotFoundError):
                os.makedirs(self.root, FOLDER_MODE, exist_ok=True)
                return self._walk(path, make=True)
        return self._walk(path, make=make)

    def _walk(self, path: str, *, make: bool) -> int:
        """Down from the root name by name, so that no symbolic link is followed."""
        opened = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        for name in [] if path == self.root else os.path.relpath(path, self.root).split("/"):
            above = opened
            try:
                opened = self._step(above, name, make=make)
            finally:
                os.close(above)
        return opened

    def _step(self, above: int, name: str, *, make: bool) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            return os.open(name, flags, dir_fd=above)
        except FileNotFoundError:
            if not make:
                raise
        take_turn(above, name)  # two of us must not make it at once; `above` is closed right after
        if not whole.exists(above, name):
            self._make(above, name)
        return os.open(name, flags, dir_fd=above)

    def _make(self, above: int, name: str) -> None:
        """Under another name first, so that a crash leaves no folder without our label at a real one."""
        new = half(name)
        whole.discard(above, new)
        os.mkdir(new, FOLDER_MODE, dir_fd=above)
        made = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        try:
            os.setxattr(made, marks.MADE, self.made_label())
        finally:
            os.close(made)
        os.rename(new, name, src_dir_fd=above, dst_dir_fd=above)
        os.fsync(above)

    def made_label(self) -> bytes:
        return f"{self.mark.platform}/{self.mark.environment}".encode()

    def made_by_the_way(self, folder: int | str) -> bool:
        """Whether the folder is a parent we made for something in it, and nothing more."""
        return marks.raw(folder, marks.MADE) == self.made_label() and not marks.raw(folder)

    @contextmanager
    def locked(self, path: str) -> Iterator[int]:
        """The folder at `path`, made if missing, open and locked against every other deployer of this machine."""
        with self.folder(path, make=True) as opened:
            take_turn(opened, path)
            yield opened

    # Reading.

    def look(self, paths: Sequence[str], limit: int = LIMIT) -> Iterator[tuple[str, Found | None]]:
        """What stands at each path, with the content of files up to `limit` bytes; each parent folder is opened once."""
        for parent, group in groupby(sorted(paths, key=os.path.dirname), key=os.path.dirname):
            try:
                opened = self._open_folder(parent, make=False)
            except FileNotFoundError:
                yield from ((path, None) for path in group)
                continue
            except OSError as error:
                if error.errno == errno.ENOTDIR and not self._link_above(
                    parent
                ):  # nothing is below a file; `check` says what is in the way
                    yield from ((path, None) for path in group)
                    continue
                with explaining("read below", parent):
                    raise
            try:
                for path in group:
                    with explaining("read", path):
                        found = _look(opened, path, limit)
                    yield path, found
            finally:
                os.close(opened)

    def _link_above(self, path: str) -> bool:
        """Whether a symbolic link stands on the way from the root: what is behind it is not known."""
        while self.inside(path) and path != self.root:
            if os.path.islink(path):
                return True
            path = os.path.dirname(path)
        return False

    def look_at(self, path: str, limit: int = LIMIT) -> Found | None:
        return next(found for _, found in self.look([path], limit))

    # Writing.

    def write(self, path: str, data: bytes, mode: int, marked: Marked, *, adopt: bool = False) -> None:
        """Writes the file whole, marked before it can be seen, and durably. Raises `OwnershipError` on anybody else's.

        With `adopt`, what nobody marked is replaced too. A symbolic link at the place is replaced, never followed.
        """
        parent = os.path.dirname(path)
        with explaining("write", path):
            for _ in range(TRIES):
                with suppress(FileNotFoundError), self.locked(parent) as opened:
                    self.refuse_foreign(_look(opened, path, 0), marked.mark.address, adopt=adopt)
                    whole.replace(opened, (name := os.path.basename(path)), half(name), data, (mode, marked))
                    return
        raise ProviderError(f"cannot write {path}", why="its folder is removed again and again by something else", transient=True)

    # Removing.

    def remove(self, path: str) -> None:
        """Removes a file or link of ours (gone is success), what a crash left beside it, and parents made for it only."""
        parent, name = os.path.split(path)
        with explaining("remove", path):
            try:
                opened = self._open_folder(parent, make=False)
            except FileNotFoundError:
                return self.prune(parent)
            try:
                whole.discard(opened, half(name))
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=opened)
                os.fsync(opened)
            finally:
                os.close(opened)
        return self.prune(parent)

    def prune(self, path: str) -> None:
        """Removes `path` and its parents up to the root while they are empty and made by us only for what was in them.

        A crash may have removed some of them already.
        """
        while self.inside(path) and path != self.root and (not os.path.lexists(path) or self._pruned(path)):
            path = os.path.dirname(path)

    def _pruned(self, path: str) -> bool:
        parent, name = os.path.split(path)
        try:
            opened = self._open_folder(parent, make=False)
        except OSError:
            return False
        try:
            take_turn(opened, parent)  # nobody adopts the folder between the look and the removal
            if not self.made_by_the_way(path):
                return False
            os.rmdir(name, dir_fd=opened)
        except OSError:  # something is in it again, or a neighbour was faster
            return False
        finally:
            os.close(opened)
        return True

    # Ownership.

    def refuse_foreign(self, found: Found | None, address: str, *, adopt: bool = False) -> None:
        """Raises `OwnershipError` unless what stands there is the object of `address`.

        With `adopt`, anything of this environment's will do, and what nobody marked.
        """
        marked = found.marked if found else None
        if found is None or (adopt and marked is None):
            return
        if marked and self.mark.owns(marked.mark) and (adopt or marked.mark.address == address):
            return
        raise OwnershipError(
            f"{found.path} exists already and is not ours",
            why=f"it belongs to {marked.mark}" if marked else f"{found.note or 'a file'} nobody marked",
            fix=f"move it away, choose another path, or take it over: deployer import ENV {address} {found.path}",
        )


def _look(folder: int, path: str, limit: int) -> Found | None:
    name = path.rpartition("/")[2]
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _closed(folder, path, name, error)
    try:
        seen = os.fstat(opened)
        mark = marks.raw(opened)
        if not stat.S_ISREG(seen.st_mode):
            return Found(path, seen, mark, note="a folder" if stat.S_ISDIR(seen.st_mode) else "not a regular file")
        if seen.st_size > limit:
            return Found(path, seen, mark, note=f"{seen.st_size} bytes, more than {limit}")
        return Found(path, seen, mark, os.read(opened, seen.st_size + 1))
    finally:
        os.close(opened)


def _closed(folder: int, path: str, name: str, error: OSError) -> Found | None:
    """Something that cannot be opened: it exists, and we say what it is."""
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            return Found(path, seen, note=f"a symbolic link to {os.readlink(name, dir_fd=folder)}")
    except FileNotFoundError:
        return None
    if error.errno in (errno.EACCES, errno.EPERM):
        return Found(path, seen, note="unreadable: permission denied")
    if error.errno == errno.ENXIO:  # a socket
        return Found(path, seen, note="not a regular file")
    raise error
