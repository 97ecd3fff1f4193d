"""A kind's configuration checked against its model, with leaves that are not known yet or must not be shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from deployer.core.errors import ConfigError, Problem
from deployer.core.values import Path, Sensitive, Template, Unknown, Value, matches, replace_leaves, show_path

SHOWN = 60  # characters of a wrong value in a message

# pydantic's error type -> what the value must be, in our words. `{x}` comes from the error's context.
WORDS: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "none_required": "null",
    "literal_error": "{expected}",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_pattern_mismatch": "text like {pattern}",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
}


class Hole:
    """Stands for a leaf that is not known yet while the rest is validated."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Unknown | Template) -> None:
        self.leaf = leaf


class Config(BaseModel):
    """What kinds derive their configuration from. Check fields with `Annotated[..., AfterValidator(f)]`, never with
    `field_validator` (it would run outside the wrapper below and meet a `Hole`); raise through `refuse`.
    """  # noqa: D205 - one thought

    model_config = ConfigDict(strict=True, extra="forbid", validate_default=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _let_holes_through(cls, value: Value, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Value:
        if info.context is None:
            return handler(value)
        if isinstance(value, Hole):
            return value
        try:
            return handler(value)
        except ValidationError as error:
            if any(_counts(value, details) for details in error.errors(include_url=False)):
                raise
            return value


def refuse(what: str, allowed: str = "") -> NoReturn:
    """For validators: raises what becomes a `Problem` with these words."""
    raise PydanticCustomError("refused", "{what}", {"what": what, "allowed": allowed})


def parse(model: type[Config], config: Mapping[str, Value], sensitive: Sequence[str] = ()) -> dict[str, Value]:
    """The configuration checked and with defaults; `Unknown`, `Template` and `Sensitive` leaves stay as they are.

    `sensitive` are patterns of fields whose values no message may show. Raises `ConfigError` with every mistake.
    """
    sealed: dict[Path, Sensitive] = {}
    holes: list[Hole] = []
    tree = _opened(config, (), sealed, holes)
    try:
        parsed = model.model_validate(tree, context={"holes": True} if holes else None)
    except ValidationError as error:
        raise ConfigError(_problems(error, tree, model, (*(".".join(map(str, path)) for path in sealed), *sensitive))) from None
    result: dict[str, Value] = parsed.model_dump(by_alias=True, warnings=False)
    if holes:
        result = replace_leaves(result, lambda leaf: leaf.leaf if isinstance(leaf, Hole) else leaf)
    for path, leaf in sealed.items():
        _put(result, path, leaf)
    return result


def _opened(value: Value, path: Path, sealed: dict[Path, Sensitive], holes: list[Hole]) -> Value:
    """The tree for pydantic: plain dicts and lists; what was sealed goes to `sealed`, what is unknown becomes a hole."""
    match value:
        case str() | int() | None:
            return value
        case Mapping():
            return {key: _opened(item, (*path, key), sealed, holes) for key, item in value.items()}
        case list() | tuple():
            return [_opened(item, (*path, index), sealed, holes) for index, item in enumerate(value)]
        case Sensitive():
            sealed[path] = value
            return value.value
        case Unknown() | Template():
            holes.append(Hole(value))
            return holes[-1]
        case _:
            return value


def _put(tree: Value, path: Path, leaf: Sensitive) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = leaf


def _path(tree: Value, loc: Sequence[str | int]) -> Path:
    """The location pydantic gives, without the names it adds for the arms of a union."""
    path: list[str | int] = []
    for key in loc:
        if (isinstance(tree, Mapping) and key in tree) or (isinstance(tree, list) and isinstance(key, int) and key < len(tree)):
            tree = tree[key]  # type: ignore[index]
            path.append(key)
    return tuple(path)


def _at(tree: Value, loc: Sequence[str | int]) -> Value:
    for key in _path(tree, loc):
        tree = tree[key]
    return tree


def _counts(tree: Value, details: ErrorDetails) -> bool:
    """Whether the error is about something written, not about a value that is only unknown yet."""
    return details["type"] == "extra_forbidden" or not isinstance(_at(tree, details["loc"]), Hole)


def _problems(error: ValidationError, tree: Value, model: type[BaseModel], hidden: Sequence[str]) -> list[Problem]:
    by_path: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        path = _path(tree, details["loc"])
        if details["type"] == "missing":
            path = (*path, details["loc"][-1])
        if _counts(tree, details):
            by_path.setdefault(path, []).append(details)
    return [_problem(path, found, model, _shown(path, _at(tree, path), hidden)) for path, found in by_path.items()]


def _shown(path: Path, value: Value, hidden: Sequence[str]) -> str | None:
    """The value for the message; None when it is long, structured or a secret."""
    if isinstance(value, Mapping | list | Hole) or any(matches(pattern, path) for pattern in hidden):
        return None
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _problem(path: Path, found: Sequence[ErrorDetails], model: type[BaseModel], shown: str | None) -> Problem:
    where, context = show_path(path), found[0].get("ctx", {})
    match found[0]["type"]:
        case "extra_forbidden":
            known = _fields(model, path[:-1])
            close = get_close_matches(str(path[-1]), known, n=1)
            return Problem("unknown key", where, allowed=f"allowed are {', '.join(known)}", suggestion=close[0] if close else "")
        case "missing":
            return Problem("is missing", where)
        case "refused":
            return Problem(str(context["what"]), where, value=shown, allowed=str(context["allowed"]))
        case _:
            must = list(dict.fromkeys(_words(details) for details in found))
            quote = "write it in quotes" if "text" in must and _unquoted(found[0]["input"]) else ""
            return Problem(f"must be {' or '.join(must)}", where, value=shown, allowed=quote)


def _words(details: ErrorDetails) -> str:
    words = WORDS.get(details["type"])
    return words.format(**details.get("ctx", {})) if words else f"valid ({details['type'].replace('_', ' ')})"


def _unquoted(value: Value) -> bool:
    return isinstance(value, int | float)


def _fields(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys allowed in the map at `path`."""
    for key in path:
        field = next((field for name, field in model.model_fields.items() if key in (name, field.alias)), None)
        inner = _model(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type expression is any object
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)
