from __future__ import annotations

import re

import pytest

from deployer.cli.render import render_plan
from deployer.cli.text import Paint
from deployer.core.plan import Action, Plan
from tests.cli.goldens import expect
from tests.cli.plans import DESTROY, EMPTY, EVERYTHING, plan, step


@pytest.mark.parametrize(
    ("name", "shown", "columns"),
    [("everything", EVERYTHING, 100), ("narrow", EVERYTHING, 50), ("empty", EMPTY, 100), ("destroy", DESTROY, 100)],
)
def test_a_plan_reads_as_its_golden_file_says(name: str, shown: Plan, columns: int) -> None:
    expect(f"plan-{name}", render_plan(shown, columns=columns))


def test_colours_change_nothing_but_colours() -> None:
    coloured = render_plan(EVERYTHING, Paint(on=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_plan(EVERYTHING)


def test_no_secret_is_shown() -> None:
    assert "canary" not in render_plan(EVERYTHING)


def test_a_replacement_is_one_block_and_counted_once() -> None:
    halves = [step(action, "a/local.file/x", replaces=True) for action in (Action.DELETE, Action.CREATE)]
    text = render_plan(plan(*halves))
    assert text.count("a/local.file/x") == 1
    assert "1 to replace" in text


def test_nothing_to_destroy_is_said_so() -> None:
    assert "Nothing to destroy." in render_plan(plan(destroy=True))
