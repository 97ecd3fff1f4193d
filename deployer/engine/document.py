"""The plan as one versioned JSON document. Values that must not be shown are never in it: their templates are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from deployer.core.errors import Origin, StalePlanError
from deployer.core.plan import Action, Drift, Impact, Plan, Step, totals
from deployer.core.resource import ABSENT, Change, Mark
from deployer.core.values import Json, OutputRef, SecretRef, Sensitive, Template, Unknown, Value

FORMAT = "deployer-plan/1"


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """The whole plan; `plan_from_json` gives an equal one back, less the plain values of what is sensitive."""
    counts = totals(plan)
    return {
        "format": FORMAT,
        "id": plan.id,
        "platform": plan.mark.platform,
        "environment": plan.mark.environment,
        "target": plan.target,
        "target_identity": plan.target_identity,
        "spec_digest": plan.spec_digest,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "destroy": plan.destroy,
        "steps": [_step(step) for step in plan.steps],
        "drift": [_drift(drift) for drift in plan.drift],
        "kept": list(plan.kept),
        "unchanged": plan.unchanged,
        "reads": plan.reads,
        "seconds": plan.seconds,
        "totals": {field.name: getattr(counts, field.name) for field in fields(counts)},
    }


def plan_from_json(document: object) -> Plan:
    """Raises `StalePlanError` for anything that is not a plan this version wrote."""
    if not isinstance(document, dict) or not str(document.get("format", "")).startswith("deployer-plan/"):
        raise StalePlanError("this is not a saved plan", fix="make one: deployer plan ENV --out FILE")
    if document["format"] != FORMAT:
        raise StalePlanError(f"this plan has the format {document['format']}; this deployer writes {FORMAT}", fix="make a new plan")
    try:
        return _plan(document)
    except (KeyError, TypeError, ValueError) as error:
        raise StalePlanError("this plan file is damaged", why=f"{type(error).__name__}: {error}", fix="make a new plan") from error


def _plan(document: dict[str, Any]) -> Plan:
    same = ("id", "target", "target_identity", "spec_digest", "lineage", "serial", "destroy", "unchanged", "reads", "seconds")
    return Plan(
        mark=Mark(document["platform"], document["environment"]),
        steps=tuple(_read_step(step) for step in document["steps"]),
        drift=tuple(Drift(d["address"], d["kind"], tuple(map(_read_change, d["changes"])), d["gone"]) for d in document["drift"]),
        kept=tuple(document["kept"]),
        **{name: document[name] for name in same},
    )


def _step(step: Step) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for field in fields(step):
        value = getattr(step, field.name)
        match field.name:
            case "config":
                result["config"] = None if value is None else encode(value)
            case "changes":
                result["changes"] = [_change(change) for change in value]
            case "origin":
                result["origin"] = None if value is None else [value.file, value.line, value.column]
            case _:
                result[field.name] = list(value) if isinstance(value, tuple) else value
    return result


def _read_step(document: dict[str, Any]) -> Step:
    values = dict(document)
    values["action"], values["impact"] = Action(values["action"]), Impact(values["impact"])
    values["origin"] = None if values["origin"] is None else Origin(*values["origin"])
    values["config"] = None if values["config"] is None else decode(values["config"])
    values["changes"] = tuple(_read_change(change) for change in values["changes"])
    values["after"], values["edges"] = tuple(values["after"]), tuple(values["edges"])
    return Step(**values)


def _drift(drift: Drift) -> dict[str, Json]:
    return {"address": drift.address, "kind": drift.kind, "gone": drift.gone, "changes": [_change(c) for c in drift.changes]}


def _change(change: Change) -> dict[str, Json]:
    return {"path": list(change.path), "before": encode(change.before), "after": encode(change.after)}


def _read_change(document: dict[str, Any]) -> Change:
    return Change(tuple(document["path"]), decode(document["before"]), decode(document["after"]))


def encode(value: Value) -> Json:
    """A tree as JSON: `$unknown`, `$sensitive`, `$template` and `$absent` stand for what JSON cannot say."""
    if isinstance(value, Mapping):
        plain = {key: encode(item) for key, item in value.items()}
        return {"$map": plain} if any(key.startswith("$") for key in plain) else plain
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return _encode_leaf(value)


def _encode_leaf(value: Value) -> Json:
    match value:
        case Unknown():
            return {"$unknown": _parts(value.template)}
        case Sensitive():
            return {"$sensitive": value.digest, "template": None if value.template is None else _parts(value.template)}
        case Template():
            return {"$template": _parts(value)}
        case _:
            return {"$absent": True} if value is ABSENT else value


def decode(document: Any) -> Value:  # noqa: ANN401 - any JSON
    """The tree an `encode` made."""
    if isinstance(document, list):
        return [decode(item) for item in document]
    if not isinstance(document, dict):
        return document
    name = next(iter(document), "")
    if name == "$map":
        return {key: decode(item) for key, item in document[name].items()}
    return _DECODERS[name](document) if name in _DECODERS else {key: decode(item) for key, item in document.items()}


_DECODERS: Mapping[str, Callable[[dict[str, Any]], Value]] = MappingProxyType(
    {
        "$unknown": lambda document: Unknown(_read_parts(document["$unknown"])),
        "$sensitive": lambda document: _read_sensitive(document),  # noqa: PLW0108 - defined below
        "$template": lambda document: _read_parts(document["$template"]),
        "$absent": lambda _document: ABSENT,
    }
)


def _read_sensitive(document: dict[str, Any]) -> Sensitive:
    parts = document["template"]
    return Sensitive(document["$sensitive"], None, None if parts is None else _read_parts(parts))


def _parts(template: Template) -> list[Json]:
    shown: list[Json] = []
    for part in template.parts:
        match part:
            case OutputRef():
                shown.append({"address": part.address, "output": part.output})
            case SecretRef():
                shown.append({"secret": part.name})
            case _:
                shown.append(part)
    return shown


def _read_parts(parts: list[Any]) -> Template:
    def read(part: Any) -> str | OutputRef | SecretRef:  # noqa: ANN401 - any JSON
        if isinstance(part, str):
            return part
        return SecretRef(part["secret"]) if "secret" in part else OutputRef(part["address"], part["output"])

    return Template(tuple(read(part) for part in parts))
