"""A provider whose world is a dictionary, behind the same contract as the real ones, with a crash at any call boundary."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.core.errors import ConfigError, Problem
from deployer.core.protocols import Readiness
from deployer.core.resource import Change, Live, Mark, Ready, Rules, Waiting, Want
from deployer.core.state import Entry, State, StateObject
from deployer.core.values import Json, Unknown, Value
from deployer.state.draft import Draft


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Boundaries:
    """Counts call boundaries and dies at one of them."""

    crash_at: int | None = None
    passed: int = 0
    log: list[str] = field(default_factory=list)

    def cross(self, name: str) -> None:
        self.log.append(name)
        self.passed += 1
        if self.crash_at is not None and self.passed == self.crash_at:
            raise Crash(name)


@dataclass
class Thing:
    """One object in the fake world."""

    config: dict[str, Json]
    mark: Mark | None
    version: int
    waits: int = 0


@dataclass
class FakeWorld:
    """Objects by kind and id, and everything that was ever made."""

    boundaries: Boundaries = field(default_factory=Boundaries)
    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    made: list[tuple[str, str]] = field(default_factory=list)
    versions: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    reads: int = 0
    writes: int = 0

    def next_version(self) -> int:
        return next(iter(self.versions))


@dataclass(frozen=True)
class FakeKind:
    """Config: name (the id follows from it), size (immutable), text (in place), secret (sensitive), link (any), slow (waits)."""

    world: FakeWorld
    name: str = "fake.thing"
    rules: Rules = field(default_factory=lambda: Rules(("size",), ("link",), sensitive=("secret",), sensitive_outputs=("password",)))
    data: bool = False

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        known = {"name": "", "size": 0, "text": "", "secret": None, "link": None, "slow": 0}
        wrong = [Problem("unknown key", path=key) for key in config if key not in known]
        if wrong:
            raise ConfigError(wrong)
        return {**known, **config}

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:
        name = config["name"] or address
        if isinstance(name, Unknown) or isinstance(config["size"], Unknown):
            return None
        return f"{name}-{config['size']}" if self.rules.create_first else str(name)

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:
        return {"id": object_id, "text": config["text"]}

    def place(self, object_id: str) -> str:
        return object_id.rsplit("@", 1)[1] if "@" in object_id else ""

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        self.world.reads += 1
        return {object_id: self._live(object_id) for object_id in ids}

    def _live(self, object_id: str) -> Live | None:
        thing = self.world.things.get((self.name, object_id))
        if thing is None:
            return None
        outputs: dict[str, Json] = {
            "id": object_id,
            "text": thing.config["text"],
            "serial": f"s-{object_id}",
            "password": f"pw-{object_id}",
        }
        return Live(object_id, dict(thing.config), outputs, str(thing.version), thing.mark, f"data of {object_id}" if self.data else None)

    def create(self, want: Want) -> Live:
        self.world.boundaries.cross(f"before create {want.address}")
        key = (self.name, want.id)
        if key not in self.world.things:
            self.world.made.append(key)
        self._put(want)
        self.world.boundaries.cross(f"after create {want.address}")
        return self._there(want.id)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:
        self.world.boundaries.cross(f"before update {want.address}")
        assert (self.name, want.id) in self.world.things
        assert not any(change.path[0] in self.rules.immutable for change in changes)
        self._put(want)
        self.world.boundaries.cross(f"after update {want.address}")
        return self._there(want.id)

    def _put(self, want: Want) -> None:
        self.world.writes += 1
        waits = want.config["slow"]
        assert isinstance(waits, int)
        self.world.things[self.name, want.id] = Thing(dict(want.config), want.mark, self.world.next_version(), waits)

    def _there(self, object_id: str) -> Live:
        live = self._live(object_id)
        assert live is not None
        return live

    def delete(self, live: Live) -> None:
        self.world.boundaries.cross(f"before delete {live.id}")
        self.world.writes += 1
        self.world.things.pop((self.name, live.id), None)
        self.world.boundaries.cross(f"after delete {live.id}")

    def ready(self, live: Live) -> Readiness:
        thing = self.world.things[self.name, live.id]
        if thing.waits == 0:
            return Ready()
        thing.waits -= 1
        return Waiting(f"{thing.waits} more looks")

    def find(self, mark: Mark) -> Iterable[Live]:
        for name, object_id in sorted(self.world.things):
            live = self._live(object_id) if name == self.name else None
            if live is not None and mark.owns(live.mark):
                yield live

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        return ()


@dataclass
class FakeLedger:
    """The real replay over a list, durable at each write, with a crash before or after it."""

    state_before: State
    boundaries: Boundaries
    entries: list[Entry] = field(default_factory=list)
    draft: Draft = field(init=False)

    def __post_init__(self) -> None:
        self.draft = Draft(self.state_before)

    def write(self, entries: Sequence[Entry]) -> None:
        self.boundaries.cross("before write")
        self.entries.extend(entries)
        for entry in entries:
            self.draft.add(entry)
        self.boundaries.cross("after write")

    def recorded(self, address: str) -> StateObject | None:
        return self.draft.recorded(address)

    def state(self) -> State:
        return self.draft.state()


def once(call: Callable[[], object], transient: object, note: object) -> object:
    """No second try."""
    return call()
