"""The definitions of one file become resources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from deployer.core.errors import Origin, Problem
from deployer.core.resource import Resource, Rules
from deployer.core.values import Path, Value, matches, show_path
from deployer.modules.definition import RESOURCE_NAME
from deployer.modules.dependencies import Dependencies
from deployer.modules.evaluate import Evaluator, Guard
from deployer.modules.meaning import Known
from deployer.modules.places import Place
from deployer.modules.references import meant, one_of
from deployer.modules.shape import Definition, Shape

_NAME = re.compile(RESOURCE_NAME)
_CONFIG_AT = 3  # resources.NAME.config


def resources_of(known: Known, place: Place, dependencies: Dependencies, problems: list[Problem]) -> Iterator[Resource]:
    """Every resource of the place; mistakes go to `problems`, and what they hit is left out."""
    component = known.spec.components.get(place.owner)
    protected = component is not None and component.prevent_destroy
    own = None if component is None else known.spec.origin(("components", place.owner))
    shared = dependencies.of_component(place.owner)
    guard = cache(lambda kind: _guard(known.kinds[kind]))  # only the kinds in use: their rules come with their imports
    for definition in place.definitions.values():
        mistake = _mistake(known, place, definition)
        if mistake:
            problems.append(mistake)
            continue
        shape = known.shape(place.owner, definition)
        if shape is None:
            continue
        after = shared
        if definition.depends_on:
            named = dependencies.of_resource(place, definition, problems)
            after = tuple(dict.fromkeys((*named, *shared)))
        made = Resource(
            "", definition.kind, {}, own or place.locate(("resources", definition.name)), after, definition.prevent_destroy or protected
        )
        yield from _instances(place.evaluator(problems, guard(definition.kind)), definition, shape, made)


def _instances(evaluator: Evaluator, definition: Definition, shape: Shape, made: Resource) -> Iterator[Resource]:
    path: Path = ("resources", definition.name, "config")
    if shape.items is None:
        if shape.present:
            config = evaluator.items(definition.config, path)
            if not evaluator.failed:
                yield _resource(shape.address, config, made)
        return
    scope = evaluator.scope
    for key, value in shape.items.items():
        evaluator.scope = scope.with_each(key, value)
        config = evaluator.items(definition.config, path)
        if evaluator.failed:
            return  # the other keys would only say the same again
        yield _resource(f"{shape.address}[{key}]", config, made)


def _resource(address: str, config: Mapping[str, Value], made: Resource) -> Resource:
    return Resource(address, made.kind, config, made.origin, made.depends_on, made.prevent_destroy)


def _guard(rules: Rules) -> Guard:
    return lambda path: any(matches(pattern, path[_CONFIG_AT:]) for pattern in rules.sensitive)


def _mistake(known: Known, place: Place, definition: Definition) -> Problem | None:
    path: Path = ("resources", definition.name)
    if not _NAME.fullmatch(definition.name):
        return _problem(place, path, "is not a name for a resource", definition.name, f"the form is {RESOURCE_NAME}")
    if definition.kind not in known.kinds:
        problem = _problem(place, (*path, "kind"), "there is no such kind", definition.kind, one_of(known.kinds))
        return replace(problem, suggestion=meant(definition.kind, known.kinds))
    return None


def _problem(place: Place, path: Path, what: str, value: str, allowed: str) -> Problem:
    origin: Origin = place.locate(path)
    return Problem(what, show_path(path), origin, value, allowed)
