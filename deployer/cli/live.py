"""A live tree on a terminal: a row a component, below it what it is busy with."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, RenderableType
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

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

    clock: float = field(default_factory=time.monotonic)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, event: Event) -> None:
        if not event.address or event.type is EventType.READING:
            return
        now = time.monotonic()
        with self.lock:
            rows = self.rows.setdefault(event.address.split("/")[0], {})
            before = rows.get(event.address)
            since = before.since if before and before.event.type in BUSY else now
            rows[event.address] = Row(event, since)

    def table(self, height: int) -> Table:
        """Components with their busy resources; when there are too many, what is done goes first."""
        table = Table.grid(padding=(0, 1), expand=False)
        for _ in range(3):
            table.add_column(no_wrap=True, overflow="ellipsis")
        with self.lock:
            lines = [line for component, rows in self.rows.items() for line in component_lines(component, rows)]
        busy = [line for line in lines if line[0]]
        shown = lines if len(lines) <= height else busy[-height:]
        for _, cells in shown:
            table.add_row(*cells)
        if len(shown) < len(lines):
            table.add_row(Text("…"), Text(f"{len(lines) - len(shown)} more rows", "dim"), Text(""))
        return table

    def __rich__(self) -> RenderableType:
        return self.table(max(3, Console(stderr=True).size.height - SPARE_ROWS))


def component_lines(component: str, rows: dict[str, Row]) -> list[tuple[bool, tuple[Text, Text, Text]]]:
    """(whether it is busy, its cells) for a component and each of its busy or failed resources."""
    now = time.monotonic()
    working = [row for row in rows.values() if row.event.type in BUSY]
    failed = [row for row in rows.values() if row.event.type in (EventType.FAILED, EventType.SKIPPED)]
    done = len(rows) - len(working) - len(failed)
    if working:
        sign, style = SPINNER[int(now * 10) % len(SPINNER)], "cyan"
    else:
        sign, style = LOOKS[EventType.FAILED if failed else EventType.DONE]
    counted = f"{done} done" + (f", {len(working)} busy" if working else "") + (f", {len(failed)} failed" if failed else "")
    lines = [(bool(working), (Text(sign, style), Text(component, "bold"), Text(counted, "dim")))]
    return lines + [(bool(working), _resource(row, now)) for row in (*working, *failed)]


def _resource(row: Row, now: float) -> tuple[Text, Text, Text]:
    event = row.event
    sign, style = LOOKS[event.type]
    seconds = now - row.since if event.type in BUSY else event.seconds
    words = " ".join(word for word in (event.action, event.type.value if event.type is not EventType.STARTED else "") if word)
    told = f"{words} {duration(seconds)}" + (f": {event.detail.splitlines()[0]}" if event.detail else "")
    return Text(f"  {sign}", style), Text(event.address.partition("/")[2] or event.address), Text(told)


@contextmanager
def live_tree(paint: Paint) -> Iterator[EventSink]:
    """Draws until left; finished and failed steps scroll by as lines, so that they stay readable."""
    board = Board()
    console = Console(file=sys.stderr, no_color=not paint.on, highlight=False, markup=False)
    with Screen(board, console=console, refresh_per_second=8, transient=True, redirect_stdout=False, redirect_stderr=False):

        def sink(event: Event) -> None:
            board.put(event)
            if event.type in (EventType.DONE, EventType.FAILED, EventType.SKIPPED, EventType.NOTE):
                console.print(Text.from_ansi(event_line(event, paint)), soft_wrap=True)

        yield sink
