"""The same objects under new addresses: moves the spec spells out, and renames seen by the object's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deployer.core.errors import Problem, SpecError
from deployer.core.resource import Desired
from deployer.core.state import State
from deployer.engine.survey import Wanted

Moves = dict[str, str]  # new address -> old address


def spelled_moves(desired: Desired, state: State) -> tuple[Moves, State]:
    """The spec's `moved` entries that have something to move, and the state as it will be after them."""
    moves: Moves = {}
    for old, new in desired.moved.items():
        if old in desired.resources:
            raise SpecError([Problem(f"moved away, and still wanted (to {new})", path=old, origin=desired.resources[old].origin)])
        if old in state.objects and new not in state.objects and new in desired.resources:
            moves[new] = old
    return moves, _after(moves, state)


def renames(wanted: Mapping[str, Wanted], state: State) -> tuple[Moves, State]:
    """Objects whose address left the spec while another address wants exactly them: moved, not deleted and made again."""
    leaving = {(item.kind, item.id): address for address, item in state.objects.items() if address not in wanted}
    moves: Moves = {}
    for address, item in wanted.items():
        old = leaving.get((item.resource.kind, item.id or ""))
        if old is not None and address not in state.objects:
            moves[address] = old
    return moves, _after(moves, state)


def _after(moves: Moves, state: State) -> State:
    if not moves:
        return state
    renamed = {old: new for new, old in moves.items()}
    objects = {renamed.get(address, address): item for address, item in state.objects.items()}
    moved = {
        address: replace(item, address=address, edges=tuple(sorted(renamed.get(edge, edge) for edge in item.edges)))
        for address, item in objects.items()
    }
    return replace(state, objects=moved)
