"""Walks a graph with bounded parallelism. A failure stops only what waits for it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from deployer.engine.graph import reverse


@dataclass(slots=True)
class Outcome:
    """What became of each node: done, failed with its error, or never started."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    waiting: dict[str, int]
    dependents: Mapping[str, Sequence[str]]
    ready: list[tuple[int, str]]
    rank: Mapping[str, int]
    outcome: Outcome = field(default_factory=Outcome)

    def finish(self, node: str, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self.outcome.failed[node] = error
            return
        if error is not None:
            raise error
        self.outcome.done.append(node)
        for dependent in self.dependents.get(node, ()):
            self.waiting[dependent] -= 1
            if self.waiting[dependent] == 0:
                heapq.heappush(self.ready, (self.rank[dependent], dependent))


def walk(graph: Mapping[str, Sequence[str]], work: Callable[[str], None], *, parallelism: int, stopped: Callable[[], bool]) -> Outcome:
    """Calls `work` for every node after the nodes it waits for, `parallelism` at a time, earlier nodes of `graph` first.

    Once `stopped()` is true nothing new starts; what runs is waited for.
    """
    rank = {node: position for position, node in enumerate(graph)}
    waiting = {node: len(set(targets)) for node, targets in graph.items()}
    state = _Walk(waiting, reverse(graph), [(rank[n], n) for n, count in waiting.items() if count == 0], rank)
    heapq.heapify(state.ready)
    ended: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()
    running = 0

    def run(node: str) -> None:
        try:
            work(node)
        except BaseException as error:  # noqa: BLE001 - reported for its node
            ended.put((node, error))
        else:
            ended.put((node, None))

    with ThreadPoolExecutor(max_workers=max(1, parallelism), thread_name_prefix="step") as pool:
        while True:
            while state.ready and running < parallelism and not stopped():
                pool.submit(run, heapq.heappop(state.ready)[1])
                running += 1
            if running == 0:
                break
            state.finish(*ended.get())
            running -= 1
    ended_nodes = {*state.outcome.done, *state.outcome.failed}
    state.outcome.skipped = [node for node in graph if node not in ended_nodes]
    return state.outcome
