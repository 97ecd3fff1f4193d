"""What is wanted, with ids, and what is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.errors import DeployerError, SpecError
from deployer.core.events import EventType
from deployer.core.state import State, StateObject
from deployer.core.values import Unknown
from deployer.engine.survey import World, survey
from tests.engine.rig import Rig, desired, ref, resource


def test_ids_follow_from_predicted_outputs_and_one_object_is_wanted_once() -> None:
    rig = Rig()
    want = desired(resource("a"), replace(resource("b"), config={"name": ref("c/fake.thing/a", "id")}))
    with pytest.raises(SpecError, match=r"is the same object as c/fake\.thing/a \(value a\)"):
        survey(want, rig.state, rig.kinds, rig.plan_settings())


def test_what_no_prediction_says_is_unknown_and_its_id_too() -> None:
    rig = Rig()
    want = desired(resource("a"), replace(resource("b"), config={"name": ref("c/fake.thing/a", "serial")}))
    wanted, world = survey(want, rig.state, rig.kinds, rig.plan_settings())
    assert wanted["c/fake.thing/b"].id is None
    assert isinstance(wanted["c/fake.thing/b"].config["name"], Unknown)
    assert set(world.live) == {("fake.thing", "a")}


def test_nothing_is_read_twice_and_each_place_by_one_call() -> None:
    rig = Rig()
    world = World(rig.kinds, rig.events.append)
    world.read([("fake.thing", "a"), ("fake.thing", "b"), ("fake.thing", "c@far"), ("fake.thing", "a")])
    world.read([("fake.thing", "a")])
    assert (world.reads, rig.world.reads) == (2, 2)
    assert [(event.type, event.detail) for event in rig.events] == [
        (EventType.READING, "2 objects"),
        (EventType.READING, "1 object in far"),
    ]
    assert world.get("fake.thing", None) is None


def test_a_kind_nobody_has_is_a_mistake_of_the_spec_with_its_line() -> None:
    rig = Rig()
    with pytest.raises(SpecError, match=r"shop\.yaml:7:3: c/fake\.nothing/a: there is no kind fake\.nothing"):
        survey(desired(resource("a", "fake.nothing")), rig.state, rig.kinds, rig.plan_settings())


def test_a_recorded_kind_nobody_has_any_more_is_told_with_the_way_out() -> None:
    rig = Rig()
    lost = State("lineage", "shop", "test", objects={"c/old.kind/a": StateObject("c/old.kind/a", "old.kind", "a")})
    with pytest.raises(DeployerError, match=r"a kind this deployer does not have: old\.kind") as caught:
        survey(desired(), lost, rig.kinds, rig.plan_settings())
    assert "state rm" in caught.value.fix
