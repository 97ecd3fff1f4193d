"""The story of `unlock`: who holds the lock, whether they live, and taking a dead one's away."""

from __future__ import annotations

from deployer.core.protocols import Backend
from deployer.core.state import Holder
from deployer.state.here import here
from deployer.state.lock import Standing, judge
from deployer.state.open import open_backend
from deployer.workflow.answers import LockReport, Where
from deployer.workflow.environment import read_spec


def lock_report(where: Where) -> LockReport:
    """The holder and whether it still counts."""
    holder = _backend(where).holder()
    return LockReport(holder, alive=holder is not None and judge(holder, here()) is Standing.ALIVE)


def break_lock(where: Where, holder: Holder) -> None:
    """Removes exactly this holder's lock; whoever took it meanwhile keeps theirs."""
    _backend(where).break_lock(holder)


def _backend(where: Where) -> Backend:
    spec = read_spec(where)
    return open_backend(spec.state.url, spec.project)
