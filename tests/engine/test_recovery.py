"""A state rebuilt from the world, and single objects taken in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.errors import OwnershipError, UsageError
from deployer.core.resource import Mark
from deployer.core.state import EntryType
from deployer.engine.recovery import import_object, recover
from tests.engine.rig import MARK, Rig, desired, ref, resource

A, B = "c/fake.thing/a", "c/fake.thing/b"


def test_what_was_lost_comes_back_with_order_outputs_and_protection() -> None:
    rig = Rig()
    want = desired(resource("a", protect=True), resource("b", link=ref(A)))
    rig.apply(want)
    before = rig.state
    rig.recover(want)
    assert rig.state.objects[A].prevent_destroy
    assert rig.state.objects[B].edges == (A,)
    assert rig.state.objects == before.objects
    assert "password" not in rig.state.objects[A].outputs


def test_what_left_the_spec_is_found_too_and_goes_with_the_next_apply() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b")))
    want = desired(resource("a"))
    rig.recover(want)
    assert set(rig.state.objects) == {A, B}
    assert [step.id for step in rig.apply(want).steps] == [f"delete:{B}"]


def test_what_belongs_to_others_or_to_nobody_is_not_taken_in() -> None:
    rig = Rig()
    want = desired(resource("a"), resource("b"))
    rig.apply(want)
    rig.world.things["fake.thing", "a"].mark = Mark("other", "test", A)
    rig.world.things["fake.thing", "b"].mark = None
    rig.recover(want)
    assert rig.state.objects == {}


def test_of_two_objects_with_one_address_the_wanted_one_is_it_and_the_other_is_deposed() -> None:
    rig = Rig()
    old, new = desired(resource("e", "fake.first", size=1)), desired(resource("e", "fake.first", size=2))
    rig.apply(old)
    thing = rig.world.things["fake.first", "e-1"]
    rig.world.things["fake.first", "e-2"] = replace(thing, config={**thing.config, "size": 2})
    rig.recover(new)
    assert [item.id for item in rig.state.objects.values()] == ["e-2"]
    assert [item.id for item in rig.state.deposed] == ["e-1"]
    rig.apply(new)
    assert set(rig.world.things) == {("fake.first", "e-2")}


def test_recovering_what_is_not_lost_writes_nothing() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    assert recover(want, rig.state, rig.kinds, rig.plan_settings()) == ()


def test_an_import_records_the_object_and_the_next_apply_marks_it() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", text="x")))
    rig.world.things["fake.thing", "a"].mark = None
    rig.state = Rig().state
    want = desired(resource("a", text="x"))
    entry = import_object(want, rig.state, rig.kinds, (A, "a"))
    assert (entry.type, entry.object and entry.object.id) == (EntryType.END, "a")
    rig.state = replace(rig.state, objects={A: entry.object} if entry.object else {})
    plan = rig.apply(want)
    assert [step.reason for step in plan.steps] == ["its ownership mark is gone and is put back"]
    assert [thing.mark for thing in rig.world.things.values()] == [MARK.at(A)]
    assert rig.plan(want).empty


def test_an_import_is_refused_for_what_is_not_wanted_not_there_or_recorded_already() -> None:
    rig = Rig()
    want = desired(resource("a"))
    with pytest.raises(UsageError, match="is not in the spec"):
        import_object(want, rig.state, rig.kinds, (B, "b"))
    with pytest.raises(UsageError, match=r"there is no fake\.thing with the id a"):
        import_object(want, rig.state, rig.kinds, (A, "a"))
    rig.apply(want)
    with pytest.raises(UsageError, match="is recorded already, as a"):
        import_object(want, rig.state, rig.kinds, (A, "a"))


def test_an_import_of_what_belongs_to_others_is_refused_with_their_name() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    rig.state = Rig().state
    rig.world.things["fake.thing", "a"].mark = Mark("shop", "prod", A)
    with pytest.raises(OwnershipError, match=r"belongs to shop/prod"):
        import_object(want, rig.state, rig.kinds, (A, "a"))
