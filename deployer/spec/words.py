"""pydantic's findings in our own words: one table, and the value, the place and what was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from deployer.core.errors import Problem
from deployer.core.values import Value, show_path
from deployer.spec.places import Places

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Allowed: TypeAlias = Callable[[tuple[str | int, ...]], tuple[str, ...]]
_MAX_SHOWN = 60
_KEY = "[key]"  # pydantic's last step when a map's key is at fault
# error type -> what is wrong; what is allowed, with the error's own context filled in
_WORDS: dict[str, tuple[str, str]] = {
    "missing": ("is missing", ""),
    "extra_forbidden": ("unknown key", ""),
    "string_type": ("must be text", ""),
    "string_too_short": ("is empty", "text of at least one character"),
    "string_pattern_mismatch": ("is not well-formed", ""),
    "int_type": ("must be a whole number", "digits without quotes"),
    "int_from_float": ("must be a whole number", "digits without quotes"),
    "float_type": ("must be a number", "digits without quotes"),
    "bool_type": ("must be true or false", "the word without quotes"),
    "dict_type": ("must be a map", "`key: value` lines"),
    "model_type": ("must be a map", "`key: value` lines"),
    "list_type": ("must be a list", "`- item` lines or [item, ...]"),
    "too_short": ("is empty", "at least {min_length}"),
    "literal_error": ("is not allowed here", ""),
    "enum": ("is not allowed here", ""),
    "greater_than_equal": ("is too small", "at least {ge}"),
    "less_than_equal": ("is too large", "at most {le}"),
    "spec": ("{what}", "{allowed}"),
}
_CHOICES = ("literal_error", "enum")
_MISSING = {
    "version": "version: 1",
    "platform": "platform: NAME, 1 to 40 lower-case letters, digits and dashes, a letter first",
    "target": "target: local, kubernetes, aws, gcp or azure",
    "module": "module: NAME, the module that realises the component",
    "kind": "kind: PROVIDER.NOUN, e.g. local.file",
}
_TRUTH = {"yes": "true", "on": "true", "y": "true", "true": "true", "no": "false", "off": "false", "n": "false", "false": "false"}


def translate(errors: Iterable[ErrorDetails], places: Places, keys: Allowed, patterns: Mapping[str, str]) -> list[Problem]:
    """Problems for pydantic's errors. `keys` gives the keys a path's map may have, `patterns` what a pattern allows."""
    return [_problem(error, places, keys, patterns) for error in errors]


def _problem(error: ErrorDetails, places: Places, keys: Allowed, patterns: Mapping[str, str]) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    at_key = bool(error["loc"]) and error["loc"][-1] == _KEY
    path = error["loc"][:-1] if at_key else error["loc"]
    what, allowed = (words.format(**context) for words in _WORDS.get(kind, ("is not valid", "")))
    suggestion = ""
    if kind == "missing":
        allowed = _MISSING.get(str(path[-1]), "")
    elif kind == "extra_forbidden":
        allowed, suggestion = f"one of {', '.join(keys(path[:-1]))}", closest(str(path[-1]), keys(path[:-1]))
    elif kind in _CHOICES:
        choices = _choices(context)
        allowed = f"one of {', '.join(choices)}" if len(choices) > 1 else f"only {choices[0]}"
    elif kind == "string_pattern_mismatch":
        allowed = patterns.get(context.get("pattern", ""), "")
    if not suggestion:
        suggestion = _meant(kind, error["input"], context)
    value = (
        None if kind in ("missing", "extra_forbidden") or at_key else shown(places.written(path), path)
    )  # as written: variables stay closed
    find = places.key_origin if at_key or kind == "extra_forbidden" else places.origin
    return Problem(what, show_path(path), find(path), value, allowed, suggestion)


def closest(word: str, known: Iterable[str]) -> str:
    """The known word most like the one written; "" when none is near."""
    known = list(known)
    found = difflib.get_close_matches(word, known, n=1)
    return found[0] if found else next((other for other in known if word.startswith(other) or (word and other.startswith(word))), "")


def _choices(context: Mapping[str, Any]) -> list[str]:
    """Pydantic's "'a', 'b' or 'c'" as a list."""
    return [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]


def shown(value: Value, path: Sequence[str | int] = ()) -> str | None:
    """A value for people, short; None where it might be a secret."""
    if path and path[0] == "secrets":
        return None
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def _meant(kind: str, value: Value, context: Mapping[str, Any]) -> str:
    if kind == "bool_type" and isinstance(value, str):
        return _TRUTH.get(value.lower(), "")
    if kind == "int_type" and isinstance(value, str) and value.strip().isdecimal():
        return value.strip()
    if kind in _CHOICES and isinstance(value, str):
        return closest(value, _choices(context))
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'"{json.dumps(value)}"'
    return ""
