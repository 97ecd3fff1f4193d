"""The values a configuration is made of: JSON, and the few things JSON cannot say.

A want travels as a tree of JSON containers whose leaves may be a `Template` (not resolved yet), `Unknown` (known after
apply) or `Sensitive` (known, never shown). All three are immutable and comparable.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
Path: TypeAlias = tuple[str | int, ...]
# A tree of JSON containers with Template, Unknown or Sensitive leaves; mypy has no cheaper word for it.
Value: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class OutputRef:
    """`output` (a dotted path) of the resource at `address`."""

    address: str
    output: str

    def __str__(self) -> str:
        return f"${{{self.address}.{self.output}}}"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """The secret `name` of the spec; its value comes from a source outside the spec."""

    name: str

    def __str__(self) -> str:
        return f"${{secret:{self.name}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Text with references. A single part alone keeps the type of what it refers to; several parts make a string."""

    parts: tuple[str | OutputRef | SecretRef, ...]

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)

    @property
    def refs(self) -> tuple[OutputRef, ...]:
        return tuple(part for part in self.parts if isinstance(part, OutputRef))

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return tuple(part for part in self.parts if isinstance(part, SecretRef))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value known after apply, because the outputs it comes from are."""

    template: Template


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A value that must not be shown. Two are equal when their keyed digests are; the plain value is for the hands only."""

    digest: str
    value: Json = field(default=None, compare=False, repr=False)
    template: Template | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return "(sensitive)"


Seal: TypeAlias = Callable[[Json], str]


def sealer(key: bytes) -> Seal:
    """A keyed digest over canonical JSON: equal values seal equally under one key, and nothing can be read back."""

    def seal(value: Json) -> str:
        return hmac.new(key, canonical(value), "sha256").hexdigest()[:32]

    return seal


def canonical(value: Json) -> bytes:
    """The one way to write a value: the order of keys makes no difference."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def leaves(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Every leaf with its path; empty containers are leaves."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def replace_leaves(value: Value, change: Callable[[Value], Value]) -> Any:  # noqa: ANN401 - a tree in, a tree out
    """The same tree with `change` applied to every leaf that is not a container."""
    if isinstance(value, Mapping):
        return {key: replace_leaves(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_leaves(item, change) for item in value]
    return change(value)


def plain(value: Value) -> Json:
    """The tree for the hands: `Sensitive` opened. Raises `TypeError` while something is still unknown."""

    def opened(leaf: Value) -> Value:
        if isinstance(leaf, Unknown | Template):
            msg = f"not known yet: {leaf}"
            raise TypeError(msg)
        return leaf.value if isinstance(leaf, Sensitive) else leaf

    opened_tree: Json = replace_leaves(value, opened)
    return opened_tree


def templates(value: Value) -> Iterator[Template]:
    """Every template in the tree."""
    for _, leaf in leaves(value):
        if isinstance(leaf, Template):
            yield leaf


def show_path(path: Sequence[str | int]) -> str:
    """`a.b[0].c`, the way the spec's reader would write it."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else key)
    return text


def matches(pattern: str, path: Sequence[str | int]) -> bool:
    """Whether a rule's dotted pattern (`*` for one step) covers the path or something above it."""
    steps = pattern.split(".")
    return len(steps) <= len(path) and all(step in ("*", str(key)) for step, key in zip(steps, path, strict=False))
