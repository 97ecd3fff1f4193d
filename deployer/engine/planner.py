"""Desired against actual: the plan as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deployer.core.errors import OwnershipError, Problem, SpecError
from deployer.core.plan import Plan, Step
from deployer.core.protocols import Kind
from deployer.core.resource import Desired
from deployer.core.state import State, StateObject
from deployer.engine.fate import Fate, Situation, decide, handed_over, made_again
from deployer.engine.moves import renames, spelled_moves
from deployer.engine.ordering import Work, order_steps, recorded_graph
from deployer.engine.steps import Scene, blank_plan, move_steps, sequence
from deployer.engine.survey import Key, PlanSettings, Wanted, World, resolve_one, state_keys, survey
from deployer.engine.values import Known, Resolver, outputs_of


def make_plan(desired: Desired, state: State, kinds: Mapping[str, Kind], settings: PlanSettings) -> Plan:
    """Every step that makes the world as desired, in order. Reads in bulk, changes nothing.

    Raises `SpecError` and `GraphError` for what the spec has wrong, `OwnershipError` naming objects of other owners.
    """
    started = settings.clock()
    moves, state = spelled_moves(desired, state)
    wanted, world = survey(desired, state, kinds, settings)
    more, state = renames(wanted, state)
    moves |= more
    fates, heirs = _handed_over(_decide_all(desired, state, wanted, world, settings), state)
    acting = {address: fate for address, fate in fates.items() if fate.action is not None}
    leaving = [address for address in state.objects if address not in desired.resources]
    state = _without_wanted(state, fates)
    work, edges = order_steps(
        Work(
            fates=acting,
            deletes=leaving,
            wants={address: item.edges for address, item in wanted.items()} if acting or state.deposed else {},
            records=recorded_graph(state),
            deposed=[(item.address, item.id) for item in state.deposed],
            heirs={
                address: heirs[key] for address in leaving if (key := (state.objects[address].kind, state.objects[address].id)) in heirs
            },
        ),
    )
    scene = Scene(desired.mark, state, world, heirs)
    steps, stranger_drift = sequence(work, edges, scene)
    return replace(
        blank_plan(desired, state, settings),
        steps=(*move_steps(moves, state), *_after_moves(steps, moves)),
        drift=(*(fate.drift for fate in fates.values() if fate.drift is not None), *stranger_drift),
        unchanged=len(fates) - len(acting),
        reads=world.reads,
        seconds=round(settings.clock() - started, 6),
    )


def _decide_all(desired: Desired, state: State, wanted: Mapping[str, Wanted], world: World, settings: PlanSettings) -> dict[str, Fate]:
    """Goes through the resources in order; each one sees the outputs of those decided before it."""
    known: dict[str, Known] = {}
    resolver = Resolver(known, settings.secrets, settings.seal)
    fates: dict[str, Fate] = {}
    ours = frozenset(state_keys(state))
    leavers = {item.id: item for address, item in state.objects.items() if address not in wanted}
    foreign: list[OwnershipError] = []
    problems: list[Problem] = []
    for address, first in wanted.items():
        kind = world.kinds[first.resource.kind]
        try:
            now = resolve_one(first.resource, first.edges, resolver, kind, first)
            fates[address] = decide(_making_room(_situation(now, (state, ours), world, desired), leavers), settings.seal)
            known[address] = _known_after(fates[address], settings)
        except OwnershipError as error:
            foreign.append(error)
            known[address] = Known(first.predicted)
        except SpecError as error:
            problems.extend(error.problems)
            known[address] = Known(first.predicted)
    if problems:
        raise SpecError(problems)
    if foreign:
        raise foreign[0] if len(foreign) == 1 else OwnershipError("\n".join(str(error) for error in foreign))
    return fates


def _situation(wanted: Wanted, memory: tuple[State, frozenset[Key]], world: World, desired: Desired) -> Situation:
    """Everything one decision looks at; an id that only became known now costs one more read."""
    (state, ours), address, kind = memory, wanted.resource.address, wanted.resource.kind
    if wanted.id is not None:
        world.read([(kind, wanted.id)])
    recorded = state.objects.get(address)
    old_live = world.get(recorded.kind, recorded.id) if recorded is not None else None
    known = wanted.id is not None and (kind, wanted.id) in ours
    return Situation(wanted, recorded, world.get(kind, wanted.id), old_live, world.kinds[kind].rules, desired.mark, known)


def _making_room(situation: Situation, leavers: Mapping[str, StateObject]) -> Situation:
    """What stands in the place is an object of ours, of another kind, that leaves the spec: it goes first."""
    wanted, live = situation.wanted, situation.live
    leaver = leavers.get(wanted.id or "")
    if live is None or live.mark is not None or leaver is None or leaver.kind == wanted.resource.kind:
        return situation
    return replace(situation, live=None, clears=leaver.address)


def _known_after(fate: Fate, settings: PlanSettings) -> Known:
    """What dependents may rely on: live outputs of what stays, predicted ones of what is made or changed."""
    predicted = fate.wanted.predicted
    if fate.live is None:
        return Known(predicted)
    outputs = dict(outputs_of(fate.live.outputs, fate.rules, settings.seal))
    if fate.changes:
        stable = {name: value for name, value in outputs.items() if name not in fate.rules.unstable_outputs}
        return Known({**stable, **predicted})
    return Known({**predicted, **outputs}, complete=True)


def _handed_over(fates: Mapping[str, Fate], state: State) -> tuple[dict[str, Fate], dict[Key, str]]:
    """Objects that go from one address to another, with the address that wants each: those nobody may remove.

    What cannot be changed into what its new address wants is removed by its old one, and made again.
    """
    owners = {(item.kind, item.id): item.address for item in state.objects.values()}
    kept: dict[str, Fate] = {}
    heirs: dict[Key, str] = {}
    for address, fate in fates.items():
        owner = owners.get((fate.wanted.resource.kind, fate.wanted.id or ""), address)
        kept[address] = made_again(fate, owner) if owner != address and address in state.objects else fate
        if fate.wanted.id is not None and not kept[address].clears:
            heirs[fate.wanted.resource.kind, fate.wanted.id] = address
    for address, fate in kept.items():
        heir = address if fate.old is None else heirs.get((fate.old.kind, fate.old.id), address)
        kept[address] = fate if heir == address else handed_over(fate, heir)
    return kept, heirs


def _without_wanted(state: State, fates: Mapping[str, Fate]) -> State:
    """A deposed object that is wanted again (the spec went back) is not to be removed: it is somebody's object now."""
    wanted = {(fate.wanted.resource.kind, fate.wanted.id) for fate in fates.values()}
    return replace(state, deposed=tuple(item for item in state.deposed if (item.kind, item.id) not in wanted))


def _after_moves(steps: tuple[Step, ...], moves: Mapping[str, str]) -> tuple[Step, ...]:
    """A moved object's own step waits for the record to have moved."""
    return tuple(replace(step, after=(*step.after, f"move:{step.address}")) if step.address in moves else step for step in steps)
