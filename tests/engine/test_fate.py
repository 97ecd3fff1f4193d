"""What becomes of one resource, decision by decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.core.errors import OwnershipError
from deployer.core.plan import Action, Impact
from deployer.core.resource import Live, Mark, Rules
from deployer.core.state import Pending, StateObject
from deployer.core.values import Json
from deployer.engine.diff import digest
from deployer.engine.fate import Fate, Situation, decide
from deployer.engine.survey import Wanted
from tests.engine.rig import MARK, SEAL, resource

ADDRESS = "c/fake.thing/a"
RULES = Rules(immutable=("size",))
CONFIG: dict[str, Json] = {"text": "x", "size": 1}
WANTED = Wanted(resource("a"), (), CONFIG, CONFIG, "a", {})
LIVE = Live("a", CONFIG, token="1", mark=MARK.at(ADDRESS))
OTHER = replace(LIVE, config={**CONFIG, "text": "y"})
RECORDED = StateObject(ADDRESS, "fake.thing", "a", digest(CONFIG, SEAL))


def fate(recorded: StateObject | None = RECORDED, live: Live | None = LIVE, **more: Any) -> Fate:  # noqa: ANN401 - fields of a situation
    return decide(Situation(WANTED, recorded, live, more.pop("old_live", live), RULES, MARK, **more), SEAL)


def test_what_is_as_wanted_is_left_alone() -> None:
    assert fate().action is None


@pytest.mark.parametrize(
    ("recorded", "live", "action", "reason"),
    [
        (None, None, Action.CREATE, "not there yet"),
        (RECORDED, None, Action.CREATE, "it was made before and is gone"),
        (replace(RECORDED, pending=Pending.CREATE), None, Action.CREATE, "an interrupted apply had begun to create it"),
        (replace(RECORDED, pending=Pending.DELETE), None, Action.CREATE, "an interrupted apply had begun to delete it"),
        (None, LIVE, Action.ADOPT, "ours by its mark, and as wanted; only the record is missing"),
        (replace(RECORDED, pending=Pending.WAIT), LIVE, Action.WAIT, "an earlier apply ended before it was ready (during wait)"),
        (replace(RECORDED, edges=("c/k/b",)), LIVE, Action.ADOPT, "as wanted; only its recorded dependencies or protection change"),
        (RECORDED, replace(LIVE, mark=None), Action.UPDATE, "its ownership mark is gone and is put back"),
        (RECORDED, replace(LIVE, mark=MARK.at("c/k/b")), Action.UPDATE, "its mark still names c/k/b"),
        (RECORDED, OTHER, Action.UPDATE, "changed behind our back: text"),
        (
            replace(RECORDED, digest="text=other size=one"),
            OTHER,
            Action.UPDATE,
            "the spec changed: text",
        ),
        (
            replace(RECORDED, digest=""),
            OTHER,
            Action.UPDATE,
            "imported as it was, and differs from the spec: text",
        ),
        (None, OTHER, Action.UPDATE, "ours by its mark, and differs from the spec: text"),
    ],
)
def test_each_state_of_record_and_world_has_its_action_and_its_reason(
    recorded: StateObject | None, live: Live | None, action: Action, reason: str
) -> None:
    found = fate(recorded, live)
    assert (found.action, found.reason) == (action, reason)


def test_what_cannot_be_changed_in_place_is_replaced() -> None:
    found = fate(live=replace(LIVE, config={**CONFIG, "size": 2}))
    assert (found.action, found.impact, found.reason) == (Action.CREATE, Impact.REPLACE, "cannot be changed in place: size")
    assert found.old == RECORDED
    assert found.replaces
    assert not found.can_create_first


def test_another_id_replaces_the_recorded_object_and_both_could_stand() -> None:
    found = fate(replace(RECORDED, id="old"), None, old_live=replace(LIVE, id="old"))
    assert (found.action, found.reason) == (Action.CREATE, "its id changes from old to a")
    assert found.old == replace(RECORDED, id="old")
    assert found.can_create_first


def test_another_kind_is_said_as_such() -> None:
    assert fate(replace(RECORDED, kind="fake.other"), None, old_live=None).reason == "it was a fake.other"


@pytest.mark.parametrize("mark", [None, Mark("shop", "prod", ADDRESS), Mark("other", "test", ADDRESS)])
def test_what_is_not_ours_is_never_taken(mark: Mark | None) -> None:
    with pytest.raises(OwnershipError, match=r"a exists already") as caught:
        fate(None, replace(LIVE, mark=mark))
    assert "deployer import test 'c/fake.thing/a' 'a'" in caught.value.fix


def test_a_deposed_object_that_lost_its_mark_is_still_ours() -> None:
    assert fate(None, replace(LIVE, mark=None), known=True).reason == "its ownership mark is gone and is put back"
