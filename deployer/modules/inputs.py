"""Values against the declared inputs: every mistake at once, defaults filled, sizes and durations made plain numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.core.errors import Problem
from deployer.core.values import Path, Template, Value, show_path
from deployer.modules.definition import Input, Locate
from deployer.modules.references import EnvironmentText, meant, one_of
from deployer.modules.types import TYPES, InputType, Scalar, TypeName, from_environment

_SHOWN = 60
_TEXTUAL = (TypeName.STRING, TypeName.PATH, TypeName.ANY)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake in a value, without its origin."""

    path: Path
    what: str
    value: str | None = None
    allowed: str = ""
    suggestion: str = ""

    def problem(self, prefix: Path, locate: Locate) -> Problem:
        path = (*prefix, *self.path)
        return Problem(self.what, show_path(path), locate(path), self.value, self.allowed, self.suggestion)


def conform(value: Value, declared: Input) -> tuple[Value, list[Complaint]]:
    """The value as modules see it, and every complaint about it. A reference not known yet passes as any type."""
    check = _Check(secret=declared.sensitive)
    taken = check.declared(value, declared, ())
    return taken, check.complaints


def names_of(given: Mapping[str, Value], declared: Mapping[str, Input], word: str = "input") -> list[Complaint]:
    """Complaints about given names that do not exist and required ones that are missing."""
    unknown = [
        Complaint((name,), f"there is no {word} {name}", None, one_of(declared), meant(name, declared))
        for name in given
        if name not in declared
    ]
    missing = [
        Complaint(
            (), f"the {word} {name} is required and not given", None, f"it is {_phrase(item)}" + (f": {item.doc}" if item.doc else "")
        )
        for name, item in declared.items()
        if item.required and given.get(name) is None
    ]
    return unknown + missing


def show(value: Value) -> str:
    """A value short enough for a message."""
    text = str(value) if isinstance(value, Template) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _phrase(declared: Input) -> str:
    kind = declared.type
    return f"a {kind}" if kind.item else TYPES[kind.name].article


@dataclass(slots=True)
class _Check:
    """One walk over a value along its declaration."""

    secret: bool
    complaints: list[Complaint] = field(default_factory=list)

    def complain(self, path: Path, what: str, value: Value, allowed: str = "", suggestion: str = "") -> None:
        hidden = self.secret or isinstance(value, EnvironmentText)
        self.complaints.append(Complaint(path, what, None if hidden else show(value), allowed, suggestion))

    def declared(self, value: Value, declared: Input, path: Path) -> Value:
        if value is None:
            if declared.required:
                self.complain(path, f"must be {_phrase(declared)}", value, TYPES[declared.type.innermost.name].allowed)
            if declared.default is None:
                return None
            value = declared.default
        return self.typed(value, declared, declared.type, path)

    def typed(self, value: Value, declared: Input, kind: InputType, path: Path) -> Value:
        if isinstance(value, Template):
            return self.template(value, kind, path)
        if kind.name is TypeName.LIST and kind.item:
            item = kind.item
            if not isinstance(value, list | tuple):
                return self.complain(path, "must be a list", value)
            return [self.typed(each, declared, item, (*path, index)) for index, each in enumerate(value)]
        if kind.name is TypeName.MAP and kind.item:
            item = kind.item
            if not isinstance(value, Mapping):
                return self.complain(path, "must be a map", value)
            return {str(key): self.typed(each, declared, item, (*path, str(key))) for key, each in value.items()}
        return self.scalar(value, declared, kind, path)

    def template(self, value: Template, kind: InputType, path: Path) -> Value:
        if len(value.parts) > 1 and kind.name not in _TEXTUAL:
            word = f"a {kind}" if kind.item else TYPES[kind.name].article
            self.complain(path, f"must be {word}, and several parts in one string make text", value)
        return value

    def scalar(self, value: Value, declared: Input, kind: InputType, path: Path) -> Value:
        rule: Scalar = TYPES[kind.name]
        try:
            taken = rule.take(from_environment(str(value), kind.name) if isinstance(value, EnvironmentText) else value)
        except TypeError:
            return self.complain(path, f"must be {rule.article}", value, rule.allowed)
        self.bounds(value, taken, declared, path)
        return self.fields(taken, declared.fields, path) if declared.fields and isinstance(taken, Mapping) else taken

    def bounds(self, value: Value, taken: Value, declared: Input, path: Path) -> None:
        if declared.values and taken not in declared.values:
            known = [str(item) for item in declared.values]
            self.complain(path, "is not one of the values allowed", value, one_of(known), meant(str(value), known))
        if declared.pattern is not None and isinstance(taken, str) and not re.search(declared.pattern, taken):
            self.complain(path, "does not have the form it must have", value, f"the form is {declared.pattern}")
        if isinstance(taken, int | float) and not isinstance(taken, bool):
            if declared.minimum is not None and taken < declared.minimum:
                self.complain(path, "is too small", value, f"at least {declared.minimum}")
            if declared.maximum is not None and taken > declared.maximum:
                self.complain(path, "is too large", value, f"at most {declared.maximum}")

    def fields(self, value: Mapping[str, Value], fields: Mapping[str, Input], path: Path) -> dict[str, Value]:
        for complaint in names_of(value, fields, "field"):
            self.complaints.append(Complaint((*path, *complaint.path), complaint.what, None, complaint.allowed, complaint.suggestion))
        known = {name: item for name, item in fields.items() if not (item.required and value.get(name) is None)}
        return {name: self.field(value.get(name), item, (*path, name)) for name, item in known.items()}

    def field(self, value: Value, declared: Input, path: Path) -> Value:
        before, self.secret = self.secret, self.secret or declared.sensitive
        taken = self.declared(value, declared, path)
        self.secret = before
        return taken
