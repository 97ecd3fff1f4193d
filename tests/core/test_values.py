"""Trees of values: their leaves, what must not be shown, and paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.values import (
    Json,
    OutputRef,
    SecretRef,
    Sensitive,
    Template,
    Unknown,
    Value,
    canonical,
    leaves,
    matches,
    plain,
    replace_leaves,
    sealer,
    show_path,
    templates,
)

URL = OutputRef("tracking/local.process/server", "url")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_replacing_every_leaf_by_itself_changes_nothing(tree: Json) -> None:
    assert replace_leaves(tree, lambda leaf: leaf) == tree
    assert plain(tree) == tree


@given(JSON)
def test_every_leaf_is_found_where_its_path_says(tree: Json) -> None:
    for path, leaf in leaves(tree):
        found: Value = tree
        for key in path:
            found = found[key]
        assert found == leaf


def test_empty_containers_are_leaves_and_do_not_get_lost() -> None:
    assert list(leaves({"a": {}, "b": [1, []]})) == [(("a",), {}), (("b", 0), 1), (("b", 1), [])]


def test_opening_a_tree_gives_the_sensitive_values_and_refuses_what_is_unknown() -> None:
    assert plain({"a": [Sensitive("digest", "s3cret")]}) == {"a": ["s3cret"]}
    for leaf in (Unknown(Template((URL,))), Template(("x", URL))):
        with pytest.raises(TypeError, match="not known yet"):
            plain({"a": leaf})


def test_a_sensitive_value_is_never_in_its_text() -> None:
    hidden = Sensitive("digest", "s3cret", Template((SecretRef("TOKEN"),)))
    assert "s3cret" not in f"{hidden} {hidden!r} {[hidden]}"
    assert str(hidden) == "(sensitive)"


def test_two_sensitive_values_are_equal_when_their_digests_are() -> None:
    assert Sensitive("one", "a") == Sensitive("one", None)
    assert Sensitive("one", "a") != Sensitive("two", "a")


@given(JSON, JSON)
def test_a_seal_tells_values_apart_and_depends_on_its_key(one: Json, other: Json) -> None:
    seal = sealer(b"key")
    assert (seal(one) == seal(other)) == (canonical(one) == canonical(other))
    assert seal(one) != sealer(b"other key")(one)


def test_the_order_of_keys_makes_no_difference_to_a_seal() -> None:
    seal = sealer(b"key")
    assert seal({"a": 1, "b": "ü"}) == seal({"b": "ü", "a": 1})
    assert seal({"a": 1}) != seal({"a": True})
    assert seal("\udc80")  # a name the file system made up is no reason to fail


def test_a_template_is_shown_as_it_is_written_and_knows_what_it_refers_to() -> None:
    template = Template(("at ", URL, " with ", SecretRef("TOKEN")))
    assert str(template) == "at ${tracking/local.process/server.url} with ${secret:TOKEN}"
    assert (template.refs, template.secrets) == ((URL,), (SecretRef("TOKEN"),))
    assert list(templates({"a": [template, "b"], "c": Unknown(template)})) == [template]


@pytest.mark.parametrize(("path", "shown"), [((), ""), (("a",), "a"), (("a", "b", 0, "c"), "a.b[0].c"), ((0, "a"), "[0].a")])
def test_a_path_is_shown_the_way_a_spec_is_read(path: tuple[str | int, ...], shown: str) -> None:
    assert show_path(path) == shown


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("schema", ("schema",), True),
        ("schema", ("schema", "version"), True),
        ("schema.version", ("schema",), False),
        ("items.*.name", ("items", 3, "name"), True),
        ("items.*.name", ("items", 3, "size"), False),
        ("items.3", ("items", 3), True),
    ],
)
def test_a_pattern_covers_what_it_names_and_what_is_below(pattern: str, path: tuple[str | int, ...], *, covered: bool) -> None:
    assert matches(pattern, path) is covered
