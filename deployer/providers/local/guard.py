"""Stands between supervisord and one program, so that nothing of the program outlives its leader, this guard or supervisord.

Copied beside supervisord's files and run alone: `python -I -S guard.py <program.json> <digest>`. Standard library only, Linux only.
The parent-death signal covers a killed supervisord, the child subreaper a killed leader, and `leftovers` a killed guard.
"""

# pathlib, typing and hashlib (OpenSSL) would cost every guard 6 MB, so they are not imported.
# ruff: noqa: PTH105, PTH119, PTH123, PTH208
from __future__ import annotations

import ctypes
import json
import os
import pwd
import signal
import sys
import time
from _blake2 import blake2b
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD},
)
# What a running program was started from; a change of anything else in its file needs no restart.
RUN_KEYS = ("mark", "command", "environment", "secret_environment", "directory", "stop", "salt")
REST_GRACE = 3.0  # seconds the rest of a program gets between TERM and KILL once its leader is gone
KILL_PATIENCE = 10.0  # seconds after which a process that ignores KILL (it sits in the kernel) is given up
LASTING = 60.0  # seconds after which a program counts as having worked
FIRST_DELAY, LONGEST_DELAY = 0.25, 10.0  # seconds before a program that failed is tried again; doubles with every failure
BAD_FILE = 78  # EX_CONFIG
BAD_FILE_DELAY = 2.0  # seconds, so that supervisord does not spin


class Process:
    """One line of the process table. `started` is in clock ticks since boot."""

    __slots__ = ("parent", "session", "started")

    def __init__(self, parent: int, session: int, started: int) -> None:
        self.parent, self.session, self.started = parent, session, started


def digest(document: dict[str, Any]) -> str:
    """Of what a program is started from. The file's own random salt is in it: secrets cannot be guessed from the digest."""
    part = {key: document.get(key) for key in RUN_KEYS}
    return blake2b(json.dumps(part, sort_keys=True).encode(), digest_size=8).hexdigest()


def processes() -> dict[int, Process]:
    """Every process that is not a zombie."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(name)) and fields[0] not in (b"Z", b"X"):
            table[int(name)] = Process(int(fields[1]), int(fields[3]), int(fields[19]))
    return table


def descendants(root: int, table: dict[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        new = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(new)
        waiting.extend(new)
    return found


def leftovers(path: str, record: dict[str, Any]) -> set[int]:
    """Processes of an earlier generation of the program at `path`.

    They carry its path in their environment, or sit in the recorded session (some programs overwrite their environment), or guard it.
    """
    table = processes()
    found = {pid for pid in table if guards(pid) == path or program_of(pid) == path}
    session = record.get("session")
    leader = table.get(session) if isinstance(session, int) else None
    if record.get("boot") == boot() and (leader is None or leader.started == record.get("ticks")):
        found |= {pid for pid, process in table.items() if process.session == session and process.started >= record.get("ticks", 0)}
    for pid in tuple(found):
        found |= descendants(pid, table)
    return found - {os.getpid(), os.getppid()}


def guards(pid: int) -> str | None:
    """The program file the process guards; None for any other process."""
    arguments = _read(pid, "cmdline").split(b"\0")
    if len(arguments) > 3 and os.path.basename(arguments[-4]) == b"guard.py":  # noqa: PLR2004 - file, path, digest, end
        return os.fsdecode(arguments[-3])
    return None


def program_of(pid: int) -> str | None:
    """The program file the process was started from."""
    key = b"DEPLOYER_PROGRAM="
    return next((os.fsdecode(line[len(key) :]) for line in _read(pid, "environ").split(b"\0") if line.startswith(key)), None)


def boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def record_path(path: str) -> str:
    return path.removesuffix(".json") + ".run"


def read_record(path: str) -> dict[str, Any]:
    """What the last guard of the program at `path` noted; empty when there is nothing usable."""
    with suppress(OSError, ValueError), open(record_path(path), encoding="utf-8") as file:
        record = json.load(file)
        return record if isinstance(record, dict) else {}
    return {}


def write_record(path: str, record: dict[str, Any]) -> None:
    """Best effort: a full disk must not stop a program."""
    beside = f"{record_path(path)}.{os.getpid()}"
    with suppress(OSError):
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.replace(beside, record_path(path))


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap(program: int) -> int | None:
    """Collects every dead child; the wait status of the program when it is among them."""
    status = None
    with suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == program:
                status = ended
    return status


def end_rest(grace: float) -> None:
    """Ends everything that descends from us: TERM, then KILL until nothing is left."""
    begun = time.monotonic()
    send(descendants(os.getpid(), processes()), signal.SIGTERM)
    while rest := descendants(os.getpid(), processes()):
        waited = time.monotonic() - begun
        if waited > grace + KILL_PATIENCE:
            return
        if waited > grace:
            send(rest, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        reap(0)


def end_leftovers(path: str, record: dict[str, Any], grace: float) -> bool:
    """Ends what an earlier generation left. False when we were asked to stop meanwhile."""
    begun = time.monotonic()
    rest = leftovers(path, record)
    if rest:
        say(f"ending {len(rest)} processes left over from before: {' '.join(map(str, sorted(rest)))}")
    send(rest, signal.SIGTERM)
    while rest and time.monotonic() - begun < grace + KILL_PATIENCE:
        if time.monotonic() - begun > grace:
            send(rest, signal.SIGKILL)
        if signal.sigtimedwait({signal.SIGTERM}, 0.05):
            return False
        rest = leftovers(path, record)
    return signal.SIGTERM not in signal.sigpending()


def surroundings(document: dict[str, Any], path: str) -> dict[str, str]:
    """The program's whole environment: nothing of ours or of whoever ran the command gets into it."""
    try:
        user = pwd.getpwuid(os.getuid())
        home, name = user.pw_dir, user.pw_name
    except KeyError:
        home, name = "/", str(os.getuid())
    standard = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    ours = {"DEPLOYER_MARK": document["mark"], "DEPLOYER_PROGRAM": path}
    return {**standard, "HOME": home, "USER": name, "LOGNAME": name, **document["environment"], **document["secret_environment"], **ours}


