"""Which step waits for which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.plan import Action
from deployer.core.resource import Live, Rules
from deployer.core.state import StateObject
from deployer.engine.fate import Fate
from deployer.engine.graph import Graph
from deployer.engine.ordering import Work, delete_id, deposed_id, forward_id, make_first, order_steps, recorded_graph
from deployer.engine.survey import Wanted
from tests.engine.rig import Rig, resource

PLAIN, FIRST = Rules(), Rules(create_first=True)


def fate(label: str, *, replaces: bool = False, rules: Rules = PLAIN, same_id: bool = False) -> Fate:
    item = resource(label)
    old = StateObject(label, item.kind, f"{label}-new" if same_id else f"{label}-old") if replaces else None
    wanted = Wanted(replace(item, address=label), (), {}, {}, f"{label}-new", {})
    live = Live(old.id, {}) if old else None
    return Fate(wanted, Action.CREATE, "because", old=old, old_live=live, rules=rules)


def work(*fates: Fate, wants: Graph, deletes: tuple[str, ...] = (), deposed: tuple[tuple[str, str], ...] = ()) -> Work:
    every: Graph = dict.fromkeys((*(item.address for item in fates), *deletes), ())
    return Work({item.address: item for item in fates}, deletes, {**every, **wants}, {**every, **wants}, deposed)


def test_what_is_made_waits_for_what_it_needs_looking_through_what_stays() -> None:
    _, edges = order_steps(work(fate("a"), fate("c"), wants={"c": ("b",), "b": ("a",), "a": ()}))
    assert edges == {forward_id("a"): (), forward_id("c"): (forward_id("a"),)}


def test_what_goes_waits_for_its_users_to_go() -> None:
    _, edges = order_steps(work(wants={"b": ("a",), "a": ()}, deletes=("a", "b")))
    assert edges == {delete_id("a"): (delete_id("b"),), delete_id("b"): ()}


def test_a_plain_replacement_goes_before_it_comes() -> None:
    _, edges = order_steps(work(fate("a", replaces=True), wants={"a": ()}))
    assert edges == {forward_id("a"): (delete_id("a"),), delete_id("a"): ()}


def test_one_made_first_goes_after_its_users_have_moved_over() -> None:
    settled, edges = order_steps(work(fate("a", replaces=True, rules=FIRST), fate("user"), wants={"user": ("a",), "a": ()}))
    assert settled.fates["a"].create_first == "fake.thing is replaced that way"
    assert edges[delete_id("a")] == (forward_id("a"), forward_id("user"))
    assert edges[forward_id("a")] == ()


def test_what_one_made_first_stands_on_is_made_first_too_and_says_why() -> None:
    top, below = fate("top", replaces=True, rules=FIRST), fate("below", replaces=True)
    settled = make_first(work(top, below, wants={"top": ("below",), "below": ()}))
    assert settled.fates["below"].create_first == "inherited from top"


def test_one_that_can_stand_only_once_is_never_made_first() -> None:
    assert not make_first(work(fate("a", replaces=True, rules=FIRST, same_id=True), wants={"a": ()})).fates["a"].create_first


def test_one_made_first_gives_way_above_one_that_can_stand_only_once() -> None:
    top, below = fate("top", replaces=True, rules=FIRST), fate("below", replaces=True, same_id=True)
    settled, edges = order_steps(work(top, below, wants={"top": ("below",), "below": ()}))
    assert settled.fates["top"].create_first == ""
    assert delete_id("top") in edges[delete_id("below")]
    assert forward_id("below") in edges[forward_id("top")]


def test_a_deposed_object_goes_after_everybody_who_used_its_address() -> None:
    _, edges = order_steps(work(fate("a"), fate("user"), wants={"user": ("a",), "a": ()}, deposed=(("a", "a-old"),)))
    assert edges[deposed_id("a", "a-old")] == (forward_id("a"), forward_id("user"))


@pytest.mark.parametrize("edges", [("gone",), ("c/k/a", "gone")])
def test_recorded_edges_to_what_is_gone_do_not_count(edges: tuple[str, ...]) -> None:
    objects = {"c/k/a": StateObject("c/k/a", "k", "a"), "c/k/b": StateObject("c/k/b", "k", "b", edges=edges)}
    graph = recorded_graph(replace(Rig().state, objects=objects))
    assert graph == {"c/k/a": (), "c/k/b": tuple(edge for edge in edges if edge != "gone")}
