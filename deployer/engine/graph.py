"""Who depends on whom, and in which order. Graphs are plain mappings: node -> the nodes it depends on."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

from deployer.core.errors import GraphError, Origin, Problem, SpecError
from deployer.core.resource import Resource
from deployer.core.values import templates

Graph = Mapping[str, Collection[str]]
CIRCLE = "resources depend on each other in a circle"
OUT_OF_A_CIRCLE = "take out one of these references or depends_on entries"


def edges_of(resource: Resource) -> tuple[str, ...]:
    """Direct dependencies: explicit ones and references, sorted."""
    found = set(resource.depends_on)
    for template in templates(resource.config):
        found.update(ref.address for ref in template.refs)
    return tuple(sorted(found))


def resource_graph(resources: Mapping[str, Resource]) -> dict[str, tuple[str, ...]]:
    """The wanted graph. Raises `SpecError` with every dependency on something that is not there."""
    graph = {address: edges_of(resource) for address, resource in resources.items()}
    problems = [
        Problem(f"depends on {target}, which is not in the spec", path=address, origin=resources[address].origin)
        for address, targets in graph.items()
        for target in targets
        if target not in resources
    ]
    if problems:
        raise SpecError(problems)
    return graph


def order(graph: Graph, origins: Mapping[str, Origin] | None = None) -> list[str]:
    """Dependencies first, otherwise by name. Raises `GraphError` with the whole path of a cycle."""
    waiting = {node: len(set(targets)) for node, targets in graph.items()}
    dependents = reverse(graph)
    ready = [node for node, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    result: list[str] = []
    while ready:
        node = heapq.heappop(ready)
        result.append(node)
        for dependent in dependents.get(node, ()):
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heapq.heappush(ready, dependent)
    if len(result) < len(graph):
        raise _cycle_error(find_cycle(graph) or [], origins or {})
    return result


def round_trip(cycle: Sequence[str], origins: Mapping[str, Origin]) -> str:
    """The whole path of a circle back to its first node, each node with its spec line."""
    return " -> ".join(f"{node} ({origins[node]})" if node in origins else node for node in [*cycle, *cycle[:1]])


def _cycle_error(cycle: list[str], origins: Mapping[str, Origin]) -> GraphError:
    return GraphError(
        CIRCLE,
        why=round_trip(cycle, origins),
        fix=OUT_OF_A_CIRCLE,
        origin=origins.get(cycle[0]) if cycle else None,
    )


def reverse(graph: Graph) -> dict[str, list[str]]:
    """Node -> the nodes that depend on it."""
    dependents: dict[str, list[str]] = {}
    for node, targets in graph.items():
        for target in set(targets):
            dependents.setdefault(target, []).append(node)
    return dependents


def find_cycle(graph: Graph) -> list[str] | None:
    """The nodes of one cycle, each depending on the next; None when there is none."""
    for path, target in _back_edges(graph):
        return path[path.index(target) :]
    return None


def circles(graph: Graph) -> list[list[str]]:
    """Circles in the graph, each as its nodes in order: as many as edges have to go to leave none."""
    return [path[path.index(target) :] for path, target in _back_edges(graph)]


def without_cycles(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The graph less the edges that close a circle (recorded edges of different times may contradict one another)."""
    dropped = {(path[-1], target) for path, target in _back_edges(graph)}
    return {node: tuple(target for target in targets if (node, target) not in dropped) for node, targets in graph.items()}


def _back_edges(graph: Graph) -> Iterable[tuple[list[str], str]]:
    """Depth first, without recursion: every edge into the current path, with that path."""
    done: set[str] = set()
    for root in sorted(graph):
        if root in done:
            continue
        path, on_path, stack = [root], {root}, [iter(sorted(graph[root]))]
        while stack:
            target = next(stack[-1], None)
            if target is None:
                stack.pop()
                done.add(path[-1])
                on_path.discard(path.pop())
            elif target in on_path:
                yield list(path), target
            elif target not in done and target in graph:
                path.append(target)
                on_path.add(target)
                stack.append(iter(sorted(graph[target])))


def reachable(graph: Graph, start: str) -> set[str]:
    """Everything `start` depends on, directly or not, itself left out."""
    seen: set[str] = set()
    queue = list(graph.get(start, ()))
    while queue:
        node = queue.pop()
        if node not in seen:
            seen.add(node)
            queue.extend(graph.get(node, ()))
    return seen


def nearest(graph: Graph, wanted: Collection[str]) -> dict[str, frozenset[str]]:
    """For each node the closest nodes of `wanted` below it, looking through the others. The graph has no cycle."""
    result: dict[str, frozenset[str]] = {}
    for node in order({node: [target for target in targets if target in graph] for node, targets in graph.items()}):
        found = [frozenset((target,)) if target in wanted else result.get(target, frozenset()) for target in graph[node]]
        result[node] = found[0] if len(found) == 1 else frozenset().union(*found)
    return result
