"""The plan that removes everything."""

from __future__ import annotations

from collections.abc import Callable

from deployer.core.plan import Impact, Plan
from deployer.core.resource import Desired
from deployer.engine.demolition import find_ours, make_destroy_plan, with_strays
from tests.engine.rig import MARK, Rig, desired, ref, resource

A, B, STORE = "c/fake.thing/a", "c/fake.thing/b", "c/fake.data/store"


def planned(rig: Rig, want: Desired, may_go: Callable[[str], bool] = lambda _address: True) -> Plan:
    return make_destroy_plan(want, rig.state, rig.kinds, rig.plan_settings(), may_go=may_go)


def test_users_go_before_what_they_use() -> None:
    rig = Rig()
    want = desired(resource("a"), resource("b", link=ref(A)))
    rig.apply(want)
    plan = planned(rig, want)
    assert [step.id for step in plan.steps] == [f"delete:{B}", f"delete:{A}"]
    assert plan.steps[1].after == (f"delete:{B}",)
    assert plan.destroy


def test_the_order_of_what_lost_its_record_comes_from_the_spec() -> None:
    rig = Rig()
    want = desired(resource("a"), resource("b", link=ref(A)))
    rig.apply(want)
    rig.state = Rig().state
    assert [step.id for step in planned(rig, want).steps] == [f"delete:{B}", f"delete:{A}"]


def test_data_that_may_not_go_stays_with_what_it_stands_on() -> None:
    rig = Rig()
    want = desired(resource("a"), resource("store", "fake.data", link=ref(A)), resource("b", link=ref(STORE)))
    rig.apply(want)
    kept = planned(rig, want, lambda address: address != STORE)
    assert (kept.kept, kept.unchanged) == ((STORE, A), 2)
    assert [step.id for step in kept.steps] == [f"delete:{B}"]
    everything = planned(rig, want)
    assert [step.impact for step in everything.steps] == [Impact.IN_PLACE, Impact.DATA_LOSS, Impact.IN_PLACE]
    assert everything.kept == ()


def test_what_is_gone_already_is_only_forgotten() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    rig.world.things.clear()
    plan = planned(rig, want)
    assert [step.id for step in plan.steps] == [f"forget:{A}"]
    assert [drift.gone for drift in plan.drift] == [True]
    rig.carry_out(plan)
    assert rig.state.objects == {}


def test_a_second_object_of_one_address_is_found_by_its_mark_and_goes_too() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    thing = rig.world.things["fake.thing", "a"]
    rig.world.things["fake.thing", "a-old"] = thing
    state = with_strays(rig.state, find_ours(MARK, rig.kinds), want)
    assert [item.id for item in state.deposed] == ["a-old"]
    rig.carry_out(planned(rig, want))
    assert rig.world.things == {}


def test_a_mark_without_an_address_gets_one_to_be_called_by() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    rig.world.things["fake.thing", "a"].mark = MARK
    rig.state = Rig().state
    assert [step.address for step in planned(rig, desired()).steps] == ["unknown/fake.thing/a"]
