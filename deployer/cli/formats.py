"""Outputs for other programs: environment variables, JSON, YAML, one raw value."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence

from deployer.core.errors import UsageError
from deployer.core.values import Json
from deployer.workflow.answers import Output


def raw(item: Output) -> str:
    """The value alone, text without quotes."""
    if not item.known:
        raise UsageError(f"{item.component}.{item.name} is not known yet", fix="deployer apply")
    if item.value is None and item.sensitive:
        raise UsageError(f"{item.component}.{item.name} is sensitive", fix="pass --reveal to print it")
    return item.value if isinstance(item.value, str) else json.dumps(item.value, ensure_ascii=False)


def as_env(outputs: Sequence[Output]) -> str:
    """`NAME=value` lines that shells, `export $(...)` and .env readers take."""
    return "\n".join(f"{item.variable}={shlex.quote(raw(item))}" for item in outputs if item.variable and not _why_not(item))


def left_out(outputs: Sequence[Output]) -> list[str]:
    """A word on each variable `as_env` cannot print."""
    return [f"# {item.variable} {why}" for item in outputs if item.variable and (why := _why_not(item))]


def _why_not(item: Output) -> str:
    if not item.known:
        return "is not known yet"
    return "is sensitive; --reveal prints it" if item.value is None and item.sensitive else ""


def as_json(outputs: Sequence[Output]) -> str:
    return json.dumps(tree(outputs), indent=2, ensure_ascii=False)


def as_yaml(outputs: Sequence[Output]) -> str:
    import yaml  # noqa: PLC0415 - only when asked for

    text: str = yaml.safe_dump(tree(outputs), sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def tree(outputs: Sequence[Output]) -> dict[str, dict[str, Json]]:
    """Each component's values by output; null where it is hidden or not known."""
    values: dict[str, dict[str, Json]] = {}
    for item in outputs:
        values.setdefault(item.component, {})[item.name] = item.value
    return values


FORMATS: Mapping[str, Callable[[Sequence[Output]], str]] = {"env": as_env, "json": as_json, "yaml": as_yaml}
