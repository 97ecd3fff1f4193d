"""The local backend: one folder with the state, the journal, the lock, the epoch and the kept copies."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

from deployer.core.errors import FencedError, StateError
from deployer.core.state import Holder
from deployer.state import disk
from deployer.state.here import here
from deployer.state.lock import Standing, held, judge, lost, taken

_FIELDS = {item.name for item in fields(Holder)}


class FileBackend:
    """A folder (0700) of files (0600), all replaced whole but the journal, which grows by appends.

    Every write happens under the file lock `guard` together with the check of its epoch, so that of two processes one
    alone writes. `guard` is held for milliseconds; the lock of an apply is lock.json.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder = folder.absolute()
        self._state, self._journal = folder / "state.json", folder / "journal.jsonl"
        self._lock, self._epoch = folder / "lock.json", folder / "epoch"
        self._guard = folder / "guard"
        self._handle = -1
        self._seen: tuple[bytes | None, int | None] = (None, None)  # lock.json and the epoch in it

    @property
    def url(self) -> str:
        return self._folder.as_uri()

    def read_state(self) -> bytes | None:
        with disk.explained("read", self._state):
            return disk.read(self._state)

    def write_state(self, data: bytes, epoch: int) -> None:
        with disk.explained("write", self._state), self._guarded(epoch):
            disk.write_whole(self._state, data)

    def read_journal(self) -> bytes:
        with disk.explained("read", self._journal):
            return disk.read(self._journal) or b""

    def append_journal(self, data: bytes, epoch: int) -> None:
        with disk.explained("append to", self._journal), self._guarded(epoch):
            handle = self._opened()
            size = os.fstat(handle).st_size
            try:
                disk.write_all(handle, data)
                os.fsync(handle)
            except BaseException:
                # Half an append would spoil the line of the next one.
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, size)
                    os.fsync(handle)
                raise

    def clear_journal(self, epoch: int) -> None:
        """Removes the file instead of emptying it: whoever is reading it goes on reading the whole old one."""
        with disk.explained("remove", self._journal), self._guarded(epoch):
            self._close()
            disk.remove(self._journal)

    def acquire(self, holder: Holder) -> Holder:
        with disk.explained("take the lock in", self._folder):
            disk.make_folder(self._folder)
            self._free()  # an answer also while the holder is stopped in the middle of a write
            with self._guarded():
                other = self._free()
                mine = taken(holder, max(self._last_epoch(), other.epoch if other else 0) + 1, time.time())
                disk.write_whole(self._epoch, b"%d\n" % mine.epoch)
                self._put(mine)
                return mine

    def renew(self, holder: Holder) -> Holder:
        with disk.explained("renew the lock in", self._folder), self._guarded(holder.epoch, holder):
            renewed = replace(holder, heartbeat=time.time())
            self._put(renewed)
            return renewed

    def release(self, holder: Holder) -> None:
        self._close()
        with disk.explained("give back the lock in", self._folder):
            self._remove_lock(holder)

    def holder(self) -> Holder | None:
        with disk.explained("read", self._lock):
            return self._holder()

    def break_lock(self, holder: Holder) -> None:
        with disk.explained("break the lock in", self._folder):
            other = self._remove_lock(holder)
        if other is not None:
            raise held(other, time.time())

    def keep_copy(self, name: str, data: bytes) -> str:
        path = self._folder / "copies" / re.sub(r"[^\w.-]", "_", name)
        with disk.explained("keep a copy at", path):
            disk.make_folder(path.parent)
            with self._guarded():
                while (kept := disk.read(path)) is not None and kept != data:
                    path = _numbered(path)
                disk.write_whole(path, data)
        return str(path)

    def _free(self) -> Holder | None:
        """Whose lock may be taken over, None when there is none. Raises `LockHeldError` when it may not."""
        other = self._holder()
        if other is not None and judge(other, here()) is Standing.ALIVE:
            raise held(other, time.time())
        return other

    def _remove_lock(self, holder: Holder) -> Holder | None:
        """Removes the holder's lock; returns who has it instead, None when nobody has it any more."""
        if not self._lock.exists():
            return None
        with self._guarded():
            other = self._holder()
            if other is None or other.epoch != holder.epoch:
                return other
            disk.remove(self._lock)
            return None

    @contextlib.contextmanager
    def _guarded(self, epoch: int | None = None, holder: Holder | None = None) -> Iterator[None]:
        """Alone in the folder, and with the lock still ours when an epoch is named."""
        try:
            with disk.alone(self._guard):
                if epoch is not None and self._locked_epoch() != epoch:
                    raise self._lost(epoch, holder)
                yield
        except FileNotFoundError:
            if epoch is None:
                raise
            raise self._lost(epoch, holder) from None  # the folder was removed under us, and the lock with it

    def _lost(self, epoch: int, holder: Holder | None) -> FencedError:
        now, other = time.time(), self._holder()
        mine = holder or Holder("", "", 0, "", since=now, heartbeat=now, lease=0, epoch=epoch)
        return lost(mine, other, now)

    def _locked_epoch(self) -> int | None:
        """The epoch in lock.json, parsed again only when it says something else."""
        data = disk.read(self._lock)
        if data != self._seen[0]:
            other = self._holder()
            self._seen = (data, other.epoch if other else None)
        return self._seen[1]

    def _last_epoch(self) -> int:
        """A number no earlier holder's epoch reaches, also when the file that keeps it was removed."""
        data = disk.read(self._epoch) or b""
        return int(data) if data.strip().isdigit() else time.time_ns() // 1000

    def _holder(self) -> Holder | None:
        data = disk.read(self._lock)
        if data is None:
            return None
        try:
            found = json.loads(data)
            return Holder(**{name: value for name, value in found.items() if name in _FIELDS})
        except (ValueError, TypeError, AttributeError) as error:
            fix = f"make sure that no deployer works on it, then remove {self._lock}"
            raise StateError(f"the lock {self._lock} is unreadable", why=str(error), fix=fix) from error

    def _put(self, holder: Holder) -> None:
        disk.write_whole(self._lock, json.dumps(asdict(holder), indent=1).encode("ascii") + b"\n")

    def _opened(self) -> int:
        if self._handle >= 0 and os.fstat(self._handle).st_nlink == 0:
            self._close()  # another instance of us cleared it
        if self._handle < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._handle = os.open(self._journal, flags, 0o600)
            disk.sync_folder(self._folder)
        return self._handle

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def _numbered(path: Path) -> Path:
    name, _, number = path.stem.rpartition("~")
    again = bool(name) and number.isdigit()
    count = int(number) + 1 if again else 2
    return path.with_name(f"{name if again else path.stem}~{count}{path.suffix}")
