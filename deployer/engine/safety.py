"""What a plan may not do without being told to, and when a saved one may not run at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from deployer.core.errors import DataLossError, DeployerError, StalePlanError
from deployer.core.plan import Action, Impact, Plan, Step
from deployer.core.protocols import Kind
from deployer.core.resource import Live, Mark
from deployer.core.state import State
from deployer.engine.survey import Key, World


def data_loss_steps(plan: Plan) -> tuple[Step, ...]:
    """The steps that destroy data."""
    return tuple(step for step in plan.steps if step.impact is Impact.DATA_LOSS)


def refuse_data_loss(plan: Plan, allowed: Collection[str]) -> None:
    """Raises `DataLossError` naming every data-destroying step nobody allowed by address."""
    refused = [step for step in data_loss_steps(plan) if step.address not in allowed]
    if refused:
        lines = "\n".join(f"  {step.address}: {step.data}" for step in refused)
        flags = " ".join(f"--allow-data-loss '{step.address}'" for step in refused)
        keep = ", or keep the data with --keep-data" if plan.destroy else ""
        raise DataLossError(f"this would destroy data:\n{lines}", [step.address for step in refused], fix=f"allow it with {flags}{keep}")


def refuse_protected(plan: Plan) -> None:
    """Raises `DeployerError` naming every object with `prevent_destroy` the plan would remove."""
    protected = [step for step in plan.steps if step.action is Action.DELETE and step.prevent_destroy]
    if protected:
        names = ", ".join(f"{step.address}" + (f" ({step.origin})" if step.origin else "") for step in protected)
        raise DeployerError(
            f"the plan would destroy what prevent_destroy protects: {names}",
            fix="set prevent_destroy: false for it, apply, and try again",
            origin=protected[0].origin,
        )


@dataclass(frozen=True, slots=True)
class Premises:
    """What a plan has to fit before it runs."""

    mark: Mark
    target_identity: str
    state: State
    kinds: Mapping[str, Kind]


def check_plan(plan: Plan, premises: Premises) -> dict[Key, Live | None]:
    """Re-reads every object the plan touches, in bulk, and returns what is there now.

    Raises `StalePlanError` when the plan ran already, is another environment's, target's or lineage's, or objects moved.
    """
    mark, state = premises.mark, premises.state
    again = "make a new plan"
    if not mark.owns(plan.mark):
        raise StalePlanError(f"this plan is for {plan.mark}, not for {mark}", fix="apply it with its own environment")
    if plan.id in state.applied:
        raise StalePlanError("this plan was applied already", fix=again)
    if plan.lineage != state.lineage:
        raise StalePlanError("this plan was made from another state", why=f"lineage {plan.lineage}, here {state.lineage}", fix=again)
    if plan.target_identity != premises.target_identity:
        raise StalePlanError(f"this plan is for {plan.target_identity}", why=f"this is {premises.target_identity}", fix="go there")
    world = World(premises.kinds, lambda _event: None)
    world.read((step.kind, step.object_id) for step in plan.steps if step.object_id is not None)
    going = {step.object_id for step in plan.steps if step.action is Action.DELETE}
    moved = [line for step in plan.steps for line in _moved(step, world, state, going)]
    if moved:
        raise StalePlanError("the world moved since this plan was made:\n  " + "\n  ".join(moved), fix=again)
    return world.live


def _moved(step: Step, world: World, state: State, going: Collection[str | None]) -> list[str]:
    if step.object_id is None or step.action is Action.MOVE:
        return []
    live = world.get(step.kind, step.object_id)
    if step.token is None and live is not None and step.action is Action.CREATE and step.object_id not in going:
        return [f"{step.address}: {step.object_id} exists now"]
    if step.token is not None and live is None:
        return [f"{step.address}: {step.object_id} is gone"]
    if step.token is not None and live is not None and live.token != step.token:
        return [f"{step.address}: {step.object_id} has changed"]
    recorded = state.objects.get(step.address)
    if step.action is Action.DELETE and not step.replaces and not step.deposed and recorded is not None and recorded.id != step.object_id:
        return [f"{step.address}: it is {recorded.id} now"]
    return []
