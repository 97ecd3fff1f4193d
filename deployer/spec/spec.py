"""The second hop's value: everything an environment's files say, checked in shape, and where each part stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deployer.core.errors import Origin
from deployer.core.values import Json, Value
from deployer.spec.places import Places


class Target(StrEnum):
    """Where a platform runs."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"


@dataclass(frozen=True, slots=True)
class SpecSettings:
    """What holds for the whole environment. `ready_timeout` is seconds."""

    root: Path  # absolute
    python: str | None = None
    bind: str = "127.0.0.1"
    ready_timeout: int = 300

    def as_json(self) -> dict[str, Json]:
        """What `${settings.x}` sees."""
        return {"root": str(self.root), "python": self.python, "bind": self.bind, "ready_timeout": self.ready_timeout}


@dataclass(frozen=True, slots=True)
class SpecSecret:
    """Where a secret's value comes from; exactly one of `env`, `file` and `command` is set."""

    name: str
    origin: Origin
    env: str | None = None
    file: Path | None = None  # absolute
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecComponent:
    """A component: its module and the module's inputs, as written."""

    name: str
    module: str
    inputs: Mapping[str, Value] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    prevent_destroy: bool = False


@dataclass(frozen=True, slots=True)
class SpecResource:
    """A plain resource of the spec. `for_each` is a map, a list or text with a reference; `when` an expression, True or False."""

    name: str
    kind: str
    config: Mapping[str, Value] = field(default_factory=dict)
    for_each: Mapping[str, Value] | Sequence[Value] | str | None = None
    depends_on: tuple[str, ...] = ()
    when: str | bool | None = None
    prevent_destroy: bool = False


@dataclass(frozen=True, slots=True)
class SpecState:
    """Where the state lives. `path` is the absolute folder of the local backend; other backends have only their `url`."""

    url: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """One environment of one platform. Leaves still hold their `${...}` references as text."""

    file: Path  # absolute
    project: Path  # absolute
    environment: str
    platform: str
    target: Target
    settings: SpecSettings
    secrets: Mapping[str, SpecSecret]
    components: Mapping[str, SpecComponent]
    resources: Mapping[str, SpecResource]
    modules: tuple[Path, ...]  # absolute folders, in the order written
    state: SpecState
    moved: Mapping[str, str]  # old address -> new address
    digest: str  # sha256 (hex) over the bytes of every file that took part
    files: tuple[Path, ...]  # those files: the environment's own first, then what it extends
    data: Mapping[str, Value] = field(repr=False)  # the merged files as plain data
    places: Places = field(repr=False, compare=False)

    def origin(self, path: Sequence[str | int]) -> Origin:
        """Where the value at `path` of the merged files stands, e.g. ("components", "tracking", "port"); else its nearest ancestor."""
        return self.places.origin(path)

    def key_origin(self, path: Sequence[str | int]) -> Origin:
        """Where the key at `path` stands; else its nearest ancestor's."""
        return self.places.key_origin(path)
