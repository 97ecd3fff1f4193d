"""How configuration values look: on one line, as JSON, and before beside after."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from deployer.cli.text import clip
from deployer.core.resource import ABSENT, Change
from deployer.core.values import Sensitive, Template, Unknown, Value, show_path

UNKNOWN, SENSITIVE = "(known after apply)", "(sensitive)"
DIFF_LINES = 24


def show(value: Value, columns: int = 100) -> str:
    """One line. Sensitive and unknown leaves are named, never opened."""
    match value:
        case Sensitive():
            return SENSITIVE
        case Unknown():
            return UNKNOWN
        case Template():
            return clip(str(value), columns)
        case _ if value is ABSENT:
            return "(none)"
        case _:
            text = json.dumps(document(value), ensure_ascii=False)
            return text if len(text) <= columns else f"{clip(text, columns)} ({len(text)} characters)"


def document(value: Value) -> Any:  # noqa: ANN401 - JSON out
    """The tree as JSON; what may not or cannot be shown is `{"sensitive": true}`, `{"unknown": true}`, `{"absent": true}`."""
    match value:
        case Sensitive():
            return {"sensitive": True}
        case Unknown() | Template():
            return {"unknown": True}
        case Mapping():
            return {str(key): document(item) for key, item in value.items()}
        case list() | tuple():
            return [document(item) for item in value]
        case _ if value is ABSENT:
            return {"absent": True}
        case _:
            return value


def change_lines(change: Change, columns: int) -> list[str]:
    """`path: before -> after`; a text of several lines as a diff below its path."""
    path = show_path(change.path)
    if isinstance(change.before, str) and isinstance(change.after, str) and "\n" in change.before + change.after:
        return [f"{path}:", *(f"  {line}" for line in _diff(change.before, change.after, columns))]
    one_line = f"{path}: {show(change.before, columns)} -> {show(change.after, columns)}"
    if len(one_line) <= columns:
        return [one_line]
    return [f"{path}:", f"  - {show(change.before, columns - 4)}", f"  + {show(change.after, columns - 4)}"]


def _diff(before: str, after: str, columns: int) -> list[str]:
    lines = [
        clip(line, columns - 2)
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
        if not line.startswith(("---", "+++"))
    ]
    if not lines:
        return ["(only the line ends differ)"]
    more = len(lines) - DIFF_LINES
    return lines if more <= 0 else [*lines[:DIFF_LINES], f"… {more} more lines"]
