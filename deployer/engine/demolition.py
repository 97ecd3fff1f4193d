"""The plan that removes everything, and what is left when it has run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from deployer.core.plan import Plan
from deployer.core.protocols import Kind
from deployer.core.resource import Desired, Live, Mark
from deployer.core.state import State, StateObject
from deployer.engine.graph import edges_of, reachable
from deployer.engine.ordering import Work, order_steps, recorded_graph
from deployer.engine.steps import Scene, blank_plan, sequence
from deployer.engine.survey import PlanSettings, World, state_keys


def make_destroy_plan(
    desired: Desired, state: State, kinds: Mapping[str, Kind], settings: PlanSettings, *, may_go: Callable[[str], bool]
) -> Plan:
    """Deletes all that is recorded or carries our mark, dependents first.

    `desired` gives mark and target, and the order of objects whose record was lost; its resources may be empty.
    Data at addresses that may not go stays, and so does what it stands on, recorded as it is.
    """
    started = settings.clock()
    strays = find_ours(desired.mark, kinds)
    state = with_strays(state, strays, desired)
    world = World(kinds, settings.events, reads=len(kinds))
    world.read(state_keys(state))
    kept = _kept(state, world, may_go)
    going = [address for address in state.objects if address not in kept]
    work, edges = order_steps(
        Work(fates={}, deletes=going, wants={}, records=recorded_graph(state), deposed=[(i.address, i.id) for i in state.deposed])
    )
    steps, drift = sequence(work, edges, Scene(desired.mark, state, world))
    return replace(
        blank_plan(desired, state, settings),
        steps=tuple(replace(step, reason="everything is to go") if step.id.startswith("delete:") else step for step in steps),
        drift=drift,
        kept=tuple(sorted(kept)),
        unchanged=len(kept),
        reads=world.reads,
        seconds=round(settings.clock() - started, 6),
        destroy=True,
    )


def find_ours(mark: Mark, kinds: Mapping[str, Kind]) -> list[tuple[str, Live]]:
    """Everything in the world with the environment's mark, with its kind."""
    return [(name, live) for name, kind in sorted(kinds.items()) for live in kind.find(mark) if mark.owns(live.mark)]


def with_strays(state: State, found: list[tuple[str, Live]], desired: Desired) -> State:
    """The state plus every marked object it does not know. A second object of one address counts as deposed."""
    recorded = {(item.kind, item.id) for item in (*state.objects.values(), *state.deposed)}
    objects = dict(state.objects)
    deposed = list(state.deposed)
    for kind, live in found:
        if (kind, live.id) in recorded or live.mark is None:
            continue
        address = live.mark.address or f"unknown/{kind}/{live.id}"
        resource = desired.resources.get(address)
        item = StateObject(address, kind, live.id, edges=edges_of(resource) if resource is not None else ())
        if address in objects:
            deposed.append(item)
        else:
            objects[address] = item
    return replace(state, objects=objects, deposed=tuple(deposed))


def _kept(state: State, world: World, may_go: Callable[[str], bool]) -> frozenset[str]:
    graph = recorded_graph(state)
    kept: set[str] = set()
    for address, item in state.objects.items():
        live = world.get(item.kind, item.id)
        if live is not None and live.data and not may_go(address):
            kept |= {address, *reachable(graph, address)}
    return frozenset(kept)
