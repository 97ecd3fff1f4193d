"""Which step waits for which: creates after what they need, deletes before what they needed, replacements both ways round."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from deployer.core.state import State
from deployer.engine.fate import Fate
from deployer.engine.graph import Graph, find_cycle, nearest, reachable, reverse, without_cycles


def forward_id(address: str) -> str:
    """The node that ends with the wanted object standing."""
    return f"forward:{address}"


def delete_id(address: str) -> str:
    """The node that ends with the recorded object gone."""
    return f"delete:{address}"


def deposed_id(address: str, object_id: str) -> str:
    """The node that ends with an old object gone whose replacement stands."""
    return f"deposed:{address}:{object_id}"


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be ordered. `wants` and `records` are the direct edges of the spec and of the state."""

    fates: Mapping[str, Fate]  # those with an action
    deletes: Collection[str]  # addresses that left the spec
    wants: Graph
    records: Graph
    deposed: Collection[tuple[str, str]] = ()  # address, id
    heirs: Mapping[str, str] = field(default_factory=dict)  # an address that left the spec -> the one that takes its object over


def make_first(work: Work) -> Work:
    """Settles which replacements are made first: the kinds' rule, and what those stand on, with the cause."""
    fates = dict(work.fates)
    asked = [a for a, fate in fates.items() if fate.replaces and fate.rules.create_first and fate.can_create_first]
    for address in sorted(asked):
        fates[address] = replace(fates[address], create_first=f"{fates[address].wanted.resource.kind} is replaced that way")
    for address in sorted(asked):
        for below in sorted(reachable(work.wants, address)):
            fate = fates.get(below)
            if fate is not None and fate.can_create_first and not fate.create_first:
                fates[below] = replace(fate, create_first=f"inherited from {address}")
    return replace(work, fates=fates)


def order_steps(work: Work) -> tuple[Work, dict[str, tuple[str, ...]]]:
    """The settled work and, for each node, the nodes it waits for. The result has no circle."""
    settled = make_first(work)
    while True:
        hard = _hard_edges(settled)
        cycle = find_cycle(hard)
        if cycle is None:
            return settled, _with_soft_edges(settled, hard)
        settled = _give_way(settled, cycle)


def _give_way(work: Work, cycle: list[str]) -> Work:
    """A circle needs a replacement made first above one that cannot be: the upper one is then made in the plain order."""
    fates = dict(work.fates)
    for node in cycle:
        address = node.split(":", 1)[1]
        fate = fates.get(address)
        if fate is not None and fate.create_first:
            fates[address] = replace(fate, create_first="")
            return replace(work, fates=fates)
    msg = f"steps wait for each other: {' -> '.join(cycle)}"
    raise AssertionError(msg)


def _hard_edges(work: Work) -> dict[str, set[str]]:
    removed = _removed(work)
    below = nearest(work.wants, work.fates.keys())
    edges = {forward_id(address): {forward_id(target) for target in below.get(address, ())} for address in work.fates}
    edges.update({delete_id(address): set() for address in removed})
    for address, fate in work.fates.items():
        if fate.clears in removed:
            edges[forward_id(address)].add(delete_id(fate.clears))
    for address, targets in _delete_order(work, removed).items():
        for target in targets:
            edges[delete_id(target)].add(delete_id(address))
    _add_replacement_edges(work, edges, reverse(below))
    return edges


def _add_replacement_edges(work: Work, edges: dict[str, set[str]], above: Mapping[str, list[str]]) -> None:
    """Old before new; where the new comes first, the old goes after everybody who used it has moved over."""

    def moved_over(address: str) -> set[str]:
        return {forward_id(user) for user in (address, *above.get(address, ())) if user in work.fates}

    for address, fate in work.fates.items():
        if fate.create_first:
            edges[delete_id(address)] |= moved_over(address)
        elif fate.replaces:
            edges[forward_id(address)].add(delete_id(address))
    for address, object_id in work.deposed:
        edges[deposed_id(address, object_id)] = moved_over(address)


def _removed(work: Work) -> set[str]:
    return {*work.deletes, *(address for address, fate in work.fates.items() if fate.replaces)}


def _delete_order(work: Work, removed: Collection[str]) -> dict[str, frozenset[str]]:
    """Removed address -> the removed ones right below it, by the recorded edges, looking through what stays."""
    records = without_cycles({node: [target for target in targets if target in work.records] for node, targets in work.records.items()})
    below = nearest(records, removed)
    return {address: below[address] for address in removed if address in below}


def _with_soft_edges(work: Work, hard: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    """What leaves the spec goes after its old users have let go of it, where that closes no circle."""
    edges = {node: set(targets) for node, targets in hard.items()}
    users = reverse(work.records)
    for address in sorted(work.deletes):
        for user in (*users.get(address, ()), *([work.heirs[address]] if address in work.heirs else [])):
            node = forward_id(user)
            if user in work.fates and delete_id(address) not in reachable(edges, node):
                edges[delete_id(address)].add(node)
    return {node: tuple(sorted(targets)) for node, targets in edges.items()}


def recorded_graph(state: State) -> dict[str, tuple[str, ...]]:
    """The state's direct edges, those to what is gone left out."""
    return {address: tuple(edge for edge in item.edges if edge in state.objects) for address, item in state.objects.items()}
