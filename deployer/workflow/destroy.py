"""The story of `destroy`: preview, consent, ordered deletes, then another look at the world for the receipt."""

from __future__ import annotations

import time
from collections.abc import Callable

from deployer.core.plan import Action, Plan
from deployer.core.resource import Desired, Live
from deployer.core.state import State
from deployer.engine.demolition import find_ours, make_destroy_plan
from deployer.engine.safety import refuse_protected
from deployer.state.here import whoami
from deployer.state.open import session
from deployer.workflow.answers import Left, Options, Partner, Receipt, Where
from deployer.workflow.apply import losses_to_allow, perform
from deployer.workflow.environment import Tools, opening_to_destroy


def destroy(where: Where, options: Options, partner: Partner) -> Receipt:
    """Removes everything of the environment but data nobody let go; the receipt says what a re-list by mark still finds."""
    started = time.monotonic()
    with opening_to_destroy(where) as (spec, desired, tools):
        holder = whoami(f"deployer destroy {spec.environment}")
        with session(tools.backend, tools.mark, holder, options.lock_timeout, partner.note) as ledger:
            plan = _plan(desired, ledger.state(), tools, options, partner)
            partner.plan(plan)
            refuse_protected(plan)
            if not plan.empty:
                if not partner.agree(plan):
                    return Receipt(plan, agreed=False)
                perform(plan, tools, ledger, options, partner)
        return _receipt(plan, tools, time.monotonic() - started)


def _plan(desired: Desired, state: State, tools: Tools, options: Options, partner: Partner) -> Plan:
    """Everything goes; where that would destroy data that no flag and no person lets go, the data is kept."""
    settings = tools.plan_settings(partner.event, keep_key=True)

    def planned(may_go: Callable[[str], bool]) -> Plan:
        return make_destroy_plan(desired, state, tools.kinds, settings, may_go=may_go)

    if options.keep_data:
        return planned(lambda _address: False)
    everything = planned(lambda _address: True)
    asked = losses_to_allow(everything, options)
    if not asked or partner.lose(everything, asked):
        return everything
    return planned(lambda address: address not in asked)


def _receipt(plan: Plan, tools: Tools, seconds: float) -> Receipt:
    found = [_left(kind, live) for kind, live in find_ours(tools.mark, tools.kinds)]
    gone = tuple(dict.fromkeys(step.address for step in plan.steps if step.action in (Action.DELETE, Action.FORGET)))
    kept = tuple(item for item in found if item.address in plan.kept)
    left = tuple(item for item in found if item.address not in plan.kept)
    return Receipt(plan, agreed=True, deleted=gone, kept=kept, left=left, seconds=seconds)


def _left(kind: str, live: Live) -> Left:
    return Left(live.mark.address if live.mark else "", kind, live.id)
