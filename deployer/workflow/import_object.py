"""The story of `import`: an object that exists becomes ours, because a person says so."""

from __future__ import annotations

from deployer.core.state import StateObject
from deployer.engine.recovery import import_object as entry_for
from deployer.state.here import whoami
from deployer.state.open import session
from deployer.workflow.answers import Where
from deployer.workflow.environment import opening


def import_object(where: Where, address: str, object_id: str, lock_timeout: float) -> StateObject:
    """Records it in the state. Raises `UsageError` when address or object do not exist, `OwnershipError` when another owns it."""
    with opening(where) as environment:
        tools = environment.tools
        with session(tools.backend, tools.mark, whoami(f"deployer import {address}"), lock_timeout) as ledger:
            entry = entry_for(environment.desired, ledger.state(), tools.kinds, (address, object_id))
            ledger.write([entry])
    return entry.object or StateObject(address, "", object_id)
