"""What the engine reports while it works. The mouth decides how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class EventType(StrEnum):
    """A note is for people; everything else is about one resource, or one read of many."""

    READING = "reading"
    STARTED = "started"
    RETRYING = "retrying"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `seconds` is how long the step has been at it; `at` is seconds since 1970."""

    type: EventType
    address: str
    action: str = ""
    detail: str = ""
    seconds: float = 0.0
    at: float = 0.0


EventSink: TypeAlias = Callable[[Event], None]
