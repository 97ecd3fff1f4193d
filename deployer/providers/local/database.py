"""What local.sqlite does to files: schema commands one at a time, backups, the files SQLite keeps beside a database."""

# ruff: noqa: PTH104, PTH108, PTH110, PTH116, PTH118, PTH119, PTH120, PTH123
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from shutil import disk_usage
from typing import IO
from urllib.parse import quote

from deployer.core.errors import Problem, ProviderError
from deployer.providers.local.client import Client, explaining, half
from deployer.providers.local.kind import ENOUGH, size_text, standing

SCHEMA = "user.deployer.schema"  # the schema's version, on the file
NEW = ".new"
SIDES = ("-wal", "-shm", "-journal")
TIMEOUT = 600.0  # seconds a schema command may take
PATIENCE = 30.0  # seconds we wait for an earlier command, or (four times as long) for a database in use
BUSY = 10.0  # seconds SQLite itself waits for a lock
LINES = 12  # of its output in an error
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def lock_path(path: str) -> str:
    parent, name = os.path.split(path)
    return os.path.join(parent, half(name, "lock"))


@contextmanager
def alone(client: Client, path: str) -> Iterator[int]:
    """Keeps other schema commands away from the database; gives the lock's descriptor.

    A command inherits it: one that outlives a killed deployer keeps the lock until it ends.
    """
    with explaining("lock", path), client.folder(os.path.dirname(path), make=True):
        opened = _locked(path)
    try:
        yield opened
    finally:
        forget_lock(path)
        os.close(opened)


def forget_lock(path: str) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(lock_path(path))


def _locked(path: str) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        opened = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(lock_path(path)) and os.stat(lock_path(path)).st_ino == os.fstat(opened).st_ino:
                return opened  # else its last owner removed it between our two calls
        except BlockingIOError:
            _give_up(path, os.pread(opened, 32, 0).decode(errors="replace"), deadline)
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)
        time.sleep(0.1)


def _give_up(path: str, pid: str, deadline: float) -> None:
    if time.monotonic() > deadline:
        who = f" (pid {pid})" if pid else ""
        why, fix = f"an earlier schema command{who} still works on it", "wait until it ends, or stop it, and run apply again"
        raise ProviderError(f"the database {path} is busy", why=why, fix=fix, transient=True)


def run(command: Sequence[str], environment: Mapping[str, str], path: str, lock: int) -> str:
    """Runs a schema command in the database's folder with a clean environment; "" or why it failed, with its last lines."""
    variables = {"PATH": PATH, "LANG": "C.UTF-8", **environment}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                list(command),
                env=variables,
                cwd=os.path.dirname(path),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as error:
            return f"{command[0]} cannot be started: {(error.strerror or str(error)).lower()}"
        os.pwrite(lock, str(process.pid).encode(), 0)
        ended = _wait(process)
        lines = _last_lines(errors) or _last_lines(output)
    if process.returncode == 0 and ended:
        return ""
    how = f"ended with {process.returncode}" if ended else f"did not end within {TIMEOUT:.0f} s and was stopped"
    return f"{os.path.basename(command[0])} {how}{lines}"


def _wait(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended by itself; nothing it started is left either way."""
    try:
        process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        return False
    else:
        return True
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_lines(output: IO[bytes]) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - 16384))
    lines = output.read().decode(errors="replace").strip().splitlines()[-LINES:]
    return "".join(f"\n    {line}" for line in lines)


def clear(path: str) -> None:
    """Removes a half made database and what SQLite keeps beside it."""
    for side in ("", *SIDES):
        with suppress(FileNotFoundError):
            os.unlink(path + side)


def settle(path: str) -> None:
    """Brings everything into the one file, so that it can be renamed. Raises `ProviderError` when it is no database."""
    with _speaking("read", path), closing(sqlite3.connect(path, timeout=BUSY)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("VACUUM")


def backup(path: str, target: str) -> None:
    """A consistent copy, also of a database in use: whole or not there. 0600."""
    new = os.path.join(os.path.dirname(target), half(os.path.basename(target)))
    deadline = time.monotonic() + PATIENCE * 4

    def hurry(status: int, _remaining: int, _total: int) -> None:
        if status == sqlite3.SQLITE_BUSY and time.monotonic() > deadline:
            raise sqlite3.OperationalError("another program keeps it locked")

    with explaining("back up the database to", target):
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600))
        try:
            with _speaking("back up", path), closing(_reading(path)) as source, closing(sqlite3.connect(new)) as copy:
                source.backup(copy, progress=hurry)
            with open(new, "rb") as written:
                os.fsync(written)
            os.rename(new, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(new)


def _reading(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=BUSY)


@contextmanager
def _speaking(doing: str, path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        fix = "look at it with `sqlite3`, free its disk or restore it from a backup"
        raise ProviderError(f"cannot {doing} the database {path}", why=str(error), fix=fix) from error


def size(path: str) -> int:
    """Bytes of the database with what is not yet in the one file."""
    total = 0
    for side in ("", "-wal"):
        with suppress(OSError):
            total += os.stat(path + side).st_size
    return total


def backup_space(path: str, address: str) -> list[Problem]:
    """A problem when a backup would not fit."""
    need, free = size(path) + ENOUGH, disk_usage(standing(os.path.dirname(path))).free
    if free >= need:
        return []
    allowed = f"free {size_text(need - free)} more, or move old backups away"
    return [Problem(f"no space to back up the database {path} before its schema changes", address, allowed=allowed)]
