"""Desired against actual: the plan as a frozen value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployer.core.errors import OwnershipError, Problem, SpecError
from deployer.core.plan import Plan, Step
from deployer.core.protocols import Kind
from deployer.core.resource import Desired
from deployer.core.state import State
from deployer.engine.fate import Fate, Situation, decide
from deployer.engine.moves import renames, spelled_moves
from deployer.engine.ordering import Work, order_steps, recorded_graph
from deployer.engine.steps import Scene, blank_plan, move_steps, sequence
from deployer.engine.survey import Key, PlanSettings, Wanted, World, resolve_one, survey
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
    fates = _decide_all(desired, state, wanted, world, settings)
    owners = _owners(fate.wanted for fate in fates.values())
    acting = {address: fate for address, fate in fates.items() if fate.action is not None}
    leaving = [address for address in state.objects if address not in desired.resources]
    state = _without_wanted(state, owners)
    work, edges = order_steps(
        Work(
            fates=acting,
            deletes=leaving,
            wants={address: item.edges for address, item in wanted.items()} if acting or state.deposed else {},
            records=recorded_graph(state),
            deposed=[(item.address, item.id) for item in state.deposed],
        ),
    )
    scene = Scene(desired.mark, state, world, owners)
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
    owners = _owners(wanted.values())
    fates: dict[str, Fate] = {}
    foreign: list[OwnershipError] = []
    problems: list[Problem] = []
    for address, first in wanted.items():
        kind = world.kinds[first.resource.kind]
        try:
            now = resolve_one(first.resource, first.edges, resolver, kind, first)
            fates[address] = decide(_situation(now, state, world, desired, owners), settings.seal)
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


def _situation(wanted: Wanted, state: State, world: World, desired: Desired, owners: Mapping[Key, str]) -> Situation:
    """Everything one decision looks at; an id that only became known now costs one more read.

    The recorded object is not there for whoever wants another while a second address wants exactly it (names swapped, or shifted along).
    """
    address, kind = wanted.resource.address, wanted.resource.kind
    if wanted.id is not None:
        world.read([(kind, wanted.id)])
    recorded = state.objects.get(address)
    taken = recorded is not None and owners.get((recorded.kind, recorded.id), address) != address
    old_live = world.get(recorded.kind, recorded.id) if recorded is not None and not taken else None
    known = any((item.kind, item.id) == (kind, wanted.id) for item in state.deposed)
    return Situation(wanted, recorded, world.get(kind, wanted.id), old_live, world.kinds[kind].rules, desired.mark, known)


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


def _owners(wanted: Iterable[Wanted]) -> dict[Key, str]:
    """Which address wants each object, as far as ids are known."""
    return {(item.resource.kind, item.id): item.resource.address for item in wanted if item.id is not None}


def _without_wanted(state: State, owners: Mapping[Key, str]) -> State:
    """A deposed object that is wanted again (the spec went back) is not to be removed: it is somebody's object now."""
    return replace(state, deposed=tuple(item for item in state.deposed if (item.kind, item.id) not in owners))


def _after_moves(steps: tuple[Step, ...], moves: Mapping[str, str]) -> tuple[Step, ...]:
    """A moved object's own step waits for the record to have moved."""
    return tuple(replace(step, after=(*step.after, f"move:{step.address}")) if step.address in moves else step for step in steps)
