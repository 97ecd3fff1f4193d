"""Walking a graph: order, parallelism, failures, and stopping."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.engine.walker import Outcome, walk

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
NODES = [f"n{number}" for number in range(8)]
GRAPHS = st.fixed_dictionaries(
    {node: st.lists(st.sampled_from(NODES[:position]), max_size=3) if position else st.just([]) for position, node in enumerate(NODES)}
)


def run(graph: Mapping[str, list[str]] | Mapping[str, tuple[str, ...]], *, failing: frozenset[str] = frozenset(), many: int = 4) -> Outcome:
    def work(node: str) -> None:
        if node in failing:
            raise ValueError(node)

    return walk(graph, work, parallelism=many, stopped=lambda: False)


@given(GRAPHS, st.integers(1, 4), st.frozensets(st.sampled_from(NODES)))
def test_every_node_starts_after_what_it_waits_for_and_a_failure_stops_only_what_waits_for_it(
    graph: dict[str, list[str]], many: int, failing: frozenset[str]
) -> None:
    outcome = run(graph, failing=failing, many=many)
    ended = [*outcome.done, *outcome.failed]
    assert sorted([*ended, *outcome.skipped]) == sorted(graph)
    for node in outcome.done:
        assert all(outcome.done.index(target) < outcome.done.index(node) for target in graph[node])
    for node in outcome.skipped:
        assert any(target in outcome.skipped or target in outcome.failed for target in graph[node])
    assert set(outcome.failed) <= failing


def test_one_at_a_time_takes_the_graphs_own_order() -> None:
    assert run({"z": (), "a": (), "m": ("z",)}, many=1).done == ["z", "a", "m"]


def test_what_does_not_wait_for_one_another_runs_together() -> None:
    together = threading.Barrier(2, timeout=10)

    def work(node: str) -> None:
        if node in "bc":
            together.wait()

    assert walk(DIAMOND, work, parallelism=2, stopped=lambda: False).done[-1] == "d"


def test_no_more_run_at_once_than_allowed() -> None:
    running, most, guard = 0, 0, threading.Lock()
    pause = threading.Event()

    def work(_node: str) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        pause.wait(0.01)
        with guard:
            running -= 1

    walk({str(number): () for number in range(12)}, work, parallelism=3, stopped=lambda: False)
    assert most <= 3


def test_once_stopped_nothing_new_starts_and_what_ran_is_done() -> None:
    stop = threading.Event()
    outcome = walk(DIAMOND, lambda _node: stop.set(), parallelism=4, stopped=stop.is_set)
    assert (outcome.done, outcome.failed, outcome.skipped) == (["a"], {}, ["b", "c", "d"])


def test_what_is_no_error_but_an_end_is_passed_on() -> None:
    def work(_node: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk(DIAMOND, work, parallelism=1, stopped=lambda: False)
