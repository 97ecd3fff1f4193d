"""A raw tree into values: references looked up in their scope, `$when`, `$template` and `$file` done, secrets kept in their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from deployer.core.errors import Problem
from deployer.core.values import Path as TreePath
from deployer.core.values import Template, Value, show_path
from deployer.modules.definition import Locate
from deployer.modules.references import Key, Reference, Refused, as_text, descend, join, parse, plain_text
from deployer.modules.template import Texts

_FORMS = {"$when": ("$when", "$value"), "$template": ("$template", "values"), "$file": ("$file",)}
DROPPED = object()  # in place of an item that its `$when` leaves out
_LARGEST_FILE = 16_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference means. A secret one may stand only in sensitive fields."""

    value: Value
    secret: bool = False


Lookup: TypeAlias = Callable[[Reference], Found]
Guard: TypeAlias = Callable[[TreePath], bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in one place. Lookups by first name, "env:" and "secret:" by scheme, and "" for components."""

    lookups: Mapping[str, Lookup]
    context: Callable[[], Mapping[str, Value]]  # what `when` expressions see
    texts: Texts
    folder: Path  # `$file` starts here
    inside: bool = True  # `$file` may not leave the folder

    def find(self, reference: Reference) -> Found:
        name = f"{reference.scheme}:" if reference.scheme else reference.head
        return self.lookups.get(name, self.lookups[""])(reference)

    def with_each(self, key: str, value: Value) -> Scope:
        each = {"key": key, "value": value}
        resource = self.lookups["resource"]
        own: dict[str, Lookup] = {
            "each": lambda reference: Found(descend(each, reference.steps[1:], "each")),
            "resource": lambda reference: resource(_with_keys(reference, each)),
        }
        lookups, context = {**self.lookups, **own}, self.context
        return replace(self, lookups=lookups, context=lambda: {**context(), "each": each})


def _with_keys(reference: Reference, each: Mapping[str, Value]) -> Reference:
    """`resource.folder[each.key].path`: the same key of another resource."""
    named = {"each.key": each["key"], "each.value": each["value"]}
    if not any(isinstance(step, Key) and step.text in named for step in reference.steps):
        return reference
    steps = [Key(as_text(named[step.text])) if isinstance(step, Key) and step.text in named else step for step in reference.steps]
    return Reference(reference.scheme, tuple(steps))


@dataclass(slots=True)
class Evaluator:
    """Walks over trees that share a scope and a file. Mistakes go to `problems`; the value in their place is None.

    `failed` once anything went wrong, also where that was reported before: a reference to an input that was refused, say.
    """

    scope: Scope
    locate: Locate
    problems: list[Problem]
    guard: Guard  # whether a secret may stand at a path
    failed: bool = False
    typed: bool = False  # what comes out meets a declared type, which says how a variable's text is read

    def value(self, raw: Value, path: TreePath) -> Value:
        """The tree's value; None for an item left out at the very top."""
        value = self.value_or_dropped(raw, path)
        return None if value is DROPPED else value

    def items(self, raw: Mapping[str, Value], path: TreePath) -> dict[str, Value]:
        """The map's values without the dropped ones."""
        made = {key: self.value_or_dropped(item, (*path, key)) for key, item in raw.items()}
        for key in raw:
            if "${" in key:
                self.refuse(Refused(f"the key {key!r} cannot hold a reference", allowed="references stand in values"), path)
        return {key: item for key, item in made.items() if item is not DROPPED}

    def condition(self, expression: str | bool, path: TreePath) -> bool | None:  # noqa: FBT001 - YAML's own true and false
        """Whether it holds; None when that was a mistake."""
        if isinstance(expression, bool):
            return expression
        try:
            return self.scope.texts.condition(expression, self.scope.context())
        except Refused as refused:
            self.refuse(refused, path)
            return None

    def refuse(self, refused: Refused, path: TreePath, about: str = "") -> None:
        self.failed = True
        if not refused.what:
            return
        origin, where = self.locate(path), show_path(path)
        what = f"{about}: {refused.what}" if about else refused.what
        if refused.origin:
            what, origin, where = f"{what} (rendered for {where} at {origin})", refused.origin, ""
        self.problems.append(Problem(what, where, origin, None, refused.allowed, refused.suggestion))

    def value_or_dropped(self, raw: Value, path: TreePath) -> Value:
        """The tree's value, or `DROPPED` where its `$when` does not hold."""
        if isinstance(raw, str):
            return self._text(raw, path) if "${" in raw else raw
        if isinstance(raw, dict):
            form = next((name for name in _FORMS if name in raw), None)
            return self._form(form, raw, path) if form else self.items(raw, path)
        if isinstance(raw, list):
            made = [self.value_or_dropped(item, (*path, index)) for index, item in enumerate(raw)]
            return [item for item in made if item is not DROPPED]
        return raw

    def _text(self, raw: str, path: TreePath) -> Value:
        try:
            parts = parse(raw)
        except Refused as refused:
            self.refuse(refused, path)
            return None
        values: list[Value] = []
        for part in parts:
            try:
                values.append(part if isinstance(part, str) else self._part(part, path, alone=len(parts) == 1))
            except Refused as refused:  # and on to the next reference: every mistake is told at once
                self.refuse(refused, path, str(part))
        if len(values) < len(parts):
            return None
        return values[0] if len(values) == 1 else join(values)

    def _part(self, part: Reference, path: TreePath, *, alone: bool) -> Value:
        found = self.scope.find(part)
        if found.secret and not self.guard(path):
            raise Refused("is sensitive and may stand only in fields marked sensitive")
        if alone and self.typed:
            return found.value
        value = plain_text(found.value)
        return value if alone or isinstance(value, Template) else as_text(value)

    def _form(self, form: str, raw: Mapping[str, Value], path: TreePath) -> Value:
        extra = [key for key in raw if key not in _FORMS[form]]
        if extra or (form == "$when" and "$value" not in raw) or not isinstance(raw[form], str | bool):
            shape = "{" + ", ".join(f"{key}: ..." for key in _FORMS[form]) + "}"
            self.refuse(Refused(f"{form} is not used the way it is meant", allowed=f"the form is {shape}"), path)
            return None
        match form:
            case "$when":
                return self._when(raw, path)
            case "$template":
                return self._template(raw, path)
            case _:
                return self._file(str(raw["$file"]), path)

    def _when(self, raw: Mapping[str, Value], path: TreePath) -> Value:
        holds = self.condition(raw["$when"], (*path, "$when"))
        if not holds:
            return DROPPED
        depth, guard = len(path), self.guard
        within = replace(self, guard=lambda inner: guard((*path, *inner[depth + 1 :])))
        value = within.value_or_dropped(raw["$value"], (*path, "$value"))
        self.failed |= within.failed
        return value

    def _template(self, raw: Mapping[str, Value], path: TreePath) -> Value:
        allowed = self.guard(path)
        within = replace(self, guard=lambda _: allowed, failed=False)
        values = within.value(raw.get("values") or {}, (*path, "values"))
        if within.failed:
            self.failed = True
            return None
        try:
            if not isinstance(values, dict):
                raise Refused("the values of a template are a map")  # noqa: TRY301 - one place makes the problem
            return self.scope.texts.render(str(raw["$template"]), values)
        except Refused as refused:
            self.refuse(refused, (*path, "$template"))
            return None

    def _file(self, name: str, path: TreePath) -> Value:
        """A file's text. A file whose name is relative lies in the folder of the file that names it."""
        try:
            file = (self.scope.folder / name).resolve()
            if self.scope.inside and not file.is_relative_to(self.scope.folder.resolve()):
                raise Refused(f"{name} lies outside the module's folder")  # noqa: TRY301 - one place makes the problem
            if file.stat().st_size > _LARGEST_FILE:
                raise Refused(f"{name} is larger than {_LARGEST_FILE // 1_000_000} MB")  # noqa: TRY301
            return file.read_bytes().decode()
        except Refused as refused:
            self.refuse(refused, (*path, "$file"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.refuse(Refused(f"{name} cannot be read: {reason}"), (*path, "$file"))
        return None
