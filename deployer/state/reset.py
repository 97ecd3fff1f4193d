"""A new beginning for `recover`: an empty state of a new lineage in the place of whatever is there."""

from __future__ import annotations

import json
import secrets

from deployer.core.protocols import Backend
from deployer.core.resource import Mark
from deployer.core.state import State
from deployer.state.document import Place, encode
from deployer.state.ledger import refuse_others
from deployer.state.upgrade import FORMAT, upgrade


def reset(backend: Backend, mark: Mark, epoch: int) -> None:
    """Replaces state and journal, keeping copies of both. Safe to repeat after a crash.

    Raises `StateError` when the state there is whole enough to say that it is another environment's, or newer than we are.
    """
    stamp = secrets.token_hex(4)
    old_state, old_journal = backend.read_state(), backend.read_journal()
    if old_state is not None:
        _refuse(old_state, mark, Place(backend.url, mark.environment))
        backend.keep_copy(f"state-before-recover-{stamp}.json", old_state)
    if old_journal:
        backend.keep_copy(f"journal-before-recover-{stamp}.jsonl", old_journal)
    backend.write_state(encode(State(secrets.token_hex(16), mark.platform, mark.environment)), epoch)
    backend.clear_journal(epoch)


def _refuse(data: bytes, mark: Mark, place: Place) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    found, platform, environment = (document.get(name) for name in ("format", "platform", "environment"))
    if isinstance(found, int) and found > FORMAT:
        upgrade(document)
    if isinstance(platform, str) and isinstance(environment, str):
        refuse_others(Mark(platform, environment), mark, place)
