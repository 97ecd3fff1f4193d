"""YAML text to plain nodes that know their place. Bounded in nodes, depth and aliases; every mistake is a `Problem`."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml._yaml import CParser

from deployer.core.errors import Origin, Problem
from deployer.core.values import show_path
from deployer.spec.places import pack, unpack
from deployer.spec.scalars import Refused, Scalar, resolve
from deployer.spec.syntax import encoding_problem, syntax_problem

MAX_DEPTH = 100
MAX_NODES = 2_000_000
MAX_ALIAS_WEIGHT = 100_000  # nodes that aliases may add; 100 characters of text weigh as much as a node
MAX_PROBLEMS = 100
_CHARACTERS_PER_WEIGHT = 100
Event: TypeAlias = Any  # libyaml's events carry no types
_QUOTE_IT = "write the value plainly, and quote it to make it text"


@dataclass(slots=True)
class Node:
    """A value with its place and its key's, both packed (see `places.pack`); `key_at` is 0 for list items and the root."""

    value: Scalar | dict[str, Node] | list[Node]
    at: int
    key_at: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One file read: its root, or None when there is nothing to use; `whole` unless reading stopped in the middle."""

    root: Node | None
    problems: tuple[Problem, ...] = ()
    whole: bool = True


def parse(text: bytes, shown: str, file: int = 0) -> Source:
    """Reads one YAML document of UTF-8 text. `shown` is the file's name in messages, `file` its number in positions."""
    refusal = encoding_problem(text, shown)
    if refusal:
        return Source(None, (refusal,), whole=False)
    text = text.removeprefix(codecs.BOM_UTF8)
    reader = _Reader(shown, file)
    try:
        reader.read(text)
    except yaml.YAMLError as error:
        reader.problems.append(syntax_problem(error, text, shown))
        reader.whole = False
    except _StopError:
        reader.whole = False
    return Source(reader.root, tuple(reader.problems), reader.whole)


class _StopError(Exception):
    """Reading on would cost too much or tell nothing."""


@dataclass(slots=True)
class _Open:
    """A map or list not closed yet."""

    node: Node
    anchor: str | None = None
    key: str | None = None
    key_at: int = 0
    weight: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchor:
    node: Node
    weight: int
    height: int


