"""The type language of inputs: `port`, `list[string]`, `map[object]`, and what values each type takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deployer.core.values import Value

_PORTS = range(1, 65536)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class TypeName(StrEnum):
    """The words of the language."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    PORT = "port"
    PATH = "path"
    SIZE = "size"
    DURATION = "duration"
    ANY = "any"
    OBJECT = "object"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class InputType:
    """A type. `item` is what a list or map holds."""

    name: TypeName
    item: InputType | None = None

    def __str__(self) -> str:
        return f"{self.name}[{self.item}]" if self.item else str(self.name)

    @property
    def innermost(self) -> InputType:
        return self.item.innermost if self.item else self


def parse_type(text: str) -> InputType:
    """The type written as `text`; raises `ValueError` saying what is allowed."""
    if container := re.fullmatch(r"(list|map)\[(.*)\]", text):
        return InputType(TypeName(container[1]), parse_type(container[2]))
    simple = [str(name) for name in TypeName if name not in (TypeName.LIST, TypeName.MAP)]
    if text not in simple:
        msg = f"{text!r} is not a type; one of: {', '.join(simple)}, list[T], map[T]"
        raise ValueError(msg)
    return InputType(TypeName(text))


def _string(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _number(value: Value) -> int | float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError
    return value


def _boolean(value: Value) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _port(value: Value) -> int | str:
    if value != "auto" and _integer(value) not in _PORTS:
        raise TypeError
    return str(value) if value == "auto" else _integer(value)


def _path(value: Value) -> str:
    if not _string(value) or "\0" in value:
        raise TypeError
    return _string(value)


def _size(value: Value) -> int:
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if not found:
            raise TypeError
        power = " KMGT".index(found[2] or " ")
        unit = 1024 if found[3] else 1000
        return math.floor(float(found[1]) * float(unit**power))
    size = _integer(value)
    if size < 0:
        raise TypeError
    return size


def _duration(value: Value) -> int | float:
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            raise TypeError
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
        return int(seconds) if seconds == int(seconds) else seconds
    if _number(value) < 0:
        raise TypeError
    return _number(value)


def _any(value: Value) -> Value:
    return value


def _object(value: Value) -> Mapping[str, Value]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word's rule. `take` gives the value as modules see it (sizes in bytes, durations in seconds) or raises `TypeError`."""

    take: Callable[[Value], Value]
    article: str  # "a port"
    allowed: str = ""


TYPES: Mapping[TypeName, Scalar] = {
    TypeName.STRING: Scalar(_string, "text", "quote it if it looks like a number or a boolean"),
    TypeName.INTEGER: Scalar(_integer, "an integer"),
    TypeName.NUMBER: Scalar(_number, "a number"),
    TypeName.BOOLEAN: Scalar(_boolean, "a boolean", "true or false"),
    TypeName.PORT: Scalar(_port, "a port", "a number from 1 to 65535, or auto"),
    TypeName.PATH: Scalar(_path, "a path", "text that is not empty"),
    TypeName.SIZE: Scalar(_size, "a size", "a number of bytes, or a number with K, M, G, T (1000) or Ki, Mi, Gi, Ti (1024)"),
    TypeName.DURATION: Scalar(_duration, "a duration", "a number of seconds, or numbers with ms, s, m, h, d"),
    TypeName.ANY: Scalar(_any, "any value"),
    TypeName.OBJECT: Scalar(_object, "a map"),
    TypeName.MAP: Scalar(_object, "a map"),
}


def from_environment(text: str, name: TypeName) -> Value:
    """An environment variable's text read as the declared type; unreadable text is given back for the type's own complaint."""
    if name in (TypeName.INTEGER, TypeName.PORT) and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if name is TypeName.NUMBER and re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return float(text)
    if name is TypeName.BOOLEAN and text in ("true", "false"):
        return text == "true"
    return text
