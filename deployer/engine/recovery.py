"""Rebuilds what the state should say from what the world shows, and takes in single objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deployer.core.errors import OwnershipError, UsageError
from deployer.core.protocols import Kind
from deployer.core.resource import Desired, Live, Mark
from deployer.core.state import Entry, EntryType, State, StateObject
from deployer.engine.demolition import find_ours, with_strays
from deployer.engine.diff import digest
from deployer.engine.survey import PlanSettings, Wanted, World, survey
from deployer.engine.values import shown_outputs


def recover(desired: Desired, state: State, kinds: Mapping[str, Kind], settings: PlanSettings) -> tuple[Entry, ...]:
    """The journal entries that make the state know every object with our mark. Nothing in the world is touched.

    Where two objects carry one address, the one with the wanted id is the object and the other is deposed.
    """
    wanted, world = survey(desired, replace(state, objects={}, deposed=()), kinds, settings)
    found = _all_ours(desired.mark, kinds, world)
    ids = {(item.resource.kind, item.id) for item in wanted.values()}
    found.sort(key=lambda pair: (pair[0], pair[1].id) not in ids)
    lives = {(kind, live.id): live for kind, live in found}
    full = with_strays(state, found, desired)
    known = {(item.kind, item.id) for item in (*state.objects.values(), *state.deposed)}
    entries: list[Entry] = []
    for item in full.deposed:
        if (item.kind, item.id) not in known:
            entries += [Entry(EntryType.END, item), Entry(EntryType.DEPOSE, item)]
    for item in full.objects.values():
        if (item.kind, item.id) not in known:
            entries.append(Entry(EntryType.END, _described(item, lives[item.kind, item.id], kinds, settings, wanted.get(item.address))))
    return tuple(entries)


def _all_ours(mark: Mark, kinds: Mapping[str, Kind], world: World) -> list[tuple[str, Live]]:
    """What carries our mark: where searching finds it, and where the spec says it is (inside a data folder nobody searches)."""
    found = find_ours(mark, kinds)
    seen = {(kind, live.id) for kind, live in found}
    there = ((kind, live) for (kind, _), live in world.live.items() if live is not None and mark.owns(live.mark))
    return [*found, *((kind, live) for kind, live in there if (kind, live.id) not in seen)]


def _described(item: StateObject, live: Live, kinds: Mapping[str, Kind], settings: PlanSettings, wanted: Wanted | None) -> StateObject:
    return replace(
        item,
        digest=digest(live.config, settings.seal),
        outputs=shown_outputs(live.outputs, kinds[item.kind].rules),
        prevent_destroy=wanted.resource.prevent_destroy if wanted is not None else False,
    )


def import_object(desired: Desired, state: State, kinds: Mapping[str, Kind], target: tuple[str, str]) -> Entry:
    """The entry that records the object with the id as the one at the address (`target`); the next apply marks it.

    It has no digest, because nothing was applied to it: a difference is neither the spec's change nor drift.

    Raises `UsageError` when address or object do not exist, `OwnershipError` when another environment's mark is on it.
    """
    address, object_id = target
    resource = desired.resources.get(address)
    if resource is None:
        raise UsageError(f"{address} is not in the spec", fix="write the resource into the spec first, then import the object")
    if address in state.objects:
        raise UsageError(f"{address} is recorded already, as {state.objects[address].id}", fix=f"deployer state rm ENV '{address}' first")
    kind = kinds[resource.kind]
    live = kind.read([object_id]).get(object_id)
    if live is None:
        raise UsageError(f"there is no {resource.kind} with the id {object_id}", fix="check the id")
    if live.mark is not None and not desired.mark.owns(live.mark):
        raise OwnershipError(f"{object_id} belongs to {live.mark}", fix="destroy or `state rm` it there first")
    outputs = shown_outputs(live.outputs, kind.rules)
    return Entry(EntryType.END, StateObject(address, resource.kind, object_id, outputs=outputs, prevent_destroy=resource.prevent_destroy))
