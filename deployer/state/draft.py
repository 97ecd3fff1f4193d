"""A state that can still change: entries go in, frozen states come out."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from deployer.core.state import Entry, EntryType, Pending, State, StateObject

KEPT_PLANS = 50


class Draft:
    """The mutable state behind a ledger. One `add` costs the same however large the state is, a MOVE apart."""

    def __init__(self, state: State) -> None:
        self.lineage, self.platform, self.environment = state.lineage, state.platform, state.environment
        self.serial = state.serial
        self._objects = dict(state.objects)
        self._deposed = {(item.address, item.id): item for item in state.deposed}
        self._applied = list(state.applied)
        self._frozen: State | None = None

    def state(self) -> State:
        """A value that later entries do not touch: one copy of a mapping, made again only after a change."""
        if self._frozen is None:
            self._frozen = State(
                lineage=self.lineage,
                platform=self.platform,
                environment=self.environment,
                serial=self.serial,
                objects=MappingProxyType(self._objects.copy()),
                deposed=tuple(self._deposed.values()),
                applied=tuple(self._applied),
            )
        return self._frozen

    def recorded(self, address: str) -> StateObject | None:
        return self._objects.get(address)

    def add(self, entry: Entry) -> None:
        """One entry further. An entry that finds nothing to act on changes the serial only."""
        self.serial += 1
        self._frozen = None
        if entry.type is EntryType.APPLIED:
            self._applied = [*self._applied, entry.source][-KEPT_PLANS:]
        elif entry.object is not None:
            self._act(entry.type, entry.object, entry.source)

    def _act(self, kind: EntryType, item: StateObject, source: str) -> None:
        match kind:
            case EntryType.BEGIN | EntryType.END:
                self._put(item)
            case EntryType.DEPOSE:
                old = self._objects.pop(item.address, item)
                if not any(
                    (other.kind, other.id) == (old.kind, old.id) for other in self._objects.values()
                ):  # or it has a new address already
                    self._deposed[old.address, old.id] = old
            case EntryType.FORGET:
                self._forget(item)
            case EntryType.MOVE:
                self._move(item, source)

    def _put(self, item: StateObject) -> None:
        key = (item.address, item.id)
        if key in self._deposed and item.pending is Pending.DELETE:
            self._deposed[key] = item
            return
        # Wanted again, here or at another address: the object of that id is a live one now.
        if self._deposed:
            self._deposed = {key: old for key, old in self._deposed.items() if (old.kind, old.id) != (item.kind, item.id)}
        self._objects[item.address] = item

    def _forget(self, item: StateObject) -> None:
        held = self._objects.get(item.address)
        if held is not None and held.id == item.id:
            del self._objects[item.address]
        elif self._deposed.pop((item.address, item.id), None) is None:
            self._deposed = {key: old for key, old in self._deposed.items() if old.id != item.id}

    def _move(self, item: StateObject, source: str) -> None:
        self._objects.pop(source, None)
        self._deposed.pop((item.address, item.id), None)
        self._objects[item.address] = item
        # Deletes are ordered by the edges kept here, so they follow the address they point to.
        for address, other in list(self._objects.items()):
            if source in other.edges:
                edges = tuple(item.address if edge == source else edge for edge in other.edges)
                self._objects[address] = replace(other, edges=edges)
