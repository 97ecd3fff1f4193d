from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.state import Entry, EntryType, Pending, State, StateObject
from deployer.state.draft import KEPT_PLANS, Draft

A = StateObject("c/k/a", "k", "id-1")
B = StateObject("c/k/b", "k", "id-2", edges=("c/k/a",))
A2 = replace(A, id="id-9")
EMPTY = State("line", "demo", "local")


def after(*entries: Entry, start: State = EMPTY) -> State:
    draft = Draft(start)
    for entry in entries:
        draft.add(entry)
    return draft.state()


def begin(item: StateObject, pending: Pending = Pending.CREATE) -> Entry:
    return Entry(EntryType.BEGIN, replace(item, pending=pending))


def end(item: StateObject) -> Entry:
    return Entry(EntryType.END, item)


def test_what_was_begun_stands_as_pending() -> None:
    assert after(begin(A)).objects == {"c/k/a": replace(A, pending=Pending.CREATE)}


def test_what_ended_stands_as_it_is() -> None:
    assert after(begin(A), end(A)).objects == {"c/k/a": A}


def test_a_delete_begun_keeps_the_object() -> None:
    assert after(end(A), begin(A, Pending.DELETE)).objects["c/k/a"].pending is Pending.DELETE


def test_forgetting_needs_the_address_and_the_id() -> None:
    assert after(end(A), Entry(EntryType.FORGET, A)).objects == {}
    assert after(end(A), Entry(EntryType.FORGET, A2)).objects == {"c/k/a": A}


def test_a_replacement_made_first_leaves_the_old_object_deposed_until_it_is_forgotten() -> None:
    steps = [end(A), Entry(EntryType.DEPOSE, A), begin(A2), end(A2)]
    state = after(*steps)
    assert (state.objects, state.deposed) == ({"c/k/a": A2}, (A,))
    state = after(*steps, begin(A, Pending.DELETE))
    assert (state.objects, state.deposed) == ({"c/k/a": A2}, (replace(A, pending=Pending.DELETE),))
    state = after(*steps, begin(A, Pending.DELETE), Entry(EntryType.FORGET, A))
    assert (state.objects, state.deposed) == ({"c/k/a": A2}, ())


def test_a_deposed_object_is_found_by_its_id_under_another_address_too() -> None:
    state = after(end(A), Entry(EntryType.DEPOSE, A), Entry(EntryType.FORGET, replace(A, address="c/k/new")))
    assert state.deposed == ()


def test_a_deposed_object_that_is_wanted_again_is_not_deposed_any_more() -> None:
    state = after(end(A), Entry(EntryType.DEPOSE, A), end(A2), Entry(EntryType.DEPOSE, A2), begin(A), end(A))
    assert (state.objects, state.deposed) == ({"c/k/a": A}, (A2,))


def test_deposing_what_the_state_does_not_hold_still_keeps_it_for_deletion() -> None:
    assert after(Entry(EntryType.DEPOSE, A)).deposed == (A,)


def test_a_moved_object_takes_the_edges_that_point_to_it_along() -> None:
    moved = replace(A, address="c/k/z")
    state = after(end(A), end(B), Entry(EntryType.MOVE, moved, "c/k/a"))
    assert state.objects == {"c/k/z": moved, "c/k/b": replace(B, edges=("c/k/z",))}


def test_only_the_last_saved_plans_are_remembered() -> None:
    state = after(*(Entry(EntryType.APPLIED, source=str(number)) for number in range(KEPT_PLANS + 5)))
    assert state.applied == tuple(str(number) for number in range(5, KEPT_PLANS + 5))


def test_every_entry_counts_once() -> None:
    assert after(begin(A), end(A), Entry(EntryType.APPLIED, source="p"), start=replace(EMPTY, serial=4)).serial == 7


def test_a_state_given_out_does_not_change_and_cannot_be_changed() -> None:
    draft = Draft(EMPTY)
    draft.add(end(A))
    before = draft.state()
    draft.add(end(B))
    assert before.objects == {"c/k/a": A}
    with pytest.raises(TypeError):
        before.objects["x"] = A  # type: ignore[index]


def test_the_same_state_is_given_out_while_nothing_changes() -> None:
    draft = Draft(EMPTY)
    assert draft.state() is draft.state()
