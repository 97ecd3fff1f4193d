"""A project of plain files, and a person who answers in a way decided before."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.events import Event
from deployer.core.plan import Plan
from deployer.workflow.answers import Where

SPEC = """\
version: 1
platform: demo
target: local
resources:
  home: {kind: local.directory, config: {path: home}}
  motd: {kind: local.file, config: {path: home/motd.txt, content: "hello\\n"}, depends_on: [home]}
  parts: {kind: local.file, for_each: {a: 1, b: 2}, config: {path: "parts/${each.key}", content: "${each.value} ${resource.motd.path}"}}
  store: {kind: local.directory, config: {path: store, data: true}}
"""
SECRET = """\
version: 1
platform: demo
target: local
secrets: {TOKEN: {env: STORY_TOKEN}}
resources:
  token: {kind: local.file, config: {path: token, sensitive_content: "token=${secret:TOKEN}"}}
"""


@dataclass(slots=True)
class Person:
    """Says yes or no, and remembers what it was shown."""

    yes: bool = True
    loses: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    plans: list[Plan] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def plan(self, plan: Plan) -> None:
        self.plans.append(plan)

    def agree(self, plan: Plan) -> bool:
        self.asked.append(f"agree to {len(plan.steps)}")
        return self.yes

    def lose(self, plan: Plan, addresses: Sequence[str]) -> bool:
        self.asked += [f"lose {address} of {plan.mark}" for address in addresses]
        return self.loses

    @contextmanager
    def working(self, plan: Plan) -> Iterator[threading.Event]:
        self.asked.append(f"work on {len(plan.steps)}")
        yield self.stop


@dataclass(frozen=True, slots=True)
class Project:
    folder: Path

    @property
    def where(self) -> Where:
        return Where(self.folder, "local")

    @property
    def root(self) -> Path:
        return self.folder / ".deployer" / "local" / "root"

    def write(self, text: str, environment: str = "local") -> None:
        file = self.folder / "environments" / f"{environment}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")

    def replace(self, old: str, new: str) -> None:
        text = (self.folder / "environments" / "local.yaml").read_text("utf-8")
        assert old in text
        self.write(text.replace(old, new))

    def everything(self) -> str:
        """All bytes below the project as text, to search a canary in."""
        return "\n".join(path.read_text("utf-8", "replace") for path in self.folder.rglob("*") if path.is_file())
