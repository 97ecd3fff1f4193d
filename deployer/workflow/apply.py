"""The story of `apply`: check, lock, replay, plan, show, refuse, check what it touches, ask, do, tell."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from deployer.core.errors import UsageError
from deployer.core.plan import Plan
from deployer.core.protocols import Ledger
from deployer.core.state import Entry, EntryType
from deployer.engine.safety import check_plan, data_loss_steps, refuse_data_loss, refuse_protected
from deployer.spec.spec import Spec
from deployer.state.here import whoami
from deployer.state.open import open_backend, refuse_taken, session
from deployer.workflow.answers import Applied, Options, Partner, Where
from deployer.workflow.environment import Tools, opening, tools_for
from deployer.workflow.output import outputs_of
from deployer.workflow.preflight import preflight, require_fit
from deployer.workflow.retry import Patient
from deployer.workflow.saved import load_plan

ALL = "all"  # the word that allows every loss


def apply_environment(where: Where, options: Options, partner: Partner) -> Applied:
    """Makes the environment as its spec says.

    Raises what its parts raise: `SpecError`, `PreflightError`, `LockHeldError`, `DataLossError`, `ApplyError`, ...
    """

    def look(spec: Spec) -> None:
        if not options.lock_timeout:
            refuse_taken(open_backend(spec.state.url, spec.project))

    with opening(where, look) as environment:
        from deployer.engine.planner import make_plan  # noqa: PLC0415 - a held lock is told before this is imported

        tools, spec = environment.tools, environment.spec
        require_fit(tools, partner)
        settings = tools.plan_settings(partner.event, keep_key=True)
        with session(tools.backend, tools.mark, whoami(f"deployer apply {spec.environment}"), options.lock_timeout, partner.note) as ledger:
            plan = make_plan(environment.desired, ledger.state(), tools.kinds, settings)
            done = carry_out(plan, tools, ledger, options, partner)
        return replace(done, outputs=outputs_of(environment.expanded.outputs, tools, reveal=False)) if done.agreed else done


def apply_saved(file: Path, options: Options, partner: Partner) -> Applied:
    """Does exactly what the saved plan says, whatever the spec says by now. Raises `StalePlanError` when the world has moved."""
    plan, site = load_plan(file)
    with tools_for(site) as tools:
        if not tools.mark.owns(plan.mark):
            raise UsageError(f"{file} mixes two environments: {plan.mark} and {tools.mark}")
        require_fit(tools, partner)
        with session(tools.backend, tools.mark, whoami(f"deployer apply {file}"), options.lock_timeout, partner.note) as ledger:
            check_plan(plan, tools.premises(ledger.state()))
            if plan.empty:
                ledger.write([Entry(EntryType.APPLIED, source=plan.id)])  # it is used up all the same
            return carry_out(plan, tools, ledger, options, partner)


def carry_out(plan: Plan, tools: Tools, ledger: Ledger, options: Options, partner: Partner) -> Applied:
    """Shows the plan, gets every consent it needs, and does it. `agreed` is False when the answer was no."""
    started = time.monotonic()
    partner.plan(plan)
    if plan.empty:
        return Applied(plan, agreed=True, changed=False, seconds=0.0)
    refuse_protected(plan)
    consent_to_loss(plan, options, partner)
    preflight(plan, tools, partner.event)
    if not partner.agree(plan):
        return Applied(plan, agreed=False, changed=False, seconds=0.0)
    perform(plan, tools, ledger, options, partner)
    return Applied(plan, agreed=True, changed=True, seconds=time.monotonic() - started)


def consent_to_loss(plan: Plan, options: Options, partner: Partner) -> None:
    """Raises `DataLossError` unless flags or a person allow every loss of data in the plan."""
    asked = losses_to_allow(plan, options)
    if asked and not partner.lose(plan, asked):
        refuse_data_loss(plan, options.allowed)


def losses_to_allow(plan: Plan, options: Options) -> list[str]:
    """The addresses whose data the plan destroys and no flag lets go."""
    losses = [step.address for step in data_loss_steps(plan)]
    return [] if ALL in options.allowed else [address for address in losses if address not in options.allowed]


def perform(plan: Plan, tools: Tools, ledger: Ledger, options: Options, partner: Partner) -> None:
    """The changes themselves, with a stop for whoever waits."""
    from deployer.engine.applier import ApplySettings, apply_plan  # noqa: PLC0415 - most applies have nothing to do

    with partner.working(plan) as stop:
        settings = ApplySettings(
            seal=tools.seal(make=True),
            secrets=tools.secrets,
            retry=Patient(stop),
            events=partner.event,
            clock=time.monotonic,
            sleep=time.sleep,
            stop=stop,
            parallelism=options.parallelism,
            ready_timeout=tools.ready_timeout,
        )
        apply_plan(plan, tools.premises(ledger.state()), ledger, settings)
