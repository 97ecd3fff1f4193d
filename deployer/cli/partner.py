"""The person on the other side of an apply: sees the plan, answers, watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployer.cli.interrupt import interruptible
from deployer.cli.progress import is_live, json_lines, progress
from deployer.cli.render import render_plan
from deployer.cli.text import count, width
from deployer.cli.voice import Voice
from deployer.core.events import Event, EventSink, EventType
from deployer.core.plan import Impact, Plan, totals


@dataclass(slots=True)
class Terminal:
    """A `Partner` (and a `Listener`) of the workflow that speaks through a `Voice`."""

    voice: Voice
    yes: bool = False
    _sink: EventSink | None = field(default=None)

    def event(self, event: Event) -> None:
        if self._sink:
            self._sink(event)
        elif self.voice.json:
            json_lines(event)

    def note(self, text: str) -> None:
        if self._sink:
            self._sink(Event(EventType.NOTE, "", detail=text))
        else:
            self.voice.say(text)

    def plan(self, plan: Plan) -> None:
        self.voice.show(render_plan(plan, self.voice.paint, width()))

    def agree(self, plan: Plan) -> bool:
        if self.yes:
            return True
        gone = count(totals(plan).delete, "object")
        return self.voice.confirm(
            f"destroy {gone} of {plan.mark}?" if plan.destroy else f"apply {count(len(plan.steps), 'step')} in {plan.mark}?"
        )

    def lose(self, plan: Plan, addresses: Sequence[str]) -> bool:
        """Typed by hand, for a y typed too fast must not cost a database: the environment's name to destroy it, else each address."""
        if not self.voice.can_ask():
            return False
        words = [plan.mark.environment] if plan.destroy else addresses
        otherwise = "; anything else keeps it" if plan.destroy else ""
        for step in (step for step in plan.steps if step.impact is Impact.DATA_LOSS and step.address in addresses):
            self.voice.say(f"  {step.address}: {step.data}")
        self.voice.say(self.voice.aside(f"This data would be destroyed. To allow it, type {' and '.join(words)}{otherwise}", "red", "bold"))
        return all(self.voice.ask(">").strip() == word for word in words)

    @contextmanager
    def working(self, plan: Plan) -> Iterator[threading.Event]:  # noqa: ARG002 - the contract's signature
        with interruptible(told=is_live(self.voice)) as stop, progress(self.voice, stop) as sink:
            self._sink = sink
            try:
                yield stop
            finally:
                self._sink = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Progress without changes: reads, checks, scripts."""
        with progress(self.voice) as sink:
            self._sink = sink
            try:
                yield
            finally:
                self._sink = None
