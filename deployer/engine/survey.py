"""What is wanted, with ids, and what is really there: a few bulk reads for everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from deployer.core.errors import ConfigError, DeployerError, Origin, Problem, SpecError
from deployer.core.events import Event, EventSink, EventType
from deployer.core.protocols import Kind, Secrets
from deployer.core.resource import Desired, Live, Resource
from deployer.core.state import State
from deployer.core.values import Seal, Value
from deployer.engine.graph import order, resource_graph
from deployer.engine.values import Known, Resolver, hide

Key = tuple[str, str]  # kind, id


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What planning is given. `clock` counts seconds; `plan_id` names the plan for good."""

    seal: Seal
    secrets: Secrets
    target_identity: str
    plan_id: str
    clock: Callable[[], float]
    events: EventSink = lambda _event: None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource on its way to a step: its raw resolved configuration, parsed, with the id that follows from it."""

    resource: Resource
    edges: tuple[str, ...]
    resolved: Value
    config: Mapping[str, Value]
    id: str | None
    predicted: Mapping[str, Value]


@dataclass(slots=True)
class World:
    """Everything read so far, by kind and id."""

    kinds: Mapping[str, Kind]
    events: EventSink
    live: dict[Key, Live | None] = field(default_factory=dict)
    reads: int = 0

    def read(self, keys: Iterable[Key]) -> None:
        """Reads what was not read yet: one call for each kind and place."""
        batches: dict[Key, list[str]] = {}
        for kind, object_id in dict.fromkeys(keys):
            if (kind, object_id) not in self.live:
                batches.setdefault((kind, self.kinds[kind].place(object_id)), []).append(object_id)
        for (kind, place), ids in batches.items():
            where = f" in {place}" if place else ""
            self.events(Event(EventType.READING, kind, detail=f"{len(ids)} object{'s' if len(ids) != 1 else ''}{where}"))
            found = self.kinds[kind].read(ids)
            self.live.update({(kind, object_id): found.get(object_id) for object_id in ids})
            self.reads += 1

    def get(self, kind: str, object_id: str | None) -> Live | None:
        return None if object_id is None else self.live.get((kind, object_id))


def resolve_one(resource: Resource, edges: tuple[str, ...], resolver: Resolver, kind: Kind, before: Wanted | None = None) -> Wanted:
    """One resource with what is known now. Raises `SpecError` with the spec's lines; `before` saves work when nothing changed."""
    resolved = resolver.tree(resource.config)
    if before is not None and before.resolved == resolved:
        return before
    try:
        config = hide(kind.parse(resolved), kind.rules, resolver.seal)
        object_id = kind.identify(resource.address, config)
        predicted = kind.predict(object_id, config) if object_id is not None else {}
    except ConfigError as error:
        raise SpecError([_located(problem, resource) for problem in error.problems]) from error
    return Wanted(resource, edges, resolved, config, object_id, predicted)


def _located(problem: Problem, resource: Resource) -> Problem:
    return replace(problem, path=f"{resource.address}: {problem.path}" if problem.path else resource.address, origin=resource.origin)


def survey(desired: Desired, state: State, kinds: Mapping[str, Kind], settings: PlanSettings) -> tuple[dict[str, Wanted], World]:
    """Resources in order, ids from predicted outputs, and one bulk read of all that is wanted or recorded.

    Raises `SpecError` with every mistake of every resource, `GraphError` for a circle.
    """
    _require_kinds(desired, state, kinds)
    graph = resource_graph(desired.resources)
    ordered = order(graph, {address: resource.origin for address, resource in desired.resources.items()})
    wanted, problems = resolve_all(
        {address: desired.resources[address] for address in ordered}, graph, kinds, Resolver({}, settings.secrets, settings.seal)
    )
    if problems:
        raise SpecError(problems)
    world = World(kinds, settings.events)
    world.read([*_wanted_keys(wanted, state), *state_keys(state)])
    return wanted, world


def resolve_all(
    resources: Mapping[str, Resource], graph: Mapping[str, tuple[str, ...]], kinds: Mapping[str, Kind], resolver: Resolver
) -> tuple[dict[str, Wanted], list[Problem]]:
    """Every resource, dependencies first, with what follows from the spec alone; and every mistake in them."""
    known: dict[str, Known] = {}
    resolver = replace(resolver, known=known)
    wanted: dict[str, Wanted] = {}
    problems: list[Problem] = []
    for address, resource in resources.items():
        try:
            wanted[address] = resolve_one(resource, graph[address], resolver, kinds[resource.kind])
            known[address] = Known(wanted[address].predicted)
        except SpecError as error:
            problems.extend(error.problems)
    problems += _shared_objects(wanted)
    return wanted, sorted(set(problems), key=lambda problem: (problem.origin or Origin(""), problem.path))


def _shared_objects(wanted: Mapping[str, Wanted]) -> list[Problem]:
    """Two resources that are one object would undo each other for ever."""
    first: dict[Key, str] = {}
    problems: list[Problem] = []
    for address, item in wanted.items():
        if item.id is not None:
            other = first.setdefault((item.resource.kind, item.id), address)
            if other != address:
                problems.append(Problem(f"is the same object as {other}", path=address, origin=item.resource.origin, value=item.id))
    return problems


def _wanted_keys(wanted: Mapping[str, Wanted], state: State) -> Iterable[Key]:
    for address, item in wanted.items():
        recorded = state.objects.get(address)
        if item.id is not None:
            yield item.resource.kind, item.id
        elif recorded is not None:
            yield recorded.kind, recorded.id


def state_keys(state: State) -> Iterable[Key]:
    """Kind and id of everything recorded, deposed objects too."""
    for recorded in (*state.objects.values(), *state.deposed):
        yield recorded.kind, recorded.id


def _require_kinds(desired: Desired, state: State, kinds: Mapping[str, Kind]) -> None:
    problems = [
        Problem(f"there is no kind {resource.kind}", path=address, origin=resource.origin)
        for address, resource in desired.resources.items()
        if resource.kind not in kinds
    ]
    if problems:
        raise SpecError(problems)
    lost = sorted({recorded.kind for recorded in (*state.objects.values(), *state.deposed)} - set(kinds))
    if lost:
        raise DeployerError(
            f"the state holds objects of a kind this deployer does not have: {', '.join(lost)}",
            fix="use the deployer version that made them, or `deployer state rm` those addresses",
        )
