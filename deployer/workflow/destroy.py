"""The story of `destroy`: preview, consent, ordered deletes, then another look at the world for the receipt."""

from __future__ import annotations

import time

from deployer.core.plan import Action, Plan
from deployer.core.resource import Live
from deployer.engine.demolition import find_ours, make_destroy_plan
from deployer.engine.safety import refuse_protected
from deployer.state.here import whoami
from deployer.state.open import session
from deployer.workflow.answers import Left, Options, Partner, Receipt, Where
from deployer.workflow.apply import consent_to_loss, perform
from deployer.workflow.environment import Tools, opening_to_destroy


def destroy(where: Where, options: Options, partner: Partner) -> Receipt:
    """Removes everything of the environment; the receipt says what a re-list by mark still finds."""
    started = time.monotonic()
    with opening_to_destroy(where) as (spec, desired, tools):
        settings = tools.plan_settings(partner.event, keep_key=True)
        holder = whoami(f"deployer destroy {spec.environment}")
        with session(tools.backend, tools.mark, holder, options.lock_timeout, partner.note) as ledger:
            plan = make_destroy_plan(desired, ledger.state(), tools.kinds, settings, keep_data=options.keep_data)
            partner.plan(plan)
            refuse_protected(plan)
            if not plan.empty:
                consent_to_loss(plan, options, partner)
                if not partner.agree(plan):
                    return Receipt(plan, agreed=False)
                perform(plan, tools, ledger, options, partner)
        return _receipt(plan, tools, time.monotonic() - started)


def _receipt(plan: Plan, tools: Tools, seconds: float) -> Receipt:
    found = [_left(kind, live) for kind, live in find_ours(tools.mark, tools.kinds)]
    gone = tuple(dict.fromkeys(step.address for step in plan.steps if step.action in (Action.DELETE, Action.FORGET)))
    kept = tuple(item for item in found if item.address in plan.kept)
    left = tuple(item for item in found if item.address not in plan.kept)
    return Receipt(plan, agreed=True, deleted=gone, kept=kept, left=left, seconds=seconds)


def _left(kind: str, live: Live) -> Left:
    return Left(live.mark.address if live.mark else "", kind, live.id)
