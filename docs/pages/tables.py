"""A JSON Schema's fields as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "a map", "array": "a list"}


def table(model: Schema) -> str:
    """One row for each field, in the order of the model."""
    required = model.get("required", ())
    fields = model["properties"].items()
    rows = [
        (f"`{name}`", _type(field), _default(field) or ("required" if name in required else ""), _text(field)) for name, field in fields
    ]
    return grid(("key", "type", "default", ""), rows)


def grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table between empty lines."""
    cells = [[text.replace("|", "\\|") for text in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in cells]
    return "\n".join(["", lines[0], "|---" * len(cells[0]) + "|", *lines[1:], ""])


def _type(field: Schema) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{item}`" for item in field["enum"])
    if "anyOf" in field:
        choices = dict.fromkeys(_type(item) for item in field["anyOf"] if item.get("type") != "null")
        return "number" if "number" in choices else " or ".join(choices)
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return "`local`, `kubernetes`, `aws`, `gcp`, `azure`" if name == "Target" else "a map"
    kinds = field.get("type", "any")
    return " or ".join(WORDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)) + _range(field)


def _range(field: Schema) -> str:
    low, above, high = (field.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if high is None or (low is None and above is None):
        return ""
    return f", {low} to {high}" if low is not None else f", above {above}, at most {high}"


def _default(field: Schema) -> str:
    value = field.get("default")
    if value in (None, {}, []) or isinstance(value, dict):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _text(field: Schema) -> str:
    return str(field.get("description", ""))
