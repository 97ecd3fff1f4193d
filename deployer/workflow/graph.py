"""The story of `graph`: the resources a spec wants, and what each stands on."""

from __future__ import annotations

from deployer.engine.graph import edges_of, order, resource_graph
from deployer.workflow.answers import Node, Where
from deployer.workflow.environment import expanded_spec


def graph(where: Where) -> tuple[Node, ...]:
    """Dependencies first. Raises `SpecError` and `GraphError` for what cannot be ordered."""
    _, expanded = expanded_spec(where)
    resources = expanded.desired.resources
    sequence = order(resource_graph(resources), {address: item.origin for address, item in resources.items()})
    return tuple(Node(address, resources[address].kind, edges_of(resources[address])) for address in sequence)
