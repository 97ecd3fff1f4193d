"""The stories of `state`: look, forget, rename. The objects themselves are never touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from difflib import get_close_matches
from typing import Any

from deployer.core.errors import UsageError
from deployer.core.protocols import Ledger
from deployer.core.state import Entry, EntryType, State, StateObject
from deployer.state.here import whoami
from deployer.state.open import open_backend, read, session
from deployer.workflow.answers import Where
from deployer.workflow.environment import read_spec, site_of


def read_state(where: Where) -> State:
    """The state with its journal replayed; no lock is taken. It works with a spec whose modules cannot be read."""
    spec = read_spec(where)
    return read(open_backend(spec.state.url, spec.project), site_of(spec).mark)


def find_object(state: State, address: str) -> StateObject:
    """The object at an address. Raises `UsageError` with the nearest one."""
    found = state.objects.get(address) or next((item for item in state.deposed if item.address == address), None)
    if found is None:
        near = get_close_matches(address, state.objects, 1)
        why = f"did you mean {near[0]}?" if near else f"it has {len(state.objects)} objects; deployer state list names them"
        raise UsageError(f"the state has no object {address!r}", why=why)
    return found


def forget(where: Where, address: str, lock_timeout: float) -> StateObject:
    """Takes the object out of the state; it goes on existing."""
    with _writing(where, f"deployer state rm {address}", lock_timeout) as ledger:
        found = find_object(ledger.state(), address)
        ledger.write([Entry(EntryType.FORGET, found)])
        return found


def move(where: Where, source: str, address: str, lock_timeout: float) -> StateObject:
    """Gives an object another address of the same kind; the next apply writes the mark anew."""
    with _writing(where, f"deployer state mv {source} {address}", lock_timeout) as ledger:
        state = ledger.state()
        found = find_object(state, source)
        parts = address.split("/", 2)
        if len(parts) != 3 or not all(parts) or parts[1] != found.kind:  # noqa: PLR2004 - component/kind/name
            raise UsageError(
                f"{address!r} is no address for it", why="an address is component/kind/name", fix=f"write COMPONENT/{found.kind}/NAME"
            )
        if address in state.objects:
            raise UsageError(f"{address} is taken, by {state.objects[address].id}")
        moved = replace(found, address=address)
        ledger.write([Entry(EntryType.MOVE, moved, source=source)])
        return moved


def object_document(item: StateObject) -> dict[str, Any]:
    return {**asdict(item), "edges": list(item.edges), "outputs": dict(item.outputs)}


def state_document(state: State) -> dict[str, Any]:
    """The state as the JSON answer has it."""
    return {
        "lineage": state.lineage,
        "serial": state.serial,
        "objects": [object_document(item) for item in sorted(state.objects.values(), key=lambda item: item.address)],
        "deposed": [object_document(item) for item in state.deposed],
    }


@contextmanager
def _writing(where: Where, command: str, lock_timeout: float) -> Iterator[Ledger]:
    spec = read_spec(where)
    with session(open_backend(spec.state.url, spec.project), site_of(spec).mark, whoami(command), lock_timeout) as ledger:
        yield ledger
