"""Differences, their impact, and whose they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployer.core.plan import Impact
from deployer.core.resource import ABSENT, Change, Rules
from deployer.core.values import Sensitive, Value, sealer, show_path
from deployer.engine.diff import changes, digest, impact, split_drift

SEAL = sealer(b"k")
TREES: st.SearchStrategy[Value] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
CONFIGS = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


def paths(found: tuple[Change, ...]) -> list[str]:
    return [show_path(change.path) for change in found]


@given(CONFIGS)
def test_a_want_never_differs_from_itself(config: dict[str, Value]) -> None:
    assert changes(config, dict(config), Rules(), SEAL) == ()


@given(CONFIGS, CONFIGS)
def test_no_changes_means_equal_and_every_change_shows_both_sides(want: dict[str, Value], have: dict[str, Value]) -> None:
    found = changes(want, have, Rules(), SEAL)
    assert bool(found) == (digest(want, SEAL) != digest(have, SEAL))
    for change in found:
        assert change.before is not change.after


def test_true_is_not_one() -> None:
    assert paths(changes({"a": True, "b": 1}, {"a": 1, "b": 1.0}, Rules(), SEAL)) == ["a", "b"]


def test_lists_of_one_length_differ_by_item_and_others_as_a_whole() -> None:
    assert paths(changes({"a": [1, 2], "b": [1]}, {"a": [1, 3], "b": []}, Rules(), SEAL)) == ["a[1]", "b"]


def test_computed_fields_are_never_compared() -> None:
    assert changes({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 1}}, Rules(computed=("a.b",)), SEAL) == ()


def test_a_sensitive_want_is_compared_by_its_digest() -> None:
    want = {"env": {"PW": Sensitive(SEAL("x"), "x")}}
    assert changes(want, {"env": {"PW": "x"}}, Rules(), SEAL) == ()
    found = changes(want, {"env": {"PW": "other"}}, Rules(), SEAL)
    assert found[0].before == Sensitive(SEAL("other"))


def test_sensitive_fields_stay_hidden_when_they_go_away_whole() -> None:
    found = changes({"env": {}}, {"env": {"PW": "plain"}}, Rules(sensitive=("env.*",)), SEAL)
    assert "plain" not in repr(found)
    whole = changes({}, {"env": {"PW": "plain"}}, Rules(sensitive=("env.*",)), SEAL)
    assert "plain" not in repr(whole)
    assert whole[0].after is ABSENT


def test_the_impact_is_the_worst_of_the_changes() -> None:
    rules = Rules(immutable=("a",), restart=("b.*",))

    def of(*paths: tuple[str, ...]) -> Impact:
        return impact([Change(path, 1, 2) for path in paths], rules)

    assert of(("c",)) is Impact.IN_PLACE
    assert of(("c",), ("b", "x")) is Impact.RESTART
    assert of(("b", "x"), ("a", "y")) is Impact.REPLACE


@given(CONFIGS, CONFIGS)
def test_with_an_unchanged_want_all_is_drift_and_with_an_unchanged_world_none_is(want: dict[str, Value], other: dict[str, Value]) -> None:
    found = changes(want, other, Rules(), SEAL)
    assert split_drift(found, digest(want, SEAL), want, SEAL) == found
    assert split_drift(found, digest(other, SEAL), want, SEAL) == ()
