from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.values import OutputRef, SecretRef, Template, Value
from deployer.modules.references import Key, Part, Reference, Refused, descend, join, parse, references

_STEPS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,5}", fullmatch=True)
_KEYS = st.text(st.characters(exclude_characters="[]{}", exclude_categories=["Cs"]), min_size=1, max_size=5).map(Key)
_DOTTED = st.builds(lambda head, rest: Reference("", (head, *rest)), _STEPS, st.lists(st.one_of(_STEPS, _KEYS), max_size=4))
_REFERENCES = st.one_of(_DOTTED, st.builds(lambda scheme, name: Reference(scheme, (name,)), st.sampled_from(["env", "secret"]), _STEPS))
_URL = OutputRef("tracking/local.process/server", "url")


def unparse(parts: Iterable[Part]) -> str:
    """What `parse` reads back as the same parts."""
    return "".join(part.replace("${", "$${") if isinstance(part, str) else str(part) for part in parts)


@given(st.lists(st.tuples(_REFERENCES, st.text("a${}.[] ", max_size=4).filter(lambda text: not text.endswith("$"))), max_size=4))
def test_what_is_written_from_parts_reads_back_as_the_same_parts(pairs: list[tuple[Reference, str]]) -> None:
    parts = tuple(part for reference, literal in pairs for part in (reference, literal) if part != "")
    assert parse(unparse(parts)) == (parts or ("",))


@given(st.text("a$${}.[]:env", max_size=12))
def test_any_text_is_read_or_refused_and_reads_back_the_same(text: str) -> None:
    try:
        parts = parse(text)
    except Refused as refused:
        assert refused.what  # noqa: PT017 - either outcome is right
        return
    assert parse(unparse(parts)) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("$5 {a} $", ("$5 {a} $",)),
        ("$${a}", ("${a}",)),
        ("$$${a}", ("$${a}",)),
        ("${a.b}", (Reference("", ("a", "b")),)),
        ("x${resource.r[k.1/2].path.0}y", ("x", Reference("", ("resource", "r", Key("k.1/2"), "path", "0")), "y")),
        ("${env:A}${secret:b-c}", (Reference("env", ("A",)), Reference("secret", ("b-c",)))),
    ],
)
def test_text_splits_into_literals_and_references(text: str, parts: tuple[str | Reference, ...]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize("text", ["${", "${}", "${a.}", "${.a}", "${a b}", "${a[}", "${a[]}", "${env:}", "${file:x}", "a ${b", "${a${b}}"])
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse(text)


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        (["a", 1, 2.5, True, False], "a12.5truefalse"),
        (["", Template((_URL,))], Template(("", _URL))),
        (["a", Template(("b", _URL, "c")), "d", Template((SecretRef("S"),))], Template(("ab", _URL, "cd", SecretRef("S")))),
    ],
)
def test_several_parts_join_to_text(values: list[Value], joined: Value) -> None:
    assert join(values) == joined


@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_nothing_but_plain_values_stands_inside_text(value: Value) -> None:
    with pytest.raises(Refused):
        join(["a", value])


def test_steps_into_a_value_known_after_apply_lengthen_its_output() -> None:
    assert descend({"a": [Template((_URL,))]}, ("a", "0", "b", Key("c")), "x") == Template((OutputRef(_URL.address, "url.b.c"),))


@pytest.mark.parametrize(
    ("value", "steps"),
    [({"a": 1}, ("b",)), ([1], ("1",)), (1, ("a",)), (None, ("a",)), (Template(("x", _URL)), ("a",)), (Template((_URL,)), (Key("a.b"),))],
)
def test_steps_that_lead_nowhere_are_refused(value: Value, steps: tuple[str | Key, ...]) -> None:
    with pytest.raises(Refused, match=r"^(x|the key) "):
        descend(value, steps, "x")


def test_references_are_found_anywhere_in_a_tree() -> None:
    assert [str(found) for found in references({"a": ["${x.y}", {"b": "${env:N} ${bad ref}"}], "c": "${env:M} $${no.ref}"})] == [
        "${x.y}",
        "${env:M}",
    ]
