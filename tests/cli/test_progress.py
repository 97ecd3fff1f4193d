from __future__ import annotations

import io
import json
import sys
import threading
from pathlib import Path

import pytest

from deployer.cli.interrupt import STOPPING
from deployer.cli.live import Board
from deployer.cli.progress import Lines, event_document, event_line, progress
from deployer.cli.text import PLAIN
from deployer.cli.voice import Voice
from deployer.core.events import Event, EventType

SERVER = "tracking/local.process/server"


def lines(board: Board, height: int = 40) -> list[str]:
    return [line.plain for line in board.lines(height)]


def test_a_line_says_what_where_and_how_long() -> None:
    assert event_line(Event(EventType.DONE, SERVER, "create", seconds=7.3), PLAIN) == f"✓ {SERVER} create done (7.30 s)"
    assert event_line(Event(EventType.FAILED, SERVER, "create", "boom"), PLAIN) == f"✗ {SERVER} create failed: boom"
    long = Event(EventType.FAILED, SERVER, "create", "boom\n  fix: less", 2.0)
    assert event_line(long, PLAIN) == f"✗ {SERVER} create failed (2.00 s): boom\n  fix: less"
    assert event_line(Event(EventType.NOTE, "", detail="hello"), PLAIN) == "·: hello"


def test_waiting_is_said_again_only_with_another_reason(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Lines(PLAIN)
    for detail in ("not listening", "not listening", "starting"):
        sink(Event(EventType.WAITING, SERVER, detail=detail))
    sink(Event(EventType.READING, "local.file"))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_an_event_is_one_json_line_without_empty_keys() -> None:
    text = event_document(Event(EventType.WAITING, SERVER, "create", "two\nlines", 1.5))
    assert "\n" not in text
    assert json.loads(text) == {
        "schema": "deployer/1",
        "event": "waiting",
        "address": SERVER,
        "action": "create",
        "detail": "two\nlines",
        "seconds": 1.5,
    }


def test_a_broken_stderr_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    for as_json in (True, False):
        with progress(Voice("apply", Path(), json=as_json)) as sink:
            sink(Event(EventType.DONE, SERVER))


def test_the_tree_has_a_row_a_component_and_what_it_is_busy_with() -> None:
    board = Board()
    board.put(Event(EventType.STARTED, SERVER, "create"))
    board.put(Event(EventType.WAITING, SERVER, "create", "not listening on port 5000\nsecond line"))
    board.put(Event(EventType.DONE, "tracking/local.port/http", "create"))
    board.put(Event(EventType.DONE, "database/local.sqlite/store", "create"))
    board.put(Event(EventType.NOTE, SERVER, detail="passing by"))
    tracking, server, database = lines(board)
    assert tracking.split()[1:] == ["tracking", "1", "done,", "1", "busy"]
    assert "local.process/server" in server
    assert server.endswith("not listening on port 5000")
    assert database.split()[:3] == ["✓", "database", "1"]


def test_a_failure_stays_in_the_tree() -> None:
    board = Board()
    board.put(Event(EventType.FAILED, SERVER, "create", "boom", 2.0))
    assert [line[0] for line in lines(board)] == ["✗", "✗"]


def test_a_tree_too_tall_for_the_window_keeps_what_is_busy() -> None:
    board = Board()
    for number in range(50):
        board.put(Event(EventType.DONE, f"c{number}/local.file/x"))
    board.put(Event(EventType.STARTED, SERVER, "create"))
    shown = lines(board, 5)
    assert len(shown) == 3
    assert "local.process/server" in shown[1]
    assert shown[2] == "… 50 more rows"


def test_the_tree_says_when_it_is_stopping() -> None:
    stop = threading.Event()
    board = Board(stop)
    assert STOPPING not in lines(board)
    stop.set()
    assert STOPPING in lines(board)
