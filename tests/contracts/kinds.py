"""What every kind must do, told once. A kind joins with one `Case` in `test_kinds.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.protocols import Kind, Provider
from deployer.core.resource import ABSENT, Change, Failed, Live, Mark, Ready, Waiting, Want
from deployer.core.values import Json, Value, leaves, matches, plain
from deployer.providers.registry import Options, kind_rules, open_provider

MARK = Mark("demo", "contract")
ATTRIBUTE = "user.deployer.mark"


def _the_object_itself(live: Live) -> str:
    return live.id


@dataclass(frozen=True, slots=True)
class Case:
    """One kind's turn. `changed` is laid over `config` for an update in place; None when every change means replace.

    `prepare` makes what the object stands on and gives configuration that depends on it; what it yields to is torn down after.
    """

    kind: str
    config: Mapping[str, Json]
    changed: Mapping[str, Json] | None = None
    name: str = ""
    prepare: Callable[[Provider, Path], Iterator[Mapping[str, Json]]] | None = None
    settle: float = 0.0  # seconds it may take to become ready
    marked: Callable[[Live], str] = field(default=_the_object_itself)  # the path that carries the mark

    def __str__(self) -> str:
        return f"{self.kind}{'-' if self.name else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Bench:
    """A kind with its parsed wants, in a root of its own."""

    case: Case
    kind: Kind
    config: Mapping[str, Json]

    @property
    def address(self) -> str:
        return f"test/{self.case.kind}/thing"

    def parsed(self, changed: Mapping[str, Json] | None = None) -> dict[str, Value]:
        return self.kind.parse({**self.config, **(changed or {})})

    def want(self, changed: Mapping[str, Json] | None = None) -> Want:
        config = self.parsed(changed)
        object_id = self.kind.identify(self.address, config)
        assert object_id is not None
        opened = plain(config)
        assert isinstance(opened, dict)
        return Want(self.address, object_id, MARK.at(self.address), opened)

    def read(self) -> Live | None:
        want = self.want()
        return self.kind.read([want.id])[want.id]

    def there(self) -> Live:
        live = self.read()
        assert live is not None, "the object is not there"
        return live

    def changes(self, want: Want, live: Live) -> list[Change]:
        return differences(want.config, live.config, kind_rules(self.case.kind).computed)

    def wait(self, live: Live) -> None:
        deadline = time.monotonic() + self.case.settle
        while isinstance(state := self.kind.ready(live), Waiting) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not isinstance(state, Failed), state
        assert isinstance(state, Ready), state


@contextmanager
def bench(case: Case, folder: Path, mark: Mark = MARK) -> Iterator[Bench]:
    provider = open_provider(case.kind.partition(".")[0], Options(folder / "root", mark, folder / "cache"))
    preparing = case.prepare(provider, folder) if case.prepare else iter([dict[str, Json]()])
    made = Bench(case, provider.kinds[case.kind], {**case.config, **next(preparing)})
    try:
        yield made
    finally:
        if live := made.read():
            made.kind.delete(live)
        list(preparing)
        provider.close()


def differences(want: Mapping[str, Value], have: Mapping[str, Value], computed: tuple[str, ...]) -> list[Change]:
    """Every leaf that differs, but for computed paths: what a planner would find."""
    one, other = dict(leaves(want)), dict(leaves(have))
    paths = [path for path in (*one, *(path for path in other if path not in one)) if not any(matches(rule, path) for rule in computed)]
    missing: Value = ABSENT
    pairs = [(path, other.get(path, missing), one.get(path, missing)) for path in paths]
    return [Change(path, before, after) for path, before, after in pairs if before != after or type(before) is not type(after)]


def relabel(path: str, data: bytes | None) -> None:
    """What a person or a backup tool does to a mark: takes it off, or puts another on."""
    if data is None:
        os.removexattr(path, ATTRIBUTE)
    else:
        os.setxattr(path, ATTRIBUTE, data)
