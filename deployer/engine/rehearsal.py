"""What a plan would refuse, told without looking at the world: circles, and configurations their kinds do not take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deployer.core.errors import Problem
from deployer.core.protocols import Kind
from deployer.core.resource import Desired, Resource
from deployer.core.values import Seal, Template, Unknown, Value, replace_leaves
from deployer.engine.graph import CIRCLE, OUT_OF_A_CIRCLE, Graph, circles, edges_of, order, round_trip, without_cycles
from deployer.engine.survey import resolve_all
from deployer.engine.values import Resolver


def rehearse(desired: Desired, kinds: Mapping[str, Kind], seal: Seal) -> list[Problem]:
    """Every mistake in the resources, at once. Reads nothing, and asks for no secret: their values are unknown here.

    Resources that are not there (because they have mistakes of their own) are no dependency of any other.
    """
    resources = desired.resources
    graph = {address: tuple(edge for edge in edges_of(item) if edge in resources) for address, item in resources.items()}
    open_graph = without_cycles(graph)
    ordered = {address: _without_secrets(resources[address]) for address in order(open_graph) if resources[address].kind in kinds}
    _, problems = resolve_all(ordered, open_graph, kinds, Resolver({}, _no_secrets, seal))
    return [*_circles(graph, resources), *problems]


def _circles(graph: Graph, resources: Mapping[str, Resource]) -> list[Problem]:
    origins = {address: resource.origin for address, resource in resources.items()}
    return [
        Problem(f"{CIRCLE}: {round_trip(circle, origins)}", origin=origins[circle[0]], allowed=OUT_OF_A_CIRCLE) for circle in circles(graph)
    ]


def _without_secrets(resource: Resource) -> Resource:
    def hidden(leaf: Value) -> Value:
        return Unknown(leaf) if isinstance(leaf, Template) and leaf.secrets else leaf

    return replace(resource, config=replace_leaves(resource.config, hidden))


def _no_secrets(name: str) -> str:
    msg = f"the secret {name} is not asked for while rehearsing"
    raise AssertionError(msg)
