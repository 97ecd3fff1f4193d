"""What would go wrong, found before the first change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from deployer.core.errors import PreflightError, Problem
from deployer.core.events import EventSink
from deployer.core.plan import Action, Plan, Step
from deployer.core.resource import Live, Want
from deployer.engine.survey import World
from deployer.workflow.answers import Listener
from deployer.workflow.environment import Tools
from deployer.workflow.machine import machine_checks

TOUCHING = (Action.CREATE, Action.UPDATE)


@runtime_checkable
class Checking(Protocol):
    """A provider that can tell whether it can work at all."""

    def check(self) -> Sequence[Problem]: ...


def provider_problems(tools: Tools) -> list[Problem]:
    return list(tools.provider.check()) if isinstance(tools.provider, Checking) else []


def require_fit(tools: Tools, listener: Listener) -> None:
    """The doctor's look before an apply: warnings are told, failures raise `PreflightError`."""
    problems = provider_problems(tools)
    for check in machine_checks(tools.root, tools.bind):
        if check.ok:
            continue
        if check.warning:
            listener.note(f"{check.name}: {check.detail}; fix: {check.fix}")
        else:
            problems.append(Problem(f"{check.name}: {check.detail}", allowed=check.fix))
    if problems:
        raise PreflightError(problems)


def preflight(plan: Plan, tools: Tools, events: EventSink) -> None:
    """Raises `PreflightError` with what every kind expects to fail, each with the spec line that wants it."""
    problems = kind_problems(plan, tools, events)
    if problems:
        raise PreflightError(problems)


def kind_problems(plan: Plan, tools: Tools, events: EventSink) -> list[Problem]:
    """What the kinds say about everything the plan creates or updates; one question a kind."""
    steps = {step.address: step for step in plan.steps if step.action in TOUCHING and step.config is not None}
    world = World(tools.kinds, events)
    world.read((step.kind, step.object_id) for step in steps.values() if step.object_id is not None)
    asked: dict[str, list[tuple[Want, Live | None]]] = {}
    for step in steps.values():
        want = Want(step.address, step.object_id or "", plan.mark.at(step.address), step.config or {})
        asked.setdefault(step.kind, []).append((want, world.get(step.kind, step.object_id)))
    found = [problem for kind, wants in asked.items() for problem in tools.kinds[kind].check(wants)]
    return [_placed(problem, steps) for problem in found]


def _placed(problem: Problem, steps: Mapping[str, Step]) -> Problem:
    step = steps.get(problem.path)
    return replace(problem, origin=step.origin) if step and problem.origin is None else problem
