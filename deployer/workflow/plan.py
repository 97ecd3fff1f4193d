"""The story of `plan`: read everything, change nothing, take no lock."""

from __future__ import annotations

from pathlib import Path

from deployer.core.plan import Plan
from deployer.engine.demolition import make_destroy_plan
from deployer.engine.planner import make_plan
from deployer.workflow.answers import Listener, Where
from deployer.workflow.environment import opening, opening_to_destroy, site_of
from deployer.workflow.saved import save_plan


def plan_environment(where: Where, listener: Listener, *, out: Path | None = None) -> Plan:
    """What apply would do. With `out` the plan is saved there, to be applied as it is."""
    with opening(where) as environment:
        tools = environment.tools
        plan = make_plan(environment.desired, tools.state(), tools.kinds, tools.plan_settings(listener.event, keep_key=out is not None))
        if out is not None:
            save_plan(out, plan, site_of(environment.spec))
        return plan


def plan_destruction(where: Where, listener: Listener, *, out: Path | None = None) -> Plan:
    """What destroy would do."""
    with opening_to_destroy(where) as (spec, desired, tools):
        settings = tools.plan_settings(listener.event, keep_key=out is not None)
        plan = make_destroy_plan(desired, tools.state(), tools.kinds, settings, may_go=lambda _address: True)
        if out is not None:
            save_plan(out, plan, site_of(spec))
        return plan
