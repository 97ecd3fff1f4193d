"""How many objects a resource is: none by `when`, one, or one per key by `for_each`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from deployer.core.values import Path, Template, Value
from deployer.modules.definition import ResourceDefinition
from deployer.modules.evaluate import Evaluator
from deployer.modules.references import Refused, as_text
from deployer.spec.spec import SpecResource

Definition: TypeAlias = ResourceDefinition | SpecResource
_KEY = re.compile(r"[^\[\]{}\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class Shape:
    """`items` are the keys and values of `for_each`; None for a resource without it."""

    address: str
    items: Mapping[str, Value] | None = None
    present: bool = True

    @property
    def addresses(self) -> tuple[str, ...]:
        if self.items is None:
            return (self.address,) if self.present else ()
        return tuple(f"{self.address}[{key}]" for key in self.items)


def shape_of(evaluator: Evaluator, definition: Definition, address: str) -> Shape | None:
    """The shape; None after a mistake, which went to the evaluator's problems."""
    path: Path = ("resources", definition.name)
    if definition.for_each is None:
        holds = True if definition.when is None else evaluator.condition(definition.when, (*path, "when"))
        return None if holds is None else Shape(address, None, holds)
    value = evaluator.value(definition.for_each, (*path, "for_each"))
    if evaluator.failed:
        return None
    try:
        items = _items(value)
    except Refused as refused:
        evaluator.refuse(refused, (*path, "for_each"))
        return None
    kept = items if definition.when is None else _kept(evaluator, definition, items)
    return None if kept is None else Shape(address, kept)


def _kept(evaluator: Evaluator, definition: Definition, items: Mapping[str, Value]) -> dict[str, Value] | None:
    kept = {}
    for key, value in items.items():
        each = replace(evaluator, scope=evaluator.scope.with_each(key, value))
        holds = each.condition(definition.when or False, ("resources", definition.name, "when"))
        if holds is None:
            return None
        if holds:
            kept[key] = value
    return kept


def _items(value: Value) -> dict[str, Value]:
    """A map as it is; a list by its own items, so that none changes its name when another comes or goes."""
    if isinstance(value, Template):
        raise Refused(
            f"for_each must be known before anything is made, and {value} is known after apply", allowed="a map or a list of the spec"
        )
    if isinstance(value, Mapping):
        items = dict(value)
    elif isinstance(value, list):
        items = {}
        for item in value:
            if isinstance(item, Mapping | list | Template) or item is None:
                raise Refused(
                    "the items of a for_each list are plain values", allowed="for anything else write a map, whose keys are the names"
                )
            key = as_text(item)
            if key in items:
                raise Refused(f"for_each names {key!r} twice")
            items[key] = item
    else:
        raise Refused("for_each must be a map or a list")
    bad = next((key for key in items if not _KEY.fullmatch(key)), None)
    if bad is not None:
        raise Refused(
            f"the key {bad!r} of for_each cannot be part of a name", allowed="1 to 200 characters without brackets, braces and line breaks"
        )
    return items
