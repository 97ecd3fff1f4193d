"""What the stories give back, as plain values. Light on purpose: the mouth imports this at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from deployer.core.errors import Problem
from deployer.core.values import Json

if TYPE_CHECKING:  # named in passing, and each costs milliseconds of every command
    from deployer.core.events import Event
    from deployer.core.plan import Plan
    from deployer.core.state import Holder


@dataclass(frozen=True, slots=True)
class Where:
    """What the user pointed at: a project's folder, and an environment's name or the path of its file."""

    folder: Path
    environment: str


class Listener(Protocol):
    """Who hears of the work while it goes on: the mouth."""

    def event(self, event: Event) -> None: ...

    def note(self, text: str) -> None: ...


class Partner(Listener, Protocol):
    """Who decides while an apply or a destroy goes on."""

    def plan(self, plan: Plan) -> None:
        """Shows the plan before anything is asked or done."""

    def agree(self, plan: Plan) -> bool:
        """Whether to go on with it."""

    def lose(self, plan: Plan, addresses: Sequence[str]) -> bool:
        """Whether the data of these objects may go; asked only for what no flag allowed."""

    def working(self, plan: Plan) -> AbstractContextManager[threading.Event]:
        """Around the changes themselves. The event is set when nothing new may start."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an apply or a destroy is to be done. `lock_timeout` in seconds."""

    parallelism: int = 10
    lock_timeout: float = 0.0
    allowed: tuple[str, ...] = ()  # addresses whose data may go; `all` means every one
    keep_data: bool = False


@dataclass(frozen=True, slots=True)
class Validated:
    environment: str
    platform: str
    target: str
    file: str
    components: Mapping[str, str]  # component -> module
    resources: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Applied:
    """The end of an apply. `changed` is False when the plan was empty or nobody agreed (`agreed` tells which)."""

    plan: Plan
    agreed: bool
    changed: bool
    seconds: float
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Something of ours that still stands."""

    address: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The end of a destroy: what went, what was kept on purpose, and what a re-list by mark still finds."""

    plan: Plan
    agreed: bool
    deleted: tuple[str, ...] = ()
    kept: tuple[Left, ...] = ()
    left: tuple[Left, ...] = ()
    seconds: float = 0.0


class Health(StrEnum):
    HEALTHY = "healthy"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    ABSENT = "not applied"


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One component now. `since` is seconds since 1970, `memory` bytes; None where there is nothing to say."""

    component: str
    module: str
    health: Health
    url: str = ""
    version: str = ""
    since: float | None = None
    restarts: int | None = None
    memory: int | None = None
    cause: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    environment: str
    components: tuple[ComponentStatus, ...]
    holder: Holder | None = None
    at: float = 0.0  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a component. `value` is None while unknown, and hidden where sensitive unless it was asked for by name."""

    component: str
    name: str
    value: Json = field(repr=False, default=None)
    variable: str = ""
    doc: str = ""
    sensitive: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the doctor looked at."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    warning: bool = False  # not as it should be, but nothing fails because of it


@dataclass(frozen=True, slots=True)
class Proof:
    """What `verify` did in one component: the steps its script reported, the script's exit code."""

    component: str
    ok: bool
    steps: tuple[Mapping[str, Json], ...]
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output of a module, for its page."""

    name: str
    type: str
    doc: str
    default: str = ""
    required: bool = False
    sensitive: bool = False
    variable: str = ""


@dataclass(frozen=True, slots=True)
class ModulePage:
    component: str
    module: str
    summary: str
    description: str
    versions: Mapping[str, str]
    requires: Mapping[str, str]
    targets: tuple[str, ...]
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One resource in the graph and what it directly stands on."""

    address: str
    kind: str
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready choice for `init`: what it is and whom it suits, in two lines."""

    name: str
    title: str
    suits: str
    available: bool
    target: str = "local"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` put into the state, by address."""

    found: tuple[Left, ...]
    environment: str


@dataclass(frozen=True, slots=True)
class LockReport:
    """The lock's holder, whether it lives, and whether the lock was removed."""

    holder: Holder | None
    alive: bool = False
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Preflight:
    """The doctor's findings for one environment."""

    checks: tuple[Check, ...]
    problems: tuple[Problem, ...] = ()
