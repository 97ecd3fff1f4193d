"""Decisions as steps."""

from __future__ import annotations

from dataclasses import replace

from deployer.core.plan import Action, Impact
from deployer.core.resource import Live
from deployer.core.state import StateObject
from deployer.engine.steps import delete_step, move_steps
from tests.engine.rig import MARK, Rig, desired, ref, resource

A, B = "c/fake.thing/a", "c/fake.thing/b"


def test_a_step_names_its_object_its_line_what_it_must_find_and_what_it_waits_for() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    plan = rig.plan(desired(resource("a", text="new"), resource("b", link=ref(A, "serial"))))
    update, create = plan.steps
    assert (update.id, update.object_id, update.token) == (f"update:{A}", "a", str(rig.world.things["fake.thing", "a"].version))
    assert (create.id, create.token, create.edges, create.after) == (f"create:{B}", None, (A,), (update.id,))
    assert str(create.origin) == "shop.yaml:7:3"


def test_a_delete_that_loses_data_says_which() -> None:
    item = StateObject(A, "fake.thing", "a", prevent_destroy=True)
    step = delete_step(item, Live("a", {}, token="7", mark=MARK.at(A), data="folder a (3 entries)"), "because")
    assert (step.impact, step.data, step.token, step.prevent_destroy) == (Impact.DATA_LOSS, "folder a (3 entries)", "7", True)
    assert delete_step(item, Live("a", {}), "because").impact is Impact.IN_PLACE


def test_a_deposed_object_has_a_step_apart_from_its_addresss_own() -> None:
    item = StateObject(A, "fake.thing", "a-old")
    assert delete_step(item, Live("a-old", {}), "because", deposed=True).id == f"delete:{A}#a-old"


def test_a_move_names_both_addresses() -> None:
    state = replace(Rig().state, objects={B: StateObject(B, "fake.thing", "a", edges=("c/k/x",))})
    (step,) = move_steps({B: A}, state)
    assert (step.id, step.action, step.source, step.reason) == (f"move:{B}", Action.MOVE, A, f"moved from {A}")
    assert step.edges == ("c/k/x",)


def test_a_moved_objects_own_step_waits_for_its_record() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    plan = rig.plan(desired(replace(resource("b"), config={"name": "a", "text": "new"})))
    assert [step.id for step in plan.steps] == [f"move:{B}", f"update:{B}"]
    assert plan.steps[1].after == (f"move:{B}",)


def test_what_became_somebody_elses_is_forgotten_and_not_removed() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    rig.world.things["fake.thing", "a"].mark = replace(MARK, environment="prod")
    plan = rig.apply(desired())
    assert [(step.action, step.reason) for step in plan.steps] == [(Action.FORGET, "not ours any more: it belongs to shop/prod")]
    assert ("fake.thing", "a") in rig.world.things