@dataclass(slots=True)
class _Reader:
    """Builds nodes from the parser's events, with its own stack: depth costs memory, never the interpreter's stack."""

    shown: str
    file: int
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    whole: bool = True
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchor | None] = field(default_factory=dict)  # None: still open
    words: dict[str, str] = field(default_factory=dict)  # one copy of every key
    nodes: int = 0
    documents: int = 0
    aliased: int = 0

    def read(self, text: bytes) -> None:
        handlers: dict[type, Callable[[Event], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        parser = CParser(text)
        next_event = parser.get_event
        while (event := next_event()) is not None:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._problem(event, "a second document begins", "one document per file")
            raise _StopError

    def _scalar(self, event: Event) -> None:
        if event.tag is not None and event.tag != "!":
            self._problem(event, f"the tag {event.tag!r} is not used here", _QUOTE_IT)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.key is None and isinstance(top.node.value, dict):
            self._key(top, event)
            return
        value = self._value(event)
        node = Node(value, self._at(event))
        weight = 1 + len(event.value) // _CHARACTERS_PER_WEIGHT
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(node, weight, 1)
        self._place(event, node, weight, 1)

    def _value(self, event: Event) -> Scalar:
        text: str = event.value
        if "\0" in text:
            self._problem(event, "text with a NUL character", "text without it")
        if not event.implicit[0]:
            return text
        value = resolve(text)
        if isinstance(value, Refused):
            self._problem(event, value.what, value.allowed, value.suggestion)
            return text
        return value

    def _key(self, top: _Open, event: Event) -> None:
        text: str = event.value
        plain = resolve(text) if event.implicit[0] else text
        if text == "<<" and event.implicit[0]:
            self._problem(event, "merge keys are not used here", "`extends` for files, an alias for one value")
        elif not isinstance(plain, str):
            self._problem(event, f"the key {text!r} is not text", "text keys", f'"{text}"')
        elif not text.isprintable():
            # Keys become paths in messages; nothing there may move a terminal's cursor.
            text = text.encode("unicode_escape").decode()
            self._problem(event, f"a key with an unprintable character: {text}", "printable text")
        top.key = self.words.setdefault(text, text)
        top.key_at = self._at(event)

    def _start(self, event: Event) -> None:
        if event.tag is not None and event.tag != "!":
            self._problem(event, f"the tag {event.tag!r} is not used here", _QUOTE_IT)
        if len(self.stack) >= MAX_DEPTH:
            self._add(Problem("nested too deeply", "", self._origin(self._at(event)), None, f"at most {MAX_DEPTH} levels"))
            raise _StopError
        if self.stack and self.stack[-1].key is None and isinstance(self.stack[-1].node.value, dict):
            self._problem(event, "a map or list stands as a key", "text keys")
            raise _StopError
        container: dict[str, Node] | list[Node] = {} if type(event) is yaml.MappingStartEvent else []
        node = Node(container, self._at(event))
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if self.root is None:
            self.root = node
        self.stack.append(_Open(node, event.anchor))

    def _end(self, event: Event) -> None:
        done = self.stack.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = _Anchor(done.node, done.weight, done.height)
        self._place(event, done.node, done.weight, done.height)

    def _alias(self, event: Event) -> None:
        if event.anchor not in self.anchors:
            self._problem(event, f"the alias *{event.anchor} names no anchor", "an anchor written before it")
            raise _StopError
        anchor = self.anchors[event.anchor]
        if anchor is None:
            self._problem(event, f"the alias *{event.anchor} stands inside its own anchor", "an alias after its anchor has ended")
            raise _StopError
        if self.stack[-1].key is None and isinstance(self.stack[-1].node.value, dict):
            self._problem(event, "an alias stands as a key", "text keys")
            raise _StopError
        self.aliased += anchor.weight
        if self.aliased > MAX_ALIAS_WEIGHT or len(self.stack) + anchor.height > MAX_DEPTH:
            self._problem(event, f"the alias *{event.anchor} makes the file explode", "aliases that add little to the file")
            raise _StopError
        self._place(event, Node(anchor.node.value, self._at(event)), anchor.weight, anchor.height)

    def _place(self, event: Event, node: Node, weight: int, height: int) -> None:
        """Puts a finished node into the container that is open, or makes it the root."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._problem(event, "too many values in one file", f"at most {MAX_NODES:,}; split the platform")
            raise _StopError
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.weight += weight
        top.height = max(top.height, height + 1)
        container = top.node.value
        if isinstance(container, list):
            container.append(node)
        elif isinstance(container, dict) and top.key is not None:
            self._enter(container, top, node)

    def _enter(self, container: dict[str, Node], top: _Open, node: Node) -> None:
        key = top.key or ""
        node.key_at, top.key = top.key_at, None
        first = container.setdefault(key, node)
        if first is not node:
            origin, earlier = self._origin(node.key_at), self._origin(first.key_at)
            self._add(Problem("this key is written twice", self._path(key), origin, None, f"one of them (the first is at {earlier})"))

    def _at(self, event: Event) -> int:
        mark = event.start_mark
        return pack(self.file, mark.line + 1, mark.column + 1)

    def _origin(self, packed: int) -> Origin:
        return Origin(self.shown, *unpack(packed))

    def _path(self, *last: str) -> str:
        steps = [step for step in map(_step, self.stack) if step is not None]
        return show_path([*steps, *last])

    def _problem(self, event: Event, what: str, allowed: str = "", suggestion: str = "") -> None:
        self._add(Problem(what, self._path(), self._origin(self._at(event)), None, allowed, suggestion))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopError


def _step(container: _Open) -> str | int | None:
    """Where reading stands in an open container: the index of the next item, or the key whose value is due."""
    return len(container.node.value) if isinstance(container.node.value, list) else container.key
