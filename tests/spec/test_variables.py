"""Environment variables in the spec's first sections."""

from __future__ import annotations

import pytest

from deployer.core.errors import Problem
from deployer.core.values import Json
from deployer.spec.overlay import flatten
from deployer.spec.source import parse
from deployer.spec.variables import Expansion, variable

ENVIRON = {"A": "one", "B": "${env:A}", "PASSWORD": "canary"}


def expanded(text: str) -> tuple[Json, list[Problem]]:
    root = parse(f"settings: {{python: '{text}'}}\ncomponents: {{a: '{text}'}}".encode(), "f").root
    assert root is not None
    expansion = Expansion(flatten(root, ["f"]), ENVIRON)
    data = expansion.sections()
    assert data["components"] == {"a": text}  # the modules' to resolve
    return data["settings"]["python"], expansion.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${env:A}", "one"),
        ("x${env:A}y${env:A}", "xoneyone"),
        ("$${env:A}", "${env:A}"),
        ("${env:B}", "${env:A}"),
        ("$x", "$x"),
    ],
)
def test_variables_are_filled_in_once(text: str, value: str) -> None:
    assert expanded(text) == (value, [])


@pytest.mark.parametrize("text", ["${env:NOWHERE}", "${env:}", "${env:A", "${tracking.url}", "${secret:PASSWORD}", "${}"])
def test_what_cannot_be_filled_in_is_told_at_its_place(text: str) -> None:
    _, (problem,) = expanded(text)
    assert (str(problem.origin), problem.path) == ("f:1:20", "settings.python")


def test_a_missing_variable_suggests_a_near_name_and_no_value() -> None:
    found = variable("PASSWORT", ENVIRON)
    assert isinstance(found, Problem)
    assert found.suggestion == "${env:PASSWORD}"
    assert "canary" not in str(found)
