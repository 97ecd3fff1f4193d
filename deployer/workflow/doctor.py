"""The story of `doctor`: this machine, and what an environment needs of it."""

from __future__ import annotations

from deployer.core.events import Event
from deployer.engine.planner import make_plan
from deployer.workflow.answers import Preflight, Where
from deployer.workflow.environment import opening
from deployer.workflow.machine import machine_checks
from deployer.workflow.preflight import kind_problems, provider_problems


def examine(where: Where | None) -> Preflight:
    """The machine's checks; with an environment also what its provider and kinds would refuse (taken ports, disk, interpreters)."""
    if where is None:
        return Preflight(machine_checks())
    with opening(where) as environment:
        tools = environment.tools
        checks = machine_checks(environment.spec.settings.root, environment.spec.settings.bind)
        problems = provider_problems(tools)
        plan = make_plan(environment.desired, tools.state(), tools.kinds, tools.plan_settings(_nobody, keep_key=False))
        return Preflight(checks, (*problems, *kind_problems(plan, tools, _nobody)))


def _nobody(event: Event) -> None:
    """Nobody listens."""
