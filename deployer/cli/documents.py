"""Plans and their parts as the documented JSON (docs/output-schema.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from deployer.cli.failures import origin
from deployer.cli.values import document
from deployer.core.plan import Drift, Plan, Step, totals
from deployer.core.resource import Change
from deployer.core.values import show_path
from deployer.workflow.answers import Output


def plan_document(plan: Plan) -> dict[str, Any]:
    """Everything `plan` shows; nothing sensitive in it."""
    return {
        "id": plan.id,
        "platform": plan.mark.platform,
        "environment": plan.mark.environment,
        "target": plan.target,
        "empty": plan.empty,
        "destroy": plan.destroy,
        "steps": [step_document(step) for step in plan.steps],
        "drift": [drift_document(drift) for drift in plan.drift],
        "kept": list(plan.kept),
        "totals": asdict(totals(plan)),
        "unchanged": plan.unchanged,
        "reads": plan.reads,
        "seconds": round(plan.seconds, 3),
    }


def step_document(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "action": step.action.value,
        "address": step.address,
        "kind": step.kind,
        "object_id": step.object_id,
        "reason": step.reason,
        "impact": step.impact.value,
        "origin": origin(step.origin),
        "after": list(step.after),
        "config": config_document(step.config),
        "changes": [change_document(change) for change in step.changes],
        "data": step.data,
        "replaces": step.replaces,
        "create_first": step.create_first,
        "prevent_destroy": step.prevent_destroy,
        "source": step.source,
    }


def config_document(config: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - JSON out
    return None if config is None else document(config)


def change_document(change: Change) -> dict[str, Any]:
    return {"path": show_path(change.path), "before": document(change.before), "after": document(change.after)}


def drift_document(drift: Drift) -> dict[str, Any]:
    return {
        "address": drift.address,
        "kind": drift.kind,
        "gone": drift.gone,
        "changes": [change_document(change) for change in drift.changes],
    }


def output_documents(outputs: Sequence[Output]) -> dict[str, Any]:
    """Each component's outputs, by name: the value and what is said about it."""
    facts: dict[str, Any] = {}
    for item in outputs:
        facts.setdefault(item.component, {})[item.name] = {
            "value": item.value,
            "variable": item.variable,
            "sensitive": item.sensitive,
            "known": item.known,
        }
    return facts
