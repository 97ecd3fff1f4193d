from __future__ import annotations

import io

import pytest

from deployer.cli.text import clip, count, duration, paint_for, size, table, width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.421, "0.42 s"), (12.9, "12 s"), (185, "3 m 05 s"), (7860, "2 h 11 m"), (3 * 86400 + 4 * 3600, "3 d 4 h")]
)
def test_durations_are_said_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(999, "999 B"), (3_100_000, "3.1 MB"), (2.5e12, "2.5 TB")])
def test_sizes_have_units(number: float, text: str) -> None:
    assert size(number) == text


def test_one_is_singular() -> None:
    assert (count(1, "step"), count(2, "step"), clip("abcdef", 4)) == ("1 step", "2 steps", "abc…")


def test_a_table_that_does_not_fit_becomes_blocks() -> None:
    rows = [("tracking", "http://127.0.0.1:5000"), ("x", "")]
    assert table(("name", "url"), rows, 80) == ["name      url", "tracking  http://127.0.0.1:5000", "x"]
    assert table(("name", "url"), rows, 20) == ["name  tracking", "url   http://127.0.0.1:5000", "", "name  x"]


def test_colour_needs_a_terminal_and_no_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint_for(Terminal()).on
    assert not paint_for(io.StringIO()).on
    monkeypatch.setenv("TERM", "dumb")
    assert not paint_for(Terminal()).on
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert paint_for(io.StringIO()).on
    monkeypatch.setenv("NO_COLOR", "1")
    assert not paint_for(Terminal()).on


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert not paint_for(stream).on


def test_a_tiny_window_still_has_forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    assert width() == 40
