"""Jinja2 under control: text from templates/, `when` expressions, and references that pass through both unharmed.

A reference that is not known yet enters a template as a `Placeholder`. Printing it leaves a token, which is split out of
the finished text again; everything else (a filter, a comparison, a loop) raises. Tokens begin and end with Unicode
noncharacters, which values and templates may not hold, so that a token can neither be forged nor changed unnoticed.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from deployer.core.errors import Origin
from deployer.core.values import Template, Value, replace_leaves
from deployer.modules.references import Refused, join

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_BEGIN, _END = "\ufdd0", "\ufdd1"
_TOKEN = re.compile(f"{_BEGIN}aB([0-9]+){_END}")
# What a token looks like after a filter got hold of it: bare, percent-encoded, or escaped by JSON.
_HARMED = (_BEGIN, _END, "%EF%B7%90", "%EF%B7%91", "\\ufdd0", "\\ufdd1")


class PlaceholderError(Exception):
    """A template or expression asked for more than printing a value that is not known yet."""


class Placeholder:
    """Stands for a value known after apply. It may be printed and handed on; anything else raises `PlaceholderError`."""

    __slots__ = ("_template", "_token")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, template: Template, number: int) -> None:
        self._template, self._token = template, f"{_BEGIN}aB{number}{_END}"

    def refuse(self, *_: object) -> NoReturn:
        msg = f"{self._template} is known only after apply; it can be printed as it is, and nothing else (no filter, comparison or ~)"
        raise PlaceholderError(msg)

    __str__ = __repr__ = __format__ = __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = __int__ = __float__ = refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = refuse
    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __call__ = __html__ = refuse


def finalize(value: object) -> object:
    """What Jinja2 prints instead of `value`."""
    return value._token if isinstance(value, Placeholder) else value  # noqa: SLF001 - the sandbox refuses public access on purpose


def placeholders(tree: Value, made: list[Template]) -> Any:  # noqa: ANN401 - a tree in, a tree out
    """The tree for Jinja2: references not known yet become placeholders numbered by their place in `made`."""

    def change(leaf: Value) -> Value:
        if isinstance(leaf, Template):
            made.append(leaf)
            return Placeholder(leaf, len(made) - 1)
        if isinstance(leaf, str) and (_BEGIN in leaf or _END in leaf):
            raise Refused("a value holds a Unicode noncharacter (U+FDD0 or U+FDD1), which no text has a use for")
        return leaf

    return replace_leaves(tree, change)


def split(text: str, made: Sequence[Template]) -> Value:
    """The finished text with its references in place again."""
    pieces: list[Value] = list(_TOKEN.split(text))
    if any(harmed in literal for literal in pieces[::2] for harmed in _HARMED):
        raise PlaceholderError("a filter changed text that holds a reference known only after apply; apply it to the known parts only")
    pieces[1::2] = [made[int(number)] for number in pieces[1::2]]
    return join([piece for piece in pieces if piece != ""]) if len(pieces) > 1 else text


class Texts:
    """Templates from `folders`, the first one that has the name, and expressions. One per module; Jinja2 loads on first use."""

    def __init__(self, folders: Sequence[Path], shown: Callable[[Path], str] = str) -> None:
        """`shown` names files in messages."""
        self._folders, self._shown = tuple(folders), shown
        self._conditions: dict[str, Callable[..., object]] = {}

    @cached_property
    def _environment(self) -> SandboxedEnvironment:
        from deployer.modules.sandbox import sandbox  # noqa: PLC0415 - Jinja2 only where text or an expression needs it

        return sandbox(self._folders)

    def condition(self, expression: str, context: Mapping[str, Value]) -> bool:
        """Whether the expression holds. Raises `Refused` naming it."""
        try:
            if expression not in self._conditions:
                self._conditions[expression] = self._environment.compile_expression(expression, undefined_to_none=False)
            return bool(self._conditions[expression](**placeholders(context, [])))
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - an expression can raise anything; all of it is the expression's mistake
            raise Refused(f"the expression {expression!r} fails: {_reason(error)}") from None

    def render(self, name: str, values: Mapping[str, Value]) -> Value:
        """The template's text, or a `Template` where values are not known yet. Raises `Refused` with the template's file and line."""
        made: list[Template] = []
        try:
            return split(self._environment.get_template(name).render(placeholders(values, made)), made)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - a template can raise anything; all of it is the template's mistake
            raise self._refused(name, error) from None

    def _refused(self, name: str, error: Exception) -> Refused:
        from jinja2 import TemplateNotFound, TemplateSyntaxError  # noqa: PLC0415 - loaded already: Jinja2 raised

        if isinstance(error, TemplateNotFound) and error.name == name:
            return Refused(f"there is no template {name}", allowed=f"looked in {', '.join(map(self._shown, self._folders)) or 'no folder'}")
        if isinstance(error, TemplateSyntaxError):
            return Refused(_reason(error), origin=self._origin(error.filename or name, error.lineno))
        ours = tuple(f"{folder}/" for folder in self._folders)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(ours)]
        file = next((str(folder / name) for folder in self._folders if (folder / name).is_file()), name)
        origin = self._origin(frames[-1].filename, frames[-1].lineno) if frames else self._origin(file, None)
        return Refused(_reason(error), origin=origin)

    def _origin(self, file: str, line: int | None) -> Origin:
        return Origin(self._shown(Path(file)), line or 0, 1)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError | RecursionError):
        return "it does not end or needs too much memory"
    return str(error).split("\n", 1)[0] or type(error).__name__
