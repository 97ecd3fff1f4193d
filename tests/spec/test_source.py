"""YAML text to nodes and places."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.errors import Origin
from deployer.core.values import Json, leaves
from deployer.spec.overlay import flatten
from deployer.spec.places import Places
from deployer.spec.source import MAX_DEPTH, MAX_PROBLEMS, parse

TEXT = b"""version: 1
settings:
  bind: 127.0.0.1
list:
- first
- {a: [1, "two"]}
"""
# YAML knows no escapes in two halves, which is how JSON writes what lies beyond.
texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
names = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20).filter(str.isprintable)
json_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


def places(text: bytes) -> Places:
    source = parse(text, "f.yaml")
    assert source.root is not None
    assert source.problems == ()
    return flatten(source.root, ["f.yaml"])


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("version",), 1, 10),
        (("settings",), 2, 1),
        (("settings", "bind"), 3, 9),
        (("list", 0), 5, 3),
        (("list", 1), 6, 3),
        (("list", 1, "a"), 6, 4),
        (("list", 1, "a", 1), 6, 11),
        (("settings", "nothing", "here"), 2, 1),
        (("list", 9), 4, 1),
        (("version", "below"), 1, 10),
    ],
)
def test_every_value_knows_where_it_stands(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert places(TEXT).origin(path) == Origin("f.yaml", line, column)


def test_a_key_knows_where_it_stands() -> None:
    assert places(TEXT).key_origin(("settings", "bind")) == Origin("f.yaml", 3, 3)


def test_columns_count_characters_and_not_bytes() -> None:
    assert places('"Käse": {"ü": 1}'.encode()).origin(("Käse", "ü")) == Origin("f.yaml", 1, 15)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    found = places(codecs.BOM_UTF8 + b"a: 1")
    assert found.data == {"a": 1}
    assert found.origin(("a",)).column == 4


def test_an_alias_stands_where_it_is_used_and_what_it_holds_where_it_is_written() -> None:
    found = places(b"one: &x\n  a: 1\ntwo: *x\n")
    assert found.data == {"one": {"a": 1}, "two": {"a": 1}}
    assert (found.origin(("two",)).line, found.origin(("two", "a")).line) == (3, 2)


def test_a_few_aliases_are_fine_and_an_explosion_is_stopped_early() -> None:
    assert parse(b"a: &a [1]\nb: [*a, *a, *a]\n", "f").problems == ()
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    source = parse("\n".join(lines).encode(), "f")
    assert not source.whole
    assert "explode" in source.problems[-1].what


def test_long_text_behind_an_alias_weighs_too() -> None:
    text = b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 1000 + b"]\n"
    assert "explode" in parse(text, "f").problems[0].what


def test_depth_is_bounded_also_through_aliases() -> None:
    half = MAX_DEPTH // 2 + 5
    nested = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}\n"
    assert "explode" in parse(nested.encode(), "f").problems[0].what
    assert "deep" in parse(b"[" * 100_000, "f").problems[0].what
    assert "deep" in parse(b"\n".join(b" " * i + b"a:" for i in range(500)), "f").problems[0].what


def test_mistakes_in_one_file_are_told_up_to_a_bound() -> None:
    source = parse(b"a: 1\n" * 1000, "f")
    assert len(source.problems) == MAX_PROBLEMS


def test_unprintable_letters_in_keys_do_not_reach_the_terminal() -> None:
    (problem,) = parse(b'"\\e[31mred": 1', "f").problems
    assert "\x1b" not in str(problem)


@given(json_trees)
def test_what_json_writes_is_read_back_the_same(tree: Json) -> None:
    source = parse(json.dumps(tree).encode(), "f")
    if "\\u0000" in json.dumps(tree):
        return  # refused on purpose
    assert source.problems == ()
    assert source.root is not None
    assert flatten(source.root, ["f"]).data == tree


@given(json_trees)
def test_every_leaf_of_any_tree_has_a_place_in_its_file(tree: Json) -> None:
    text = json.dumps(tree, indent=1)
    source = parse(text.encode(), "f")
    assert source.root is not None
    found = flatten(source.root, ["f"])
    lines = text.split("\n")
    for path, _ in leaves(found.data):
        origin = found.origin(path)
        assert 1 <= origin.line <= len(lines)
        assert 1 <= origin.column <= len(lines[origin.line - 1])


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet="ab:[]{},-&*!|>'\"%@`#?~ \t\n0.\\").map(str.encode))
def test_no_bytes_make_it_fail_in_another_way_than_by_problems(text: bytes) -> None:
    source = parse(text, "f")
    assert source.whole or source.problems
