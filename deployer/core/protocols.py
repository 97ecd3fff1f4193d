"""The contracts between the rooms. Strangers meet only here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

from deployer.core.errors import Problem
from deployer.core.resource import Change, Failed, Live, Mark, Ready, Rules, Waiting, Want
from deployer.core.state import Entry, Holder, State, StateObject
from deployer.core.values import Value

T = TypeVar("T")
Readiness: TypeAlias = Ready | Waiting | Failed


class Kind(Protocol):
    """A type of resource. One remote call per method; the engine does the waiting, the retrying and the recording."""

    @property
    def name(self) -> str:
        """`provider.noun`, e.g. local.process."""

    @property
    def rules(self) -> Rules:
        """Which fields replace, restart, stay hidden: data the engine decides by."""

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        """The configuration checked, defaults filled, normalised; raises `ConfigError` with every mistake.

        Leaves may be `Unknown` or `Sensitive`: those are taken as they are, wherever they stand.
        """

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:
        """The object's id, following from address and parsed configuration alone; None while that is unknown."""

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:
        """The outputs that follow from the parsed configuration alone, before the object exists. May hold `Unknown`."""

    def place(self, object_id: str) -> str:
        """Ids of one place are read by one call (a namespace, a region); "" when there is only one."""

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        """What is there now, for all ids of one place at once. None means absent."""

    def create(self, want: Want) -> Live:
        """Makes the object with its mark in the same call. Safe to repeat after a crash in the middle."""

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:
        """Changes the object in place; also restores a lost mark. Safe to repeat."""

    def delete(self, live: Live) -> None:
        """Removes the object. Already gone is success."""

    def ready(self, live: Live) -> Readiness:
        """Whether it works now. Never waits."""

    def find(self, mark: Mark) -> Iterable[Live]:
        """Everything of this kind marked as the environment's (`Mark.owns`), `Live.mark.address` filled."""

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        """What would make creating or updating these fail: a taken port, a full disk. `Problem.path` is the address.

        Asked once, before the first change, for all objects of the kind that a plan creates or updates (with what is there now).
        Configurations may still hold `Unknown` leaves, and `Sensitive` ones.
        """


class Provider(Protocol):
    """A folder of kinds with one client."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """By name; asking for one may import it."""

    def identity(self) -> str:
        """What a plan is pinned to: a cluster UID, an account id, this machine and root."""

    def close(self) -> None:
        """Lets go of connections. The objects stay."""


class Ledger(Protocol):
    """The write-ahead record. `write` returns only when the entries are durable, and raises `FencedError` once the lock is lost."""

    def write(self, entries: Sequence[Entry]) -> None:
        """Any number at once: all of them are durable when it returns."""

    def recorded(self, address: str) -> StateObject | None:
        """The object recorded at the address by everything written so far; cheap."""

    def state(self) -> State:
        """The state with everything written so far."""


class Backend(Protocol):
    """Where state, journal and lock live. Remote ones speak the same words as the local one."""

    @property
    def url(self) -> str:
        """For people and messages; no credentials in it."""

    def read_state(self) -> bytes | None:
        """The last whole state, or None when there is none."""

    def write_state(self, data: bytes, epoch: int) -> None:
        """Replaces the state atomically and durably. Raises `FencedError` unless `epoch` holds the lock."""

    def read_journal(self) -> bytes:
        """Every line appended since the last `clear_journal`, in order."""

    def append_journal(self, data: bytes, epoch: int) -> None:
        """Appends whole lines durably. Raises `FencedError` unless `epoch` holds the lock."""

    def clear_journal(self, epoch: int) -> None:
        """Forgets the journal; called after a `write_state` that holds all of it."""

    def acquire(self, holder: Holder) -> Holder:
        """Takes the lock if it is free or its holder is dead or lapsed; returns us with our epoch. Else `LockHeldError`."""

    def renew(self, holder: Holder) -> Holder:
        """A heartbeat. Raises `FencedError` when the lock is not ours any more."""

    def release(self, holder: Holder) -> None:
        """Gives the lock back; silently nothing when it is not ours any more."""

    def holder(self) -> Holder | None:
        """Who has it now, lapsed or not."""

    def break_lock(self, holder: Holder) -> None:
        """Removes exactly this holder's lock; the next epoch is still higher than its."""

    def keep_copy(self, name: str, data: bytes) -> str:
        """Keeps `data` beside the state (before an upgrade, when fenced); returns where."""


class Retry(Protocol):
    """Calls again, with backoff and jitter, while `transient(error)` says so. `note` hears of every new try."""

    def __call__(self, call: Callable[[], T], transient: Callable[[BaseException], bool], note: Callable[[str], None]) -> T: ...


Secrets: TypeAlias = Callable[[str], str]
"""The value of a secret of the spec by name; raises `SpecError` naming the source that failed."""
