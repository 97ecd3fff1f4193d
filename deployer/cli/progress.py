"""What is happening, on stderr: plain lines, JSON lines, or a live tree on a terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

import click

from deployer.cli.text import Paint, duration, is_terminal
from deployer.cli.voice import SCHEMA, Voice
from deployer.core.events import Event, EventSink, EventType

LOOKS = {
    EventType.READING: ("·", "dim"),
    EventType.STARTED: (">", "cyan"),
    EventType.RETRYING: ("!", "yellow"),
    EventType.WAITING: ("…", "yellow"),
    EventType.DONE: ("✓", "green"),
    EventType.FAILED: ("✗", "red"),
    EventType.SKIPPED: ("-", "dim"),
    EventType.NOTE: ("·", "dim"),
}
AGAIN = 15.0  # seconds after which an unchanged waiting line is said again, so that nobody thinks it hangs


def event_line(event: Event, paint: Paint) -> str:
    """`✓ tracking/local.process/server  create  done  (7.31 s)`."""
    sign, style = LOOKS[event.type]
    words = [paint(sign, style), event.address, event.action, "" if event.type is EventType.NOTE else event.type.value]
    head = " ".join(word for word in words if word)
    detail = f": {event.detail}" if event.detail else ""
    spent = f" ({duration(event.seconds)})" if event.seconds else ""
    return f"{head}{spent}{detail}" if "\n" in detail else f"{head}{detail}{spent}"


def event_document(event: Event) -> str:
    """The event as one JSON line."""
    facts = {key: value for key, value in asdict(event).items() if key != "type" and value}
    return json.dumps({"schema": SCHEMA, "event": event.type.value, **facts}, ensure_ascii=False)


@dataclass(slots=True)
class Lines:
    """Plain lines; a waiting line comes again only when its reason changes or a while has passed."""

    paint: Paint
    _said: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        with self._lock:
            if self._worth_it(event):
                with suppress(OSError, ValueError):
                    click.echo(event_line(event, self.paint), err=True, color=True)

    def _worth_it(self, event: Event) -> bool:
        if event.type is EventType.READING:
            return False
        if event.type is not EventType.WAITING:
            return True
        said, at = self._said.get(event.address, ("", 0.0))
        now = time.monotonic()
        if said == event.detail and now - at < AGAIN:
            return False
        self._said[event.address] = (event.detail, now)
        return True


def json_lines(event: Event) -> None:
    with suppress(OSError, ValueError):
        click.echo(event_document(event), err=True)


def is_live(voice: Voice) -> bool:
    """Whether progress is a tree that redraws itself."""
    return not voice.json and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(voice: Voice, stop: threading.Event | None = None) -> Iterator[EventSink]:
    """The sink that suits whoever looks at stderr. A live tree tells when `stop` is set."""
    if voice.json:
        yield json_lines
    elif is_live(voice):
        from deployer.cli.live import live_tree  # noqa: PLC0415 - rich is worth its start-up time only on a terminal

        with live_tree(voice.aside, stop or threading.Event()) as sink:
            yield sink
    else:
        yield Lines(voice.aside)
