"""The grammar of `${...}`: text into parts, and parts back into values.

reference = "${" ( "env:" NAME | "secret:" NAME | step { "." step | "[" key "]" } ) "}"      "$${" is a literal "${"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from deployer.core.errors import Origin
from deployer.core.values import OutputRef, SecretRef, Template, Value, leaves

_OPENING = re.compile(r"\$?\$\{")
_NAMED = re.compile(r"(env|secret):([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_STEP = r"[A-Za-z0-9_][A-Za-z0-9_-]*"
_DOTTED = re.compile(rf"{_STEP}(?:\.{_STEP}|\[[^\[\]{{}}]+\])*")
_STEPS = re.compile(rf"({_STEP})|\[([^\[\]{{}}]+)\]")
_FORMS = "write ${component.output}, ${input.x}, ${resource.name.output}, ${env:NAME} or ${secret:NAME}; $${ for a literal ${"


class Refused(Exception):  # noqa: N818 - caught where the place is known, and becomes a Problem there
    """What is wrong with a reference or a value, mostly without the place. An empty `what` was reported elsewhere already."""

    def __init__(self, what: str = "", *, allowed: str = "", suggestion: str = "", origin: Origin | None = None) -> None:
        self.what, self.allowed, self.suggestion, self.origin = what, allowed, suggestion, origin
        super().__init__(what)


class EnvironmentText(str):
    """What a lone `${env:NAME}` gave: read as the type the input declares, because variables are always text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A step written in brackets."""

    text: str

    def __str__(self) -> str:
        return self.text


Step: TypeAlias = str | Key


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${...}`. `scheme` is "env", "secret" or empty; `steps` are its names, at least one."""

    scheme: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        if self.scheme:
            return f"${{{self.scheme}:{self.steps[0]}}}"
        text = "".join(f"[{step.text}]" if isinstance(step, Key) else f".{step}" for step in self.steps)
        return f"${{{text[1:]}}}"

    @property
    def head(self) -> str:
        return str(self.steps[0])


Part: TypeAlias = str | Reference


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Part, ...]:
    """The text's literal and reference parts; raises `Refused` for a malformed reference."""
    parts: list[Part] = []
    literal, position = "", 0
    while opening := _OPENING.search(text, position):
        literal += text[position : opening.start()]
        if opening.group() == "$${":
            literal, position = literal + "${", opening.end()
            continue
        end = text.find("}", opening.end())
        if end < 0:
            raise Refused("a reference is opened with ${ and never closed", allowed=_FORMS)
        parts += [literal, _reference(text[opening.end() : end])] if literal else [_reference(text[opening.end() : end])]
        literal, position = "", end + 1
    literal += text[position:]
    return (*parts, literal) if literal or not parts else tuple(parts)


def _reference(body: str) -> Reference:
    if named := _NAMED.fullmatch(body):
        return Reference(named[1], (named[2],))
    if not _DOTTED.fullmatch(body):
        raise Refused(f"${{{body}}} is not a reference", allowed=_FORMS)
    return Reference("", tuple(name or Key(key) for name, key in _STEPS.findall(body)))


def references(tree: Value) -> Iterator[Reference]:
    """Every well-formed reference in a raw tree; malformed ones are reported where the tree is evaluated."""
    for _, leaf in leaves(tree):
        if isinstance(leaf, str) and "${" in leaf:
            try:
                parts = parse(leaf)
            except Refused:
                continue
            yield from (part for part in parts if isinstance(part, Reference))


def plain_text(tree: Value) -> Value:
    """A leaf with its `EnvironmentText` made ordinary text again."""
    return str.__str__(tree) if isinstance(tree, EnvironmentText) else tree


def join(values: Sequence[Value]) -> Value:
    """Several values as one text; text with references in it stays a `Template` of several parts, so that it makes a string."""
    pieces: list[str | OutputRef | SecretRef] = []
    for value in values:
        for piece in value.parts if isinstance(value, Template) else (as_text(value),):
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            else:
                pieces.append(piece)
    if len(pieces) == 1:
        return pieces[0] if isinstance(pieces[0], str) else Template(("", pieces[0]))
    return Template(tuple(pieces))


def as_text(value: Value) -> str:
    """A scalar the way YAML would write it; raises `Refused` for what has no place inside text."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case None:
            raise Refused("a part of the text is not set (null)")
        case _:
            raise Refused(f"a {'map' if isinstance(value, Mapping) else 'list'} cannot stand inside text")


def descend(value: Value, steps: Sequence[Step], name: str) -> Value:
    """The value below `steps`; steps into something not known yet become part of its output path."""
    for index, step in enumerate(steps):
        if isinstance(value, Template):
            return _deeper(value, steps[index:], name)
        value = _below(value, str(step), name)
        name = f"{name}.{step}"
    return value


def _below(value: Value, step: str, name: str) -> Value:
    if isinstance(value, Mapping):
        if step not in value:
            raise Refused(f"{name} has no {step}", allowed=one_of(value), suggestion=meant(step, value))
        return value[step]
    if isinstance(value, list | tuple):
        if not step.isdecimal() or int(step) >= len(value):
            raise Refused(f"{name} is a list of {len(value)} and has no item {step}")
        return value[int(step)]
    raise Refused(f"{name} is {'not set (null)' if value is None else 'a plain value'} and has no {step}")


def _deeper(template: Template, steps: Sequence[Step], name: str) -> Template:
    if len(template.parts) != 1 or not isinstance(template.parts[0], OutputRef):
        raise Refused(f"{name} is text and has no {steps[0]}")
    ref = template.parts[0]
    return Template((OutputRef(ref.address, ".".join((ref.output, *output_steps(steps)))),))


def output_steps(steps: Sequence[Step]) -> tuple[str, ...]:
    """Steps as pieces of an output's dotted path."""
    if dotted := next((step for step in map(str, steps) if "." in step), None):
        raise Refused(f"the key {dotted!r} holds a dot, which separates the steps of an output")
    return tuple(map(str, steps))


def one_of(names: Mapping[str, object] | Sequence[str], limit: int = 12) -> str:
    """`one of: a, b, c`, cut where it would stop helping."""
    known = sorted(names)
    shown = ", ".join(known[:limit]) + (f" and {len(known) - limit} more" if len(known) > limit else "")
    return f"one of: {shown}" if known else "there is none"


def meant(word: str, names: Mapping[str, object] | Sequence[str]) -> str:
    """The nearest known name, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    return next(iter(get_close_matches(word, list(names), 1, 0.6)), "")
