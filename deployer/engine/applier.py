"""Carries out a plan: walks its steps, records before and after each call, and tells what happened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deployer.core.errors import ApplyError, FencedError, InterruptedApplyError, StateError
from deployer.core.events import Event, EventSink, EventType
from deployer.core.plan import Plan, Step
from deployer.core.protocols import Ledger, Retry, Secrets
from deployer.core.state import Entry, EntryType
from deployer.core.values import OutputRef, Seal, Sensitive, Unknown, leaves
from deployer.engine.operations import Hands, Operator
from deployer.engine.safety import Premises, check_plan
from deployer.engine.survey import Key, World
from deployer.engine.values import Known, Resolver, outputs_of
from deployer.engine.walker import Outcome, walk


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """What applying is given. Times are seconds; `stop` set means: start nothing new."""

    seal: Seal
    secrets: Secrets
    retry: Retry
    events: EventSink
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    stop: threading.Event = field(default_factory=threading.Event)
    parallelism: int = 10
    ready_timeout: float = 300.0


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The ids of the steps that were carried out, and how long all of it took."""

    done: tuple[str, ...]
    seconds: float


def apply_plan(plan: Plan, premises: Premises, ledger: Ledger, settings: ApplySettings) -> ApplyResult:
    """Does exactly what the plan says, after checking that nothing it touches has moved.

    Raises `StalePlanError` before anything is touched; `ApplyError` or `InterruptedApplyError` after recording what was done;
    `FencedError` when the lock was lost on the way.
    """
    started = settings.clock()
    live = check_plan(plan, premises)
    if plan.empty:
        return ApplyResult((), settings.clock() - started)
    ledger.write([Entry(EntryType.APPLIED, source=plan.id)])
    known = _outputs_outside(plan, premises, settings)
    resolver = Resolver(known, settings.secrets, settings.seal)
    hands = Hands(premises.kinds, ledger, settings.retry, settings.events, settings.clock, settings.sleep)
    operator = Operator(plan.mark, hands, resolver, known, live, settings.stop, settings.ready_timeout)
    outcome = _walk(plan, operator, settings)
    _raise_for(outcome, plan, settings)
    return ApplyResult(tuple(outcome.done), settings.clock() - started)


def _walk(plan: Plan, operator: Operator, settings: ApplySettings) -> Outcome:
    steps = {step.id: step for step in plan.steps}
    lost = threading.Event()

    def work(step_id: str) -> None:
        started = settings.clock()
        step = steps[step_id]
        try:
            operator.perform(step)
        except StateError:
            lost.set()
            raise
        except Exception as error:
            settings.events(_event(EventType.FAILED, step, settings.clock() - started, str(error)))
            raise
        settings.events(_event(EventType.DONE, step, settings.clock() - started))

    graph = {step.id: step.after for step in plan.steps}
    return walk(graph, work, parallelism=settings.parallelism, stopped=lambda: settings.stop.is_set() or lost.is_set())


def _event(kind: EventType, step: Step, seconds: float, detail: str = "") -> Event:
    return Event(kind, step.address, step.action, detail, seconds)


def _outputs_outside(plan: Plan, premises: Premises, settings: ApplySettings) -> dict[str, Known]:
    """Live outputs of objects the plan refers to and does not touch (a saved plan holds no sensitive ones)."""
    touched = {step.address for step in plan.steps if step.config is not None}
    wanted: dict[str, Key] = {}
    for step in plan.steps:
        for ref in _references(step):
            recorded = premises.state.objects.get(ref.address)
            if ref.address not in touched and recorded is not None:
                wanted[ref.address] = (recorded.kind, recorded.id)
    world = World(premises.kinds, settings.events)
    world.read(wanted.values())
    known: dict[str, Known] = {}
    for address, key in wanted.items():
        live = world.live[key]
        if live is not None:
            known[address] = Known(outputs_of(live.outputs, premises.kinds[key[0]].rules, settings.seal), complete=True)
    return known


def _references(step: Step) -> Iterator[OutputRef]:
    """What a planned configuration still refers to: through what was unknown, and through what is not stored."""
    for _, leaf in leaves(step.config):
        if isinstance(leaf, Unknown) or (isinstance(leaf, Sensitive) and leaf.template is not None):
            yield from leaf.template.refs  # type: ignore[union-attr]


def _raise_for(outcome: Outcome, plan: Plan, settings: ApplySettings) -> None:
    addresses = {step.id: step.address for step in plan.steps}
    skipped = sorted({addresses[step_id] for step_id in outcome.skipped})
    for step in plan.steps:
        if step.id in outcome.skipped:
            settings.events(_event(EventType.SKIPPED, step, 0.0))
    fenced = [error for error in outcome.failed.values() if isinstance(error, FencedError)]
    if fenced:
        raise fenced[0]
    stopped = {step_id for step_id, error in outcome.failed.items() if isinstance(error, InterruptedApplyError)}
    failures = {addresses[step_id]: str(error) for step_id, error in outcome.failed.items() if step_id not in stopped}
    if failures:
        raise ApplyError(failures, skipped)
    if outcome.skipped or stopped:
        raise InterruptedApplyError(
            f"interrupted: {len(outcome.done)} of {len(plan.steps)} steps done, {len(outcome.skipped) + len(stopped)} left",
            why="what ran has ended and is recorded",
            fix="apply again to go on from here",
        )
