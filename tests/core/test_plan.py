"""What a plan adds up to."""

from __future__ import annotations

from deployer.core.plan import Action, Plan, Step, Totals, totals
from deployer.core.resource import Mark


def plan(*steps: Step) -> Plan:
    return Plan("id", Mark("demo", "test"), "local", "here", "digest", "lineage", 0, steps)


def step(action: Action, name: str, *, replaces: bool = False) -> Step:
    return Step(f"{action}:{name}", action, name, "kind", name, "because", replaces=replaces)


def test_a_plan_without_steps_is_empty() -> None:
    assert plan().empty
    assert not plan(step(Action.WAIT, "a")).empty


def test_totals_count_objects_and_a_replacement_once() -> None:
    steps = [step(Action.CREATE, "a"), step(Action.UPDATE, "b"), step(Action.DELETE, "c"), step(Action.DELETE, "d")]
    steps += [step(Action.DELETE, "e", replaces=True), step(Action.CREATE, "e", replaces=True)]
    steps += [step(action, str(action)) for action in (Action.ADOPT, Action.WAIT, Action.FORGET, Action.MOVE)]
    assert totals(plan(*steps)) == Totals(create=1, update=1, replace=1, delete=2, other=4)
    assert totals(plan()) == Totals()
