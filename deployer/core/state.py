"""The nouns of the memory: what we made (state), what we are doing (journal), who may write (lock)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.core.values import Json


class Pending(StrEnum):
    """What was begun on an object and is not known to have ended."""

    NONE = ""
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WAIT = "wait"  # made, not ready yet


@dataclass(frozen=True, slots=True)
class StateObject:
    """One object we made. `edges` are the addresses it directly depends on; `outputs` hold nothing sensitive."""

    address: str
    kind: str
    id: str
    digest: str = ""  # of the configuration last applied
    edges: tuple[str, ...] = ()
    outputs: Mapping[str, Json] = field(default_factory=dict)
    pending: Pending = Pending.NONE
    prevent_destroy: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything we made. `deposed` are old objects whose replacement stands already; they only wait for deletion.

    `serial` counts changes and never goes back within one `lineage`; `applied` are the ids of the last saved plans that ran.
    """

    lineage: str
    platform: str
    environment: str
    serial: int = 0
    objects: Mapping[str, StateObject] = field(default_factory=dict)
    deposed: tuple[StateObject, ...] = ()
    applied: tuple[str, ...] = ()


class EntryType(StrEnum):
    """A journal line: an operation begun or ended, an object forgotten or moved, a saved plan consumed."""

    BEGIN = "begin"
    END = "end"
    DEPOSE = "depose"
    FORGET = "forget"
    MOVE = "move"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal line.

    BEGIN and END carry the object as it will be or is, its `pending` saying what was begun or is left; an END of a delete is a
    FORGET. DEPOSE moves the object at the address to `deposed`. FORGET names address and id (so it finds deposed objects too).
    MOVE carries the object under its new address and `source`, the old one. APPLIED carries the plan id in `source`.
    """

    type: EntryType
    object: StateObject | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. Times are seconds since 1970, UTC; `lease` is seconds; `epoch` grows with every new holder."""

    user: str
    host: str
    pid: int
    command: str
    since: float
    heartbeat: float
    lease: float
    epoch: int
    process_started: float = 0.0  # tells a reused pid from the holder
    boot: str = ""  # tells a machine that started again
