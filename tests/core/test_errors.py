"""What an error says: what happened, why, what to do next, and where."""

from __future__ import annotations

import inspect

import pytest

from deployer.core import errors
from deployer.core.errors import (
    ApplyError,
    ConfigError,
    DataLossError,
    DeployerError,
    LockHeldError,
    Origin,
    PreflightError,
    Problem,
    ProviderError,
    SpecError,
)

HERE = Origin("environments/local.yaml", 8, 3)
TREE = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, DeployerError)]


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("is missing"), "is missing"),
        (Problem("is missing", "a.b", HERE), "environments/local.yaml:8:3: a.b: is missing"),
        (
            Problem("unknown key", "a.prot", HERE, None, "one of host, port", "port"),
            "environments/local.yaml:8:3: a.prot: unknown key; one of host, port; did you mean port?",
        ),
        (Problem("is too small", "port", Origin("x.yaml"), "0", "at least 1"), "x.yaml: port: is too small (value 0); at least 1"),
    ],
)
def test_a_problem_says_where_what_with_which_value_what_is_allowed_and_what_was_meant(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_error_says_where_what_why_and_what_to_do() -> None:
    assert str(DeployerError("it broke")) == "it broke"
    error = DeployerError("it broke", why="the disk is full", fix="free some space", origin=HERE)
    assert str(error) == "environments/local.yaml:8:3: it broke: the disk is full\n  fix: free some space"


@pytest.mark.parametrize("kind", [SpecError, ConfigError, PreflightError])
def test_mistakes_are_told_all_at_once(kind: type[SpecError | ConfigError | PreflightError]) -> None:
    problems = [Problem("one", "a"), Problem("two", "b")]
    error = kind(iter(problems))  # type: ignore[arg-type]
    assert error.problems == tuple(problems)
    assert str(error) == "a: one\nb: two"


def test_every_sort_of_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in TREE]
    assert len(set(codes)) == len(codes)


def test_a_failed_apply_names_what_failed_and_what_was_not_started() -> None:
    error = ApplyError({"c/k/a": "no space"}, ["c/k/b", "c/k/c"])
    assert str(error).startswith("c/k/a: no space\nnot started because of that: c/k/b, c/k/c\n  fix: ")
    assert "not started" not in str(ApplyError({"c/k/a": "no space"}, []))


def test_errors_carry_what_a_program_needs_to_know() -> None:
    assert DataLossError("no", ["a"]).addresses == ("a",)
    assert LockHeldError("held", {"pid": 4711}).holder == {"pid": 4711}
    assert ProviderError("busy", transient=True).transient
    assert not ProviderError("gone").transient
