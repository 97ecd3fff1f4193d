"""Unquoted words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.spec.scalars import Refused, resolve


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("0o17", 15),
        ("0xff", 255),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_words_of_the_core_schema_have_their_values(word: str, value: object) -> None:
    found = resolve(word)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "y", "2024-01-31", "12:30:45", "1_000", "0b1", "1.2.3", "-", ".", "+x", "1e", "None"]
)
def test_words_that_only_older_yaml_converts_stay_text(word: str) -> None:
    assert resolve(word) == word


@pytest.mark.parametrize("word", ["0600", "-007", ".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "9" * 5000, "0x" + "f" * 40])
def test_words_that_mislead_or_fit_nowhere_are_refused(word: str) -> None:
    assert isinstance(resolve(word), Refused)


@given(st.text())
def test_any_word_has_a_json_value_or_is_refused(word: str) -> None:
    found = resolve(word)
    assert isinstance(found, str | int | float | bool | None | Refused)
    assert not isinstance(found, float) or math.isfinite(found)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_of_64_bits_survive(number: int) -> None:
    assert resolve(str(number)) == number
