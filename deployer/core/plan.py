"""The plan: every operation, its order, its reason and its precondition, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.core.errors import Origin
from deployer.core.resource import Change, Mark
from deployer.core.values import Value


class Action(StrEnum):
    """One operation on one object. A replacement is a DELETE and a CREATE with the same address."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"  # ours by its mark, unknown to the state, already as wanted
    WAIT = "wait"  # made before, not ready yet: resume waiting
    FORGET = "forget"  # in the state, gone from the world, not wanted
    MOVE = "move"  # the same object under a new address


class Impact(StrEnum):
    """What a step means for whoever uses the platform."""

    NONE = "none"
    IN_PLACE = "in-place"
    RESTART = "restart"
    REPLACE = "replace"
    DATA_LOSS = "DATA LOSS"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation. `after` are the ids of the steps it waits for; `token` is what the object must still look like."""

    id: str  # action:address, unique in the plan
    action: Action
    address: str
    kind: str
    object_id: str | None  # None: known after apply
    reason: str
    impact: Impact = Impact.NONE
    origin: Origin | None = None
    after: tuple[str, ...] = ()
    config: Mapping[str, Value] | None = field(default=None, repr=False)  # resolved; Sensitive and Unknown keep their template
    changes: tuple[Change, ...] = ()
    token: str | None = None  # None: the object must not exist
    edges: tuple[str, ...] = ()  # direct dependencies, to be kept in the state
    data: str | None = None  # names the data a DATA_LOSS step destroys
    replaces: bool = False  # half of a replacement
    create_first: str = ""  # why this replacement is made first: the kind's rule, or the address it is inherited from
    prevent_destroy: bool = False
    source: str = ""  # the old address of a MOVE
    deposed: bool = False  # a DELETE of an object whose replacement stands


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed in the world behind our back, apart from what the spec changed. Empty `changes`: the object is gone."""

    address: str
    kind: str
    changes: tuple[Change, ...] = ()
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an apply will do, and everything it must find unchanged."""

    id: str
    mark: Mark
    target: str
    target_identity: str  # cluster UID, account id, machine and root: another one is refused
    spec_digest: str
    lineage: str
    serial: int
    steps: tuple[Step, ...]
    drift: tuple[Drift, ...] = ()
    kept: tuple[str, ...] = ()  # data-bearing objects (and what they stand on) a destroy leaves for a later apply
    unchanged: int = 0
    reads: int = 0
    seconds: float = 0.0
    destroy: bool = False

    @property
    def empty(self) -> bool:
        """Nothing would happen: the world is as the spec says."""
        return not self.steps


@dataclass(frozen=True, slots=True)
class Totals:
    """How many objects of each fate, a replacement counted once."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0
    other: int = 0


def totals(plan: Plan) -> Totals:
    """Counts for the plan's last line."""
    replaced = {step.address for step in plan.steps if step.replaces}
    single = [step.action for step in plan.steps if not step.replaces]
    create, update, delete = (single.count(action) for action in (Action.CREATE, Action.UPDATE, Action.DELETE))
    return Totals(create, update, len(replaced), delete, len(single) - create - update - delete)
