"""Turns decisions into the plan's steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deployer.core.plan import Action, Drift, Impact, Plan, Step
from deployer.core.resource import Desired, Live, Mark
from deployer.core.state import Pending, State, StateObject
from deployer.engine.fate import Fate
from deployer.engine.graph import order
from deployer.engine.ordering import Work, delete_id, deposed_id, forward_id
from deployer.engine.survey import Key, PlanSettings, World


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the steps will play."""

    mark: Mark
    state: State
    world: World
    heirs: Mapping[Key, str] = field(default_factory=dict)  # wanted object -> the address that wants it


def blank_plan(desired: Desired, state: State, settings: PlanSettings) -> Plan:
    """A plan of the right place and time, with nothing in it yet."""
    return Plan(
        id=settings.plan_id,
        mark=desired.mark,
        target=desired.target,
        target_identity=settings.target_identity,
        spec_digest=desired.digest,
        lineage=state.lineage,
        serial=state.serial,
        steps=(),
    )


def sequence(work: Work, edges: Mapping[str, tuple[str, ...]], scene: Scene) -> tuple[tuple[Step, ...], tuple[Drift, ...]]:
    """Every step, dependencies first, and the drift found among what leaves."""
    nodes: dict[str, Step] = {}
    drift: list[Drift] = []
    for address, fate in work.fates.items():
        nodes[forward_id(address)] = _forward(fate)
        if fate.old is not None:
            nodes[delete_id(address)] = _delete_replaced(fate)
    for address in work.deletes:
        step, gone = _delete(scene.state.objects[address], scene, f"{address} is not in the spec any more")
        nodes[delete_id(address)] = step
        drift.extend(gone)
    for item in scene.state.deposed:
        step, _ = _delete(item, scene, "its replacement stands; an earlier apply ended before it was removed", deposed=True)
        nodes[deposed_id(item.address, item.id)] = step
    names = {node: step.id for node, step in nodes.items()}
    ordered = (replace(nodes[node], after=tuple(names[target] for target in edges[node])) for node in order(edges))
    return tuple(ordered), tuple(drift)


def _forward(fate: Fate) -> Step:
    resource, action = fate.wanted.resource, fate.action or Action.ADOPT
    return Step(
        id=f"{action}:{fate.address}",
        action=action,
        address=fate.address,
        kind=resource.kind,
        object_id=fate.wanted.id,
        reason=fate.reason,
        impact=fate.impact,
        origin=resource.origin,
        config=fate.wanted.config,
        changes=fate.changes,
        token=fate.live.token if fate.live is not None else None,
        edges=fate.wanted.edges,
        replaces=fate.replaces,
        create_first=fate.create_first,
        prevent_destroy=resource.prevent_destroy,
    )


def _delete_replaced(fate: Fate) -> Step:
    old, live = fate.old, fate.old_live
    assert old is not None  # noqa: S101 - the caller looked
    assert live is not None  # noqa: S101 - a replacement has something to remove
    return Step(
        id=f"{Action.DELETE}:{fate.address}",
        action=Action.DELETE,
        address=fate.address,
        kind=old.kind,
        object_id=old.id,
        reason=fate.reason,
        impact=Impact.DATA_LOSS if live.data else Impact.REPLACE,
        origin=fate.wanted.resource.origin,
        token=live.token,
        edges=old.edges,
        data=live.data,
        replaces=True,
        create_first=fate.create_first,
        prevent_destroy=old.prevent_destroy or fate.wanted.resource.prevent_destroy,
        deposed=bool(fate.create_first),
    )


def _delete(item: StateObject, scene: Scene, reason: str, *, deposed: bool = False) -> tuple[Step, list[Drift]]:
    """A delete of what is there and ours; what is gone, or became somebody else's or another address's, is only forgotten."""
    live = scene.world.get(item.kind, item.id)
    if live is None and item.pending is not Pending.NONE:
        reason = f"{reason}; an interrupted apply had begun to {item.pending} it, and may have left something of it"
        return delete_step(item, Live(item.id, {}), reason, deposed=deposed), []
    if live is None:
        drift = [] if deposed else [Drift(item.address, item.kind, gone=True)]
        return _forget(item, "not wanted, and gone already", deposed=deposed), drift
    if live.mark is not None and not scene.mark.owns(live.mark):
        return _forget(item, f"not ours any more: it belongs to {live.mark}", deposed=deposed), []
    if heir := scene.heirs.get((item.kind, item.id)):
        return _forget(item, f"it is {heir} now", deposed=deposed), []
    return delete_step(item, live, reason, deposed=deposed), []


def delete_step(item: StateObject, live: Live, reason: str, *, deposed: bool = False) -> Step:
    """The step that removes a recorded object as it is now."""
    return Step(
        id=f"{Action.DELETE}:{item.address}" + (f"#{item.id}" if deposed else ""),
        action=Action.DELETE,
        address=item.address,
        kind=item.kind,
        object_id=item.id,
        reason=reason,
        impact=Impact.DATA_LOSS if live.data else Impact.IN_PLACE,
        token=live.token or None,
        edges=item.edges,
        data=live.data,
        prevent_destroy=item.prevent_destroy,
        deposed=deposed,
    )


def _forget(item: StateObject, reason: str, *, deposed: bool) -> Step:
    return Step(
        id=f"{Action.FORGET}:{item.address}" + (f"#{item.id}" if deposed else ""),
        action=Action.FORGET,
        address=item.address,
        kind=item.kind,
        object_id=item.id,
        reason=reason,
        edges=item.edges,
        deposed=deposed,
    )


def move_steps(moves: Mapping[str, str], state: State) -> tuple[Step, ...]:
    """One step for each record that gets a new address."""
    return tuple(
        Step(
            id=f"{Action.MOVE}:{new}",
            action=Action.MOVE,
            address=new,
            kind=state.objects[new].kind,
            object_id=state.objects[new].id,
            reason=f"moved from {old}",
            edges=state.objects[new].edges,
            source=old,
        )
        for new, old in moves.items()
    )
