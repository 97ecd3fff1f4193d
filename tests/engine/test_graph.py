"""Order, circles and looking through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.errors import GraphError, Origin
from deployer.engine.graph import find_cycle, nearest, order, reachable, without_cycles

GRAPHS = st.integers(1, 9).flatmap(
    lambda size: st.fixed_dictionaries({str(n): st.frozensets(st.integers(0, size - 1).map(str)) for n in range(size)})
)


@given(GRAPHS)
def test_order_puts_every_node_after_what_it_needs_or_there_is_a_circle(graph: dict[str, frozenset[str]]) -> None:
    cycle = find_cycle(graph)
    if cycle is None:
        placed: set[str] = set()
        for node in order(graph):
            assert graph[node] <= placed
            placed.add(node)
        assert placed == set(graph)
    else:
        assert all(after in graph[node] for node, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        with pytest.raises(GraphError):
            order(graph)


@given(GRAPHS)
def test_breaking_circles_leaves_none_and_keeps_graphs_that_had_none(graph: dict[str, frozenset[str]]) -> None:
    broken = without_cycles(graph)
    assert find_cycle(broken) is None
    if find_cycle(graph) is None:
        assert {node: frozenset(targets) for node, targets in broken.items()} == graph


@given(GRAPHS, st.frozensets(st.integers(0, 8).map(str)))
def test_the_nearest_nodes_are_reached_through_others_only(graph: dict[str, frozenset[str]], wanted: frozenset[str]) -> None:
    straight = without_cycles(graph)
    for node, found in nearest(straight, wanted).items():
        assert found <= wanted & reachable(straight, node)
        assert bool(found) == bool(wanted & reachable(straight, node))


def test_a_very_long_chain_needs_no_recursion() -> None:
    chain = {str(n): [str(n - 1)] if n else [] for n in range(20_000)}
    assert order(chain)[0] == "0"
    assert find_cycle(chain) is None
    chain["0"] = ["19999"]
    assert len(find_cycle(chain) or []) == 20_000


def test_a_circle_names_every_node_with_its_spec_line() -> None:
    with pytest.raises(GraphError) as caught:
        order({"a": ["b"], "b": ["a"]}, {"a": Origin("s.yaml", 1, 2), "b": Origin("s.yaml", 3, 4)})
    assert "a (s.yaml:1:2) -> b (s.yaml:3:4) -> a (s.yaml:1:2)" in str(caught.value)
