"""What we manage: resources wanted, objects live, and the rules their kinds state about their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.core.errors import Origin
from deployer.core.values import Json, Path, Value


@dataclass(frozen=True, slots=True)
class Mark:
    """Our ownership label on an object itself. `address` is empty when a whole environment is meant."""

    platform: str
    environment: str
    address: str = ""

    def __str__(self) -> str:
        return f"{self.platform}/{self.environment}" + (f" ({self.address})" if self.address else "")

    def owns(self, other: Mark | None) -> bool:
        """Whether `other` was made by the same environment of the same platform."""
        return other is not None and (self.platform, self.environment) == (other.platform, other.environment)

    def at(self, address: str) -> Mark:
        return Mark(self.platform, self.environment, address)


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing wanted, as the spec and its modules say it. `config` leaves may be `Template`."""

    address: str  # component/kind/name, e.g. tracking/local.process/server
    kind: str
    config: Mapping[str, Value]
    origin: Origin
    depends_on: tuple[str, ...] = ()
    prevent_destroy: bool = False


@dataclass(frozen=True, slots=True)
class Want:
    """What the hands get: everything resolved, secrets opened. Never stored, never shown."""

    address: str
    id: str
    mark: Mark
    config: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Live:
    """What the provider reads now.

    `config` has the shape of the want and is comparable with it, secrets in plain (the engine seals them at once).
    `token` changes whenever the object does. `mark` is None on an object nobody marked. `data` names what deleting the
    object would lose, e.g. "database /srv/mlflow.db (3.1 MB)"; None when nothing would be.
    """

    id: str
    config: Mapping[str, Json] = field(repr=False)
    outputs: Mapping[str, Json] = field(default_factory=dict, repr=False)
    token: str = ""
    mark: Mark | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """A kind's field rules, as data. Patterns are dotted paths, `*` stands for one step; a pattern covers what is below it."""

    immutable: tuple[str, ...] = ()  # a change means replace
    restart: tuple[str, ...] = ()  # a change means an interruption
    computed: tuple[str, ...] = ()  # never compared
    sensitive: tuple[str, ...] = ()  # never shown; the only fields ${secret:...} may stand in
    outputs: tuple[str, ...] = ()  # the names there are; empty: the kind does not say
    sensitive_outputs: tuple[str, ...] = ()
    unstable_outputs: tuple[str, ...] = ()  # an update may change them: known after apply
    create_first: bool = False  # a replacement is made before the old object goes


@dataclass(frozen=True, slots=True)
class Change:
    """One differing path. `before`/`after` are JSON, `Sensitive` or `Unknown`; `ABSENT` where the path is missing."""

    path: Path
    before: Value
    after: Value


class _Absent:
    """The side of a change where the path is missing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Ready:
    """The object works."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The object may still become ready; `reason` is what a person would want to know meanwhile."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The object will not become ready by itself; `reason` is the root cause."""

    reason: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Desired:
    """All an environment wants: the third hop's input."""

    mark: Mark
    target: str
    resources: Mapping[str, Resource]
    moved: Mapping[str, str] = field(default_factory=dict)  # old address -> new address
    digest: str = ""  # of the spec the resources came from
