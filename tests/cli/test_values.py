from __future__ import annotations

from deployer.cli.values import change_lines, document, show
from deployer.core.resource import ABSENT, Change
from tests.cli.plans import HIDDEN, LATER


def test_what_must_not_be_shown_is_named_instead() -> None:
    assert show(HIDDEN) == "(sensitive)"
    assert show(LATER) == "(known after apply)"
    assert show({"a": [HIDDEN, LATER]}) == '{"a": [{"sensitive": true}, {"unknown": true}]}'


def test_a_long_value_is_clipped_and_its_length_told() -> None:
    assert show("x" * 300, 40).endswith("… (302 characters)")


def test_a_missing_side_is_none() -> None:
    assert change_lines(Change(("a",), ABSENT, 1), 80) == ["a: (none) -> 1"]
    assert document(ABSENT) == {"absent": True}


def test_long_sides_stand_below_each_other() -> None:
    lines = change_lines(Change(("a",), "x" * 60, "y" * 60), 80)
    assert [line[:3] for line in lines] == ["a:", "  -", "  +"]


def test_a_long_text_shows_only_its_differences() -> None:
    before = "".join(f"{number}\n" for number in range(100))
    lines = change_lines(Change(("a",), before, before.replace("50\n", "fifty\n")), 80)
    assert lines == ["a:", "  @@ -50,3 +50,3 @@", "   49", "  -50", "  +fifty", "   51"]


def test_a_diff_without_end_is_cut() -> None:
    lines = change_lines(Change(("a",), "a\n" * 100, "b\n" * 100), 80)
    assert lines[-1].endswith("more lines")
    assert len(lines) < 30


def test_texts_that_differ_only_in_their_last_line_end_say_so() -> None:
    assert change_lines(Change(("a",), "a\nb", "a\nb\n"), 80) == ["a:", "  (only the line ends differ)"]
