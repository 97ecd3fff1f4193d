"""The story of `recover`: the state lost or unusable, the marks in the world say what it was."""

from __future__ import annotations

from deployer.core.errors import StateError
from deployer.core.state import Entry
from deployer.engine.recovery import recover as entries_from_marks
from deployer.state.here import whoami
from deployer.state.open import recovery, session
from deployer.workflow.answers import Left, Listener, Recovered, Where
from deployer.workflow.environment import Environment, opening


def recover(where: Where, lock_timeout: float, listener: Listener) -> Recovered:
    """Adds every object with our mark to the state. A state that cannot be read is replaced, copies of it are kept."""
    with opening(where) as environment:
        tools = environment.tools
        usable = _usable(environment)
        if not usable:
            listener.note("the state cannot be used: it is replaced, a copy stays beside it")
        holding = session if usable else recovery
        with holding(tools.backend, tools.mark, whoami(f"deployer recover {where.environment}"), lock_timeout, listener.note) as ledger:
            settings = tools.plan_settings(listener.event, keep_key=True)
            entries = entries_from_marks(environment.desired, ledger.state(), tools.kinds, settings)
            ledger.write(entries)
    return Recovered(tuple(_found(entry) for entry in entries if entry.object), environment.spec.environment)


def _usable(environment: Environment) -> bool:
    try:
        environment.tools.state()
    except StateError:
        return False
    return True


def _found(entry: Entry) -> Left:
    item = entry.object
    return Left(item.address, item.kind, item.id) if item else Left("", "", "")