def start(document: dict[str, Any], path: str) -> int:
    """The program's pid; the program leads its own session."""
    environment = surroundings(document, path)
    guard = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != guard:
            os._exit(0)
        prepare(document["directory"])
        os.execvpe(document["command"][0], document["command"], environment)  # noqa: S606 - no shell is the point
    except OSError as error:
        say(f"cannot start {document['command'][0]} in {document['directory']}: {error}")
    os._exit(127)


def prepare(directory: str) -> None:
    """Default signals (an ignored SIGINT is inherited and some programs never stop then), private files, no input."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o077)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(directory)


def watch(program: int, stop: dict[str, Any]) -> tuple[int, bool]:
    """Waits for the program's end, passing signals on: its wait status, and whether it was asked to stop."""
    deadline: float | None = None
    while (status := reap(program)) is None:
        left = 3600.0 if deadline is None else deadline - time.monotonic()
        got = signal.sigtimedwait(WATCHED, max(left, 0.0))
        if got is None and deadline is not None:
            say(f"did not stop in {stop['timeout']} s after {stop['signal']}: killing it")
            send({program}, signal.SIGKILL)
            deadline = time.monotonic() + 1
        elif got is not None and got.si_signo == signal.SIGTERM:
            send({program}, signal.Signals[f"SIG{stop['signal']}"])
            deadline = deadline or time.monotonic() + stop["timeout"]
        elif got is not None and got.si_signo != signal.SIGCHLD:
            send({program}, got.si_signo)
    return status, deadline is not None


def pause(document: dict[str, Any], last: dict[str, Any]) -> bool:
    """Waits before another try of what failed. False when we were asked to stop meanwhile."""
    failures = last.get("failures", 0) if last.get("digest") == digest(document) and not last.get("stopped") else 0
    delay = min(FIRST_DELAY * 2 ** min(failures - 1, 16), LONGEST_DELAY) if failures else 0.0
    return delay == 0 or signal.sigtimedwait({signal.SIGTERM}, delay) is None


def beginning(document: dict[str, Any], program: int, last: dict[str, Any]) -> dict[str, Any]:
    """The note of a program that just began; counts go on while it is the same configuration and nobody stopped it."""
    running = digest(document)
    again = last.get("digest") == running and not last.get("stopped")
    lost = again and "program" in last and not last.get("ended")  # the guard before us was killed
    return {
        "guard": os.getpid(),
        "program": program,
        "session": program,
        "ticks": process.started if (process := processes().get(program)) else 0,
        "boot": boot(),
        "digest": running,
        "began": time.time(),
        "restarts": last.get("restarts", 0) + 1 if again else 0,
        "failures": last.get("failures", 0) if again else 0,
        "last_exit": {"reason": "its guard was killed", "at": time.time()} if lost else last.get("last_exit"),
    }


def ending(record: dict[str, Any], status: int, *, stopped: bool) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(status)
    lasted = time.time() - record["began"]
    reason = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
    failures = 0 if stopped else (record["failures"] if lasted < LASTING else 0) + 1
    last_exit = {"code": code, "reason": reason, "at": time.time(), "lasted": round(lasted, 3)}
    return {**record, "ended": True, "stopped": stopped, "failures": failures, "last_exit": last_exit}


def orphaned(parent: int) -> bool:
    """Whether supervisord died before the parent-death signal was armed."""
    if os.getppid() != parent:
        return True
    return "SUPERVISOR_ENABLED" in os.environ and b"supervisor" not in _read(parent, "cmdline")


def say(text: str) -> None:
    os.write(2, f"guard: {text}\n".encode("utf-8", "replace"))


def run(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    last = read_record(path)
    if not end_leftovers(path, last, document["stop"]["timeout"]) or not pause(document, last):
        return 0
    say(f"starting {document['mark']}")
    program = start(document, path)
    record = beginning(document, program, last)
    write_record(path, record)
    status, stopped = watch(program, document["stop"])
    end_rest(REST_GRACE)
    write_record(path, ending(record, status, stopped=stopped))
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def main(arguments: list[str]) -> int:
    parent = os.getppid()
    os.umask(0o077)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) or libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        say(f"prctl failed: {os.strerror(ctypes.get_errno())}")
        return BAD_FILE
    if orphaned(parent):
        return 0
    try:
        return run(arguments[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        say(f"{arguments[0]} is not usable: {error!r}")
        signal.sigtimedwait({signal.SIGTERM}, BAD_FILE_DELAY)
        return BAD_FILE


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
    return b""


def _stat(pid: str) -> list[bytes]:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
