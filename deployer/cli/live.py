"""A live tree on a terminal: a row a component, below it what it is busy with."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.text import Text

from deployer.cli.interrupt import STOPPING
from deployer.cli.progress import LOOKS, event_line
from deployer.cli.text import Paint, duration
from deployer.core.events import Event, EventSink, EventType

BUSY = (EventType.STARTED, EventType.WAITING, EventType.RETRYING)
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPARE_ROWS = 4


@dataclass(slots=True)
class Row:
    """The last event of one resource and when its step began, in monotonic seconds."""

    event: Event
    since: float


@dataclass(slots=True)
class Board:
    """What is known about every resource; fed by many threads, drawn by one."""

    stop: threading.Event = field(default_factory=threading.Event)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, event: Event) -> None:
        if not event.address or event.type in (EventType.READING, EventType.NOTE):
            return
        now = time.monotonic()
        with self.lock:
            rows = self.rows.setdefault(event.address.split("/")[0], {})
            before = rows.get(event.address)
            since = before.since if before and before.event.type in BUSY else now
            rows[event.address] = Row(event, since)

    def lines(self, height: int) -> list[Text]:
        """Components with their busy resources; when there are too many, what is done goes first."""
        with self.lock:
            lines = [line for component, rows in self.rows.items() for line in component_lines(component, rows)]
        shown = lines if len(lines) <= height else [line for line in lines if line.busy][-height:]
        side = max((len(line.name) for line in shown), default=0)
        texts = [line.text(side) for line in shown]
        texts += [Text(f"… {len(lines) - len(shown)} more rows", "dim")] if len(shown) < len(lines) else []
        return texts + ([Text(STOPPING, "yellow")] if self.stop.is_set() else [])

    def __rich__(self) -> RenderableType:
        return Group(*self.lines(max(3, Console(stderr=True).size.height - SPARE_ROWS)))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the tree before it is drawn."""

    sign: str
    style: str
    name: str
    told: str
    busy: bool
    bold: bool = False

    def text(self, side: int) -> Text:
        """One line of the screen, names padded to `side`; what does not fit is cut at the right."""
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(self.sign, self.style)
        line.append(f" {self.name.ljust(side)}", "bold" if self.bold else "")
        line.append(f"  {self.told}", "dim" if self.bold else "")
        return line


def component_lines(component: str, rows: dict[str, Row]) -> list[Line]:
    """A line for a component and one for each of its busy or failed resources."""
    now = time.monotonic()
    working = [row for row in rows.values() if row.event.type in BUSY]
    failed = [row for row in rows.values() if row.event.type in (EventType.FAILED, EventType.SKIPPED)]
    done = len(rows) - len(working) - len(failed)
    if working:
        sign, style = SPINNER[int(now * 10) % len(SPINNER)], "cyan"
    else:
        sign, style = LOOKS[EventType.FAILED if failed else EventType.DONE]
    counted = f"{done} done" + (f", {len(working)} busy" if working else "") + (f", {len(failed)} failed" if failed else "")
    head = Line(sign, style, component, counted, busy=bool(working), bold=True)
    return [head, *(_resource(row, now, busy=bool(working)) for row in (*working, *failed))]


def _resource(row: Row, now: float, *, busy: bool) -> Line:
    event = row.event
    sign, style = LOOKS[event.type]
    seconds = now - row.since if event.type in BUSY else event.seconds
    doing = event.action if event.type is EventType.STARTED else event.type.value
    told = f"{doing} {duration(seconds)}" + (f": {event.detail.splitlines()[0]}" if event.detail else "")
    return Line(sign, style, f"  {event.address.partition('/')[2] or event.address}", told, busy)


@contextmanager
def live_tree(paint: Paint, stop: threading.Event) -> Iterator[EventSink]:
    """Draws until left; finished and failed steps scroll by as lines, so that they stay readable."""
    board = Board(stop)
    console = Console(file=sys.stderr, no_color=not paint.on, highlight=False, markup=False)
    with Screen(board, console=console, refresh_per_second=8, transient=True, redirect_stdout=False, redirect_stderr=False):

        def sink(event: Event) -> None:
            board.put(event)
            if event.type in (EventType.DONE, EventType.FAILED, EventType.SKIPPED, EventType.NOTE):
                console.print(Text.from_ansi(event_line(event, paint)), soft_wrap=True)

        yield sink
