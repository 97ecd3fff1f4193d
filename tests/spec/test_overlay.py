"""Laws of laying one file over another."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployer.core.values import leaves
from deployer.spec.overlay import flatten, merge, stack
from deployer.spec.source import Node, parse

keys = st.sampled_from(["a", "b", "c", "d"])
scalars = st.integers(0, 9) | st.sampled_from(["x", "y"]) | st.booleans()


def maps(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.recursive(leaf | st.lists(leaf, max_size=3), lambda below: st.dictionaries(keys, below, max_size=3), max_leaves=8)
    return st.dictionaries(keys, inner, max_size=4)


full = maps(scalars)
with_nulls = maps(scalars | st.none())


def node(tree: dict[str, Any], file: int = 0) -> Node:
    root = parse(json.dumps(tree).encode(), f"{file}", file).root
    assert root is not None
    return root


def merged(*layers: dict[str, Any]) -> Any:  # noqa: ANN401 - a tree
    """The layers as one, the highest first."""
    return flatten(stack([node(layer, index) for index, layer in enumerate(layers)]), [str(index) for index in range(len(layers))]).data


@given(with_nulls)
def test_an_empty_file_changes_nothing_above_or_below(tree: dict[str, Any]) -> None:
    assert merged({}, tree) == tree
    assert merged(tree, {}) == tree


@given(full)
def test_a_file_over_itself_is_itself(tree: dict[str, Any]) -> None:
    assert merged(tree, tree) == tree


@given(with_nulls, full)
def test_what_the_upper_file_says_holds(over: dict[str, Any], under: dict[str, Any]) -> None:
    check_over(merged(over, under), over, under)


def check_over(result: dict[str, Any], over: dict[str, Any], under: dict[str, Any]) -> None:
    for key, value in over.items():
        if key not in under:
            assert result[key] == value
        elif value is None:
            assert key not in result
        elif isinstance(value, dict) and isinstance(under[key], dict):
            check_over(result[key], value, under[key])
        else:
            assert result[key] == value
    for key in under.keys() - over.keys():
        assert result[key] == under[key]
    assert result.keys() <= over.keys() | under.keys()


@given(with_nulls, with_nulls, with_nulls)
def test_a_chain_is_merged_from_the_bottom(top: dict[str, Any], middle: dict[str, Any], bottom: dict[str, Any]) -> None:
    assert merged(top, middle, bottom) == merged(top, merged(middle, bottom))


@given(maps(st.just("over") | st.none()), maps(st.just("under")))
def test_every_leaf_stands_in_the_file_that_says_it(over: dict[str, Any], under: dict[str, Any]) -> None:
    places = flatten(merge(node(under, 1), node(over, 0)), ["over", "under"])
    for path, value in leaves(places.data):
        if isinstance(value, str):
            assert places.origin(path).file == value


def test_merging_changes_neither_side() -> None:
    under, over = node({"a": {"b": 1}}), node({"a": {"c": 2, "b": None}})
    assert flatten(merge(under, over), ["f"]).data == {"a": {"c": 2}}
    assert flatten(under, ["f"]).data == {"a": {"b": 1}}
    assert flatten(over, ["f"]).data == {"a": {"c": 2, "b": None}}


def test_lists_replace_and_do_not_merge() -> None:
    assert merged({"a": [3]}, {"a": [1, 2]}) == {"a": [3]}
