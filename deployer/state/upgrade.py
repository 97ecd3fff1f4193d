"""Older state documents brought to today's format, one step after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from deployer.core.errors import StateError

FORMAT = 1

Document: TypeAlias = dict[str, Any]
Step: TypeAlias = Callable[[Document], Document]

# From the format named to the next one. Every format ever released stays readable.
STEPS: Mapping[int, Step] = {}


def upgrade(document: Document, steps: Mapping[int, Step] = STEPS, newest: int = FORMAT) -> Document:
    """The document in format `newest`. Raises `StateError` for a format newer than that, or one no step leads away from."""
    found = document.get("format")
    if not isinstance(found, int) or isinstance(found, bool):
        raise StateError("the state names no format", why=f"`format` is {found!r}", fix=f"deployer reads formats up to {newest}")
    if found > newest:
        writer = document.get("writer", "a newer version")
        raise StateError(
            f"the state is in format {found}, written by deployer {writer}",
            why=f"this version reads formats up to {newest}",
            fix="install the deployer that wrote it, or a newer one; nothing was changed",
        )
    for number in range(found, newest):
        if number not in steps:
            raise StateError(
                f"the state is in format {number}, and nothing leads from there to {newest}", fix="use the deployer that wrote it"
            )
        document = {**steps[number](document), "format": number + 1}
    return document
