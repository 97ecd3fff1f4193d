"""The local provider: directories, files, ports, databases and supervised processes on this machine. One line per kind."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from deployer.core.errors import Problem
from deployer.core.protocols import Kind, Provider
from deployer.core.values import Json
from deployer.providers.local.client import Client
from deployer.providers.registry import Options

if TYPE_CHECKING:
    from deployer.providers.local.process import ProcessKind

# Name -> "module:Class"; the class takes the client.
KINDS: Mapping[str, str] = {
    "local.directory": "deployer.providers.local.directory:DirectoryKind",
    "local.file": "deployer.providers.local.file:FileKind",
    "local.port": "deployer.providers.local.port:PortKind",
    "local.process": "deployer.providers.local.process:ProcessKind",
    "local.python_env": "deployer.providers.local.python_env:PythonEnvKind",
    "local.secret": "deployer.providers.local.secret:SecretKind",
    "local.sqlite": "deployer.providers.local.sqlite:SqliteKind",
    "local.supervisor": "deployer.providers.local.supervisor:SupervisorKind",
}


class Kinds(Mapping[str, Kind]):
    """Every kind of the provider, imported when it is first asked for."""

    def __init__(self, client: Client) -> None:
        self._client, self._made, self._lock = client, dict[str, Kind](), Lock()

    def __getitem__(self, name: str) -> Kind:
        with self._lock:
            if name not in self._made:
                module, _, kind = KINDS[name].partition(":")
                self._made[name] = cast("Kind", getattr(import_module(module), kind)(self._client))
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)

    def __contains__(self, name: object) -> bool:
        return name in KINDS


class LocalProvider:
    """This machine, below one root."""

    def __init__(self, options: Options) -> None:
        self._client = Client(options)
        self._kinds = Kinds(self._client)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return self._kinds

    def identity(self) -> str:
        """This machine and root, e.g. `local:3f1c...:/srv/demo`."""
        return f"local:{_machine()}:{self._client.root}"

    def check(self) -> Sequence[Problem]:
        """What is wrong with the root as a whole, before anything is made: `Problem.path` is settings.root."""
        from deployer.providers.local.root import problems  # noqa: PLC0415 - imported only when it is needed

        return problems(self._client.root)

    def status(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Json]]:
        """How the processes with these ids are: state, pid, since, uptime, restarts, memory, last_exit."""
        return self._processes().status(ids)

    def log_files(self, object_id: str) -> tuple[str, ...]:
        """The process's log files that exist, the one written now first."""
        return self._processes().log_files(object_id)

    def _processes(self) -> ProcessKind:
        return cast("ProcessKind", self._kinds["local.process"])

    def close(self) -> None:
        """Nothing is kept open."""


def open_provider(options: Options) -> Provider:
    return LocalProvider(options)


def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        if Path(path).is_file() and (text := Path(path).read_text(encoding="utf-8").strip()):
            return text
    return platform.node()
