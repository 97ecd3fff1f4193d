"""Which inputs, outputs and resource shapes need which others, and an order in which each comes after what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from deployer.core.values import Value, leaves
from deployer.modules.references import references
from deployer.modules.units import Unit
from deployer.spec.spec import Spec

TOP = "resources"  # the pseudo-component of the spec's own resources
_INPUT = re.compile(r"\binput\b(?:\.(\w+)|\[\s*['\"](\w+)['\"]\s*\])?")


class Sort(StrEnum):
    """What a node is. A resource's node is its shape: left out by `when`? which keys by `for_each`?"""

    INPUT = "input"
    OUTPUT = "output"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Node:
    """Something worked out once. `owner` is a component, or `resources` for the spec's own."""

    sort: Sort
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.sort} {self.owner}.{self.name}"


Graph = dict[Node, set[Node]]


def graph_of(spec: Spec, units: Mapping[str, Unit]) -> Graph:
    """Every node that takes work, with the nodes it needs."""
    nodes = [entry for unit in units.values() for entry in _of_unit(unit)]
    for name, resource in spec.resources.items():
        if resource.for_each is not None or resource.when is not None:
            nodes.append((Node(Sort.RESOURCE, TOP, name), set(_needs(resource.for_each, None))))
    graph = dict(nodes)
    return {node: needs & graph.keys() for node, needs in graph.items()}


def _of_unit(unit: Unit) -> Iterator[tuple[Node, set[Node]]]:
    for name, declared in unit.inputs.items():
        given = name in unit.given
        needs = set(_needs(unit.given[name], None)) if given else set()
        if not given or _may_be_null(unit.given[name]):
            needs |= set(_needs(declared.default, unit))
        yield Node(Sort.INPUT, unit.name, name), needs
    for name, raw in unit.target.outputs.items():
        yield Node(Sort.OUTPUT, unit.name, name), set(_needs(raw, unit))
    for name, resource in unit.target.resources.items():
        if resource.when is not None or resource.for_each is not None:
            needs = {*_needs(resource.for_each, unit), *_inputs_of(resource.when, unit)}
            yield Node(Sort.RESOURCE, unit.name, name), needs


def _needs(raw: Value, unit: Unit | None) -> Iterator[Node]:
    """What a raw tree refers to, seen from inside a module's file or (None) from the spec."""
    for reference in references(raw):
        head, name = reference.head, str(reference.steps[1]) if len(reference.steps) > 1 else ""
        if head == "input" and unit:
            yield Node(Sort.INPUT, unit.name, name)
        elif head == "resource":
            yield Node(Sort.RESOURCE, unit.name if unit else TOP, name)
        elif not reference.scheme:
            yield Node(Sort.OUTPUT, head, name)
    for path, leaf in leaves(raw):
        if path and path[-1] == "$when":
            yield from _inputs_of(leaf, unit)


def _inputs_of(expression: Value, unit: Unit | None) -> Iterator[Node]:
    """The inputs an expression names; all of them when it takes `input` as a whole."""
    if unit is None or not isinstance(expression, str):
        return
    for dotted, quoted in _INPUT.findall(expression):
        for name in [dotted or quoted] if dotted or quoted else unit.inputs:
            yield Node(Sort.INPUT, unit.name, name)


def _may_be_null(raw: Value) -> bool:
    """Whether the default may still be needed: a lone reference can turn out as null, by an output that is left out."""
    return isinstance(raw, dict) or (isinstance(raw, str) and raw.startswith("${") and raw.find("}") == len(raw) - 1)


def ordered(graph: Graph) -> tuple[list[Node], list[list[Node]]]:
    """The nodes, each after what it needs, and the cycles, whose nodes are left out. In a cycle each node needs the next one."""
    left, cycles = dict(graph), list[list[Node]]()
    while True:
        try:
            return list(TopologicalSorter(left).static_order()), cycles
        except CycleError as error:
            cycle: list[Node] = error.args[1][::-1]
            cycles.append(cycle)
            gone = set(cycle)
            left = {node: needs - gone for node, needs in left.items() if node not in gone}
