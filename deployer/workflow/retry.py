"""Patience with the outside: exponential backoff with jitter, cut short by a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
TRIES = 5


@dataclass(frozen=True, slots=True)
class Patient:
    """A `Retry`: at most five tries within about half a minute; none is begun after `stop`."""

    stop: threading.Event

    def __call__(self, call: Callable[[], T], transient: Callable[[BaseException], bool], note: Callable[[str], None]) -> T:
        from tenacity import (  # noqa: PLC0415 - plans need none of it
            RetryCallState,
            Retrying,
            retry_if_exception,
            sleep_using_event,
            stop_after_attempt,
            stop_when_event_set,
            wait_exponential,
            wait_random,
        )

        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            note(f"try {state.attempt_number + 1} of {TRIES} in {state.upcoming_sleep:.1f} s: {error}")

        patient = Retrying(
            retry=retry_if_exception(transient),
            stop=stop_after_attempt(TRIES) | stop_when_event_set(self.stop),
            wait=wait_exponential(multiplier=0.5, max=15) + wait_random(0, 0.5),
            sleep=sleep_using_event(self.stop),
            before_sleep=told,
            reraise=True,
        )
        return patient(call)
