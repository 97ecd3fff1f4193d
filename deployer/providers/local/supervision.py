"""One environment's supervisord: its files, its words (XML-RPC over a unix socket), its start and its end."""

from __future__ import annotations

import configparser
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, Fault, ServerProxy, Transport

from deployer.core.errors import ProviderError
from deployer.providers.local import endings
from deployer.providers.local.client import explaining, half

CALL_TIMEOUT = 10.0  # seconds for one answer
START_TIMEOUT = 20.0  # seconds until a started supervisord answers
POLL = 0.03
SOCKET_LIMIT = 100  # bytes: 108 of the kernel, less what supervisord appends while it binds
BAD_NAME, NOT_RUNNING, ALREADY_ADDED, ALREADY_STARTED, CANT_REREAD = 10, 70, 90, 60, 92
STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED = 0, 10, 20, 30, 40, 100
UP = (STARTING, RUNNING, BACKOFF)

CONF = """\
[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
identifier = deployer-{digest}
logfile = {folder}/supervisord.log
logfile_maxbytes = {size}
logfile_backups = {backups}
pidfile = {folder}/supervisord.pid
childlogdir = {folder}
directory = /
umask = 077
nocleanup = true

[include]
files = conf.d/*.ini
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the files lie below a root."""

    root: str

    @property
    def folder(self) -> str:
        return f"{self.root}/supervisor"

    @property
    def socket(self) -> str:
        return f"{self.folder}/sock"

    @property
    def conf(self) -> str:
        return f"{self.folder}/supervisord.conf"

    @property
    def programs(self) -> str:
        return f"{self.folder}/conf.d"

    @property
    def guard(self) -> str:
        return f"{self.folder}/guard.py"

    @property
    def logs(self) -> str:
        return f"{self.root}/logs"


class Down(Exception):  # noqa: N818 - a fact, not a mistake
    """No supervisord answers."""


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=CALL_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_TIMEOUT)
        self.sock.connect(self._path)


class _Transport(Transport):
    """supervisor's own has no timeout: a stopped supervisord would hold us for ever."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ANN401, ARG002 - the parent's signature
        return _Connection(self._path)


def call(layout: Layout, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - XML-RPC values
    """One call of supervisord. Raises `Down` when nobody answers, `Fault` when it refuses."""
    if not os.path.exists(layout.socket):  # noqa: PTH110 - asked for every call
        raise Down
    try:
        with ServerProxy("http://localhost", transport=_Transport(layout.socket)) as server:
            return getattr(server.supervisor, method)(*arguments)
    except Fault as fault:
        if fault.faultCode == 6:  # noqa: PLR2004 - SHUTDOWN_STATE: it is on its way out
            raise Down from fault
        raise
    except (OSError, HTTPException, Error) as error:
        raise Down from error


def attempt(layout: Layout, allowed: tuple[int, ...], method: str, *arguments: Any) -> Any:  # noqa: ANN401 - XML-RPC values
    """Like `call`; the `allowed` faults mean that it is so already."""
    try:
        return call(layout, method, *arguments)
    except Fault as fault:
        if fault.faultCode not in allowed:
            raise
        return None


def conf(layout: Layout, log_size: int, log_backups: int) -> str:
    """The configuration; a digest of it is supervisord's name, so that a running one tells what it was started from."""
    plain = CONF.replace("{digest}", sha256(f"{CONF} {layout.root} {log_size} {log_backups}".encode()).hexdigest()[:12])
    escaped = {"socket": layout.socket.replace("%", "%%"), "folder": layout.folder.replace("%", "%%")}
    return plain.format(**escaped, size=log_size, backups=log_backups)


def identification(text: str) -> str:
    found = re.search(r"^identifier = (\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


def answering(layout: Layout) -> str | None:
    """The identification of the running supervisord, None when none answers."""
    try:
        return str(call(layout, "getIdentification"))
    except Down:
        return None


def programs(layout: Layout) -> Mapping[str, Mapping[str, Any]]:
    """What supervisord knows of every program, by name. Raises `Down`."""
    return {info["name"]: info for info in call(layout, "getAllProcessInfo")}


def up(layout: Layout, info: Mapping[str, Any]) -> bool:
    """Whether the program runs, or is about to: supervisord takes up to a second to start one again that has just ended."""
    state = info.get("state")
    return state in UP or (state == EXITED and "autorestart = true" in read(f"{layout.programs}/{info['name']}.ini"))


def read(path: str) -> str:
    """The text, empty when there is none."""
    with suppress(OSError, ValueError):
        return Path(path).read_text(encoding="utf-8")
    return ""


def write(path: str, text: str) -> None:
    """Whole or not at all, 0600. Nothing when it is so already."""
    target = Path(path)
    with explaining("write", path):
        with suppress(OSError, ValueError):
            if target.read_text(encoding="utf-8") == text:
                return
        beside = target.with_name(half(target.name))
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)


def start(layout: Layout) -> None:
    """Starts supervisord unless it runs. The caller holds the folder's lock."""
    if answering(layout):
        return
    endings.end(endings.strays(layout.conf))  # one that does not answer
    Path(layout.socket).unlink(missing_ok=True)
    _set_broken_aside(layout)
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "TZ") if name in os.environ}
    command = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", layout.conf]
    with explaining("start supervisord for", layout.root):
        done = subprocess.run(
            command,
            env={"LANG": "C.UTF-8", **kept},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
            check=False,
            start_new_session=True,
            umask=0o077,
        )
    deadline = time.monotonic() + (START_TIMEOUT if done.returncode == 0 else 0)
    while not answering(layout):
        if time.monotonic() >= deadline:
            said = (done.stderr or done.stdout).strip()[-500:] or f"it does not answer; see {layout.folder}/supervisord.log"
            raise ProviderError("supervisord does not start", why=said, fix=f"look at {layout.folder}/supervisord.log")
        time.sleep(POLL)


def shut_down(layout: Layout) -> None:
    """Stops every program (all at once), then supervisord; whoever does not obey is killed. Returns when all are gone."""
    patience = endings.PATIENCE
    with suppress(Down):
        running = [int(call(layout, "getPID"))]
        patience += max((int(info["stopwaitsecs"]) for info in call(layout, "getAllConfigInfo")), default=0)
        call(layout, "stopAllProcesses", False)  # noqa: FBT003 - XML-RPC has positions only
        call(layout, "shutdown")
        endings.wait_gone(set(running), patience)
    endings.end(endings.strays(layout.conf))
    endings.end_programs(f"{layout.root}/programs/")


def _set_broken_aside(layout: Layout) -> None:
    """One unreadable program file would keep supervisord from starting at all; its process shows the drift and writes it anew."""
    for path in Path(layout.programs).glob("*.ini"):
        try:
            parser = configparser.RawConfigParser()
            parser.read_string(path.read_text(encoding="utf-8"))
            sound = all(re.fullmatch(r"program:[A-Za-z0-9_.-]+", section) and "command" in parser[section] for section in parser.sections())
        except (OSError, ValueError, configparser.Error):
            sound = False
        if not sound:
            path.replace(path.with_suffix(".broken"))
