"""Objects under new addresses: spelled out, or seen by their id."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from deployer.core.errors import SpecError
from deployer.core.plan import Action
from deployer.core.resource import Resource
from deployer.core.state import State, StateObject
from deployer.engine.moves import spelled_moves
from tests.engine.fake import Crash
from tests.engine.rig import Rig, desired, ref, resource

A, B, C = (f"c/fake.thing/{name}" for name in "abc")


def recorded(*objects: StateObject) -> State:
    return replace(Rig().state, objects={item.address: item for item in objects})


def thing(address: str, *edges: str) -> StateObject:
    return StateObject(address, "fake.thing", address.rsplit("/", 1)[1], edges=edges)


def test_a_spelled_move_changes_the_record_and_every_edge_to_it() -> None:
    moves, state = spelled_moves(desired(resource("b"), resource("c"), moved={A: B}), recorded(thing(A), thing(C, A)))
    assert moves == {B: A}
    assert {address: item.edges for address, item in state.objects.items()} == {B: (), C: (B,)}
    assert state.objects[B].address == B


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        ((resource("b"),), recorded()),  # nothing to move: it was moved by an earlier apply
        ((resource("b"),), recorded(thing(A), thing(B))),  # the new address has an object of its own
        ((resource("c"),), recorded(thing(A))),  # nobody wants it there
    ],
)
def test_a_spelled_move_without_something_to_move_is_left_alone(wanted: tuple[Resource, ...], state: State) -> None:
    moves, after = spelled_moves(desired(*wanted, moved={A: B}), state)
    assert (moves, after) == ({}, state)


def test_a_move_of_what_is_still_wanted_is_refused_with_its_line() -> None:
    with pytest.raises(SpecError, match=r"shop.yaml:7:3: c/fake.thing/a: moved away, and still wanted"):
        spelled_moves(desired(resource("a"), moved={A: B}), recorded(thing(A)))


def test_a_renamed_resource_is_moved_with_its_users_and_nothing_is_made() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("c", link=ref(A))))
    made = list(rig.world.made)
    want = desired(replace(resource("b"), config={"name": "a"}), resource("c", link=ref(B)))
    plan = rig.apply(want)
    assert [(step.action, step.source) for step in plan.steps if step.address == B] == [(Action.MOVE, A), (Action.UPDATE, "")]
    assert rig.world.made == made
    assert set(rig.state.objects) == {B, C}
    assert rig.plan(want).empty


def named(label: str, name: str, kind: str = "fake.thing") -> Resource:
    return replace(resource(label, kind), config={"name": name})


@pytest.mark.parametrize("kind", ["fake.thing", "fake.data"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": "one", "b": "two"}, {"a": "two", "b": "one"}),  # swapped
        ({"a": "one", "b": "two"}, {"a": "two", "b": "three"}),  # shifted along
        ({"a": "one", "b": "two"}, {"a": "two"}),  # one takes the other's
        ({"a": "one", "b": "two", "c": "three"}, {"a": "two", "b": "three", "c": "one"}),  # round
    ],
)
def test_an_object_another_address_wants_is_never_removed(before: dict[str, str], after: dict[str, str], kind: str) -> None:
    rig = Rig()
    rig.apply(desired(*(named(label, name, kind) for label, name in before.items())))
    made = list(rig.world.made)
    want = desired(*(named(label, name, kind) for label, name in after.items()))
    plan = rig.apply(want)
    gone = {step.object_id for step in plan.steps if step.action is Action.DELETE}
    assert gone == set(before.values()) - set(after.values())
    assert rig.plan(want).empty
    assert {item.address: item.id for item in rig.state.objects.values()} == {f"c/{kind}/{label}": name for label, name in after.items()}
    assert [name for _, name in rig.world.made[len(made) :]] == sorted(set(after.values()) - set(before.values()))


def test_one_that_takes_over_what_cannot_be_changed_in_place_replaces_it() -> None:
    rig = Rig()
    rig.apply(desired(*(resource(label, size=size) for label, size in (("a", 1), ("b", 2)))))
    want = desired(*(replace(resource(label), config={"name": name, "size": size}) for label, name, size in (("a", "b", 1), ("b", "a", 2))))
    plan = rig.apply(want)
    assert [step.action for step in plan.steps] == [Action.DELETE, Action.DELETE, Action.CREATE, Action.CREATE]
    assert rig.plan(want).empty
    assert {object_id: config["size"] for object_id, config in rig.configs().items()} == {"b": 1, "a": 2}


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2)])
def test_a_crash_in_the_middle_of_a_swap_loses_neither(sizes: tuple[int, int]) -> None:
    first, second = sizes
    before = desired(resource("a", size=first), resource("b", size=second))
    swapped = desired(
        *(replace(resource(label), config={"name": name, "size": size}) for label, name, size in zip("ab", "ba", sizes, strict=True))
    )
    for boundary in range(1, 40):
        rig = Rig()
        rig.apply(before)
        rig.crash_at(boundary)
        with suppress(Crash):
            rig.apply(swapped)
        rig.crash_at(None)
        rig.apply(swapped)
        assert rig.plan(swapped).empty
        assert {object_id: config["size"] for object_id, config in rig.configs().items()} == {"b": first, "a": second}
        if first == second:
            assert rig.world.made == [("fake.thing", "a"), ("fake.thing", "b")]
