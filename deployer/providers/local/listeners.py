"""Who listens on this machine: which port is free, and which process holds one that is not."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from deployer.core.errors import ProviderError
from deployer.providers.local import guard

LISTEN = "0A"  # a socket's state in /proc/net/tcp
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens. `pid` is None when it is another user's and we may not see whose.

    `program` is the file below some environment's root that it, or a process it descends from, was started from; "" for all others.
    """

    pid: int | None
    name: str = ""
    user: str = ""
    program: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        whose = f", of the environment in {self._root}" if self.program else ""
        return f"{self.name} (pid {self.pid}, user {self.user}{whose})"

    def belongs(self, root: str) -> bool:
        """Whether the environment below `root` started it. A mark would not do: a second checkout of a project has the same one."""
        return bool(self.program) and self._root == root

    @property
    def stop(self) -> str:
        if self.program:  # killed, it would come back
            return "destroy that environment"
        return "`sudo ss -ltnp` shows it" if self.pid is None else f"kill {self.pid}"

    @property
    def _root(self) -> str:
        return self.program.rpartition("/")[0].rpartition("/")[0]


def listening(port: int, bind: str) -> bool:
    """Whether anything listens where a socket on `bind` would collide with it. Cheap: two small files."""
    return any(seen == port and _collide(address, bind) for address, seen in _listening())


def holder(port: int, bind: str) -> Holder | None:
    """The process that listens there; None when it has just gone. Walks all processes."""
    import psutil  # noqa: PLC0415 - only once a port is known to be held

    for connection in psutil.net_connections("tcp"):
        local = connection.laddr
        if connection.status == psutil.CONN_LISTEN and local and local.port == port and _collide(local.ip, bind):
            return _named(connection.pid)
    return None


def refusal(port: int, bind: str) -> tuple[str, str] | None:
    """Why a socket cannot be bound there though nobody listens, and what to do; None when it can."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except OSError as error:
        match error.errno:
            case errno.EACCES:
                return f"port {port} may be used by root only", "choose a port above 1023"
            case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
                return f"{bind} is not an address of this machine", "set bind to one of them (`ip addr` lists them), or to 127.0.0.1"
            case errno.EADDRINUSE:
                return f"port {port} on {bind} is in use", 'choose another port, or "auto"'
            case _:
                return f"port {port} on {bind} cannot be used: {error.strerror}", "choose another port or address"
    return None


def free(bind: str, span: tuple[int, int], *, seed: str, taken: Collection[int]) -> int:
    """A port of `span` nobody has: always the same first choice for one `seed`, outside what the kernel gives to clients."""
    low, high = ephemeral()
    candidates = [port for port in range(span[0], span[1] + 1) if not low <= port <= high]
    candidates = candidates or [port for port in range(1024, 65536) if not low <= port <= high] or list(range(*span))
    used = {port for _, port in _listening()} | set(taken)
    start = int(sha256(seed.encode()).hexdigest(), 16) % len(candidates)
    for port in (*candidates[start:], *candidates[:start]):
        if port not in used and refusal(port, bind) is None:
            return port
    raise ProviderError(
        f"no port is free on {bind}", why=f"{len(candidates)} were tried", fix="stop something, or write a port in the spec"
    )


def ephemeral() -> tuple[int, int]:
    """The range outgoing connections get their ports from."""
    with suppress(OSError, ValueError):
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        return int(low), int(high)
    return 32768, 60999


def _listening() -> Iterator[tuple[str, int]]:
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(file).read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no IPv6, or no /proc
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN:
                address, _, port = fields[1].partition(":")
                yield _decoded(address), int(port, 16)


def _decoded(text: str) -> str:
    """An address of /proc/net: 32-bit words in the machine's byte order."""
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    address = socket.inet_ntop(socket.AF_INET6 if len(words) > 1 else socket.AF_INET, b"".join(words))
    return address.removeprefix("::ffff:") if "." in address else address


def _collide(one: str, other: str) -> bool:
    if one == other or "::" in (one, other):  # the IPv6 wildcard takes IPv4 too
        return True
    return (one in EVERYWHERE or other in EVERYWHERE) and (":" in one) == (":" in other)


def _named(pid: int | None) -> Holder:
    import psutil  # noqa: PLC0415 - see above

    if pid is None:
        return Holder(None)
    try:
        process = psutil.Process(pid)
        return Holder(pid, process.name(), process.username(), _started_from(pid))
    except psutil.Error:
        return Holder(pid, "a process", "unknown")


def _started_from(pid: int) -> str:
    """Parents count, because some programs overwrite their own environment."""
    table = guard.processes()
    while pid in table:
        if found := guard.guards(pid) or guard.program_of(pid):
            return found
        pid = table[pid].parent
    return ""
