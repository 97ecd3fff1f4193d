"""Words for a terminal: colour, sizes, durations, tables that fit a narrow window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "alarm": "1;97;41",
}
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text, or leaves it as it is."""

    on: bool

    def __call__(self, text: str, *styles: str) -> str:
        if not self.on or not text or not styles:
            return text
        return f"\x1b[{';'.join(CODES[style] for style in styles)}m{text}\x1b[0m"


PLAIN = Paint(on=False)


def is_terminal(stream: IO[Any]) -> bool:
    """Whether a person looks at the stream; false for a closed one."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def paint_for(stream: IO[Any]) -> Paint:
    """Colour on a terminal, unless `NO_COLOR` (https://no-color.org) or a dumb terminal says no; `FORCE_COLOR` says yes."""
    if os.environ.get("NO_COLOR"):
        return PLAIN
    if os.environ.get("FORCE_COLOR"):
        return Paint(on=True)
    return Paint(on=is_terminal(stream) and os.environ.get("TERM") != "dumb")


def width() -> int:
    """Columns to write in; 100 when nobody says."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def table_width(stream: IO[Any]) -> int:
    """Columns for a table: what a person's window has; programs get every row on one line."""
    return width() if is_terminal(stream) or "COLUMNS" in os.environ else 10_000


def duration(seconds: float) -> str:
    """`0.42 s`, `12 s`, `3 m 05 s`, `2 h 10 m`, `3 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the fraction is worth reading
        return f"{seconds:.2f} s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def size(count: float) -> str:
    """Bytes as a person reads them, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the step between units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def count(number: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clip(text: str, columns: int) -> str:
    """At most `columns` characters, the end replaced by an ellipsis."""
    return text if len(text) <= columns else text[: max(0, columns - 1)] + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Aligned columns; when they do not fit, one block of `name: value` lines for each row."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) <= columns:
        return ["  ".join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)).rstrip() for line in (head, *rows)]
    side = max(map(len, head))
    blocks = [[f"{name.ljust(side)}  {cell}" for name, cell in zip(head, row, strict=True) if cell] for row in rows]
    return [line for block in blocks for line in (*block, "")][:-1]
