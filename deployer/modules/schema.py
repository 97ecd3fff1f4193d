"""The inputs of modules as JSON Schema (draft 2020-12). References are allowed for every value; `spec.schema` adds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from deployer.modules.definition import Input, Module
from deployer.modules.types import InputType, TypeName

Schema: TypeAlias = dict[str, Any]

_TYPES: Mapping[TypeName, Schema] = {
    TypeName.STRING: {"type": "string"},
    TypeName.INTEGER: {"type": "integer"},
    TypeName.NUMBER: {"type": "number"},
    TypeName.BOOLEAN: {"type": "boolean"},
    TypeName.PORT: {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"const": "auto"}]},
    TypeName.PATH: {"type": "string", "minLength": 1},
    TypeName.SIZE: {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*[KMGT]?i?B?$"}]},
    TypeName.DURATION: {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|[smhd]))+$"}]},
    TypeName.ANY: {},
    TypeName.OBJECT: {"type": "object"},
}
_BOUNDED = (TypeName.INTEGER, TypeName.NUMBER)


def inputs_schema(modules: Iterable[Module]) -> dict[str, dict[str, Schema]]:
    """Component -> module -> the schema of its inputs: what `spec.schema.full_schema` takes."""
    schemas: dict[str, dict[str, Schema]] = {}
    for module in modules:
        schemas.setdefault(module.component, {})[module.name] = module_schema(module)
    return schemas


def module_schema(module: Module) -> Schema:
    """The schema of one module's inputs; nothing else is allowed beside them."""
    return {"description": module.summary, **_object(module.inputs)}


def _object(fields: Mapping[str, Input]) -> Schema:
    required = [name for name, item in fields.items() if item.required]
    schema: Schema = {
        "type": "object",
        "properties": {name: _input(item) for name, item in fields.items()},
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _input(declared: Input) -> Schema:
    schema = _typed(declared.type, declared)
    if declared.doc:
        schema["description"] = declared.doc.strip()
    if declared.default is not None:
        schema["default"] = declared.default
    return schema


def _typed(kind: InputType, declared: Input) -> Schema:
    if kind.item:
        inner = _typed(kind.item, declared)
        return {"type": "array", "items": inner} if kind.name is TypeName.LIST else {"type": "object", "additionalProperties": inner}
    if declared.values:
        return {"enum": list(declared.values)}
    schema = _object(declared.fields) if declared.fields else dict(_TYPES[kind.name])
    if declared.pattern is not None:
        schema["pattern"] = declared.pattern
    if kind.name in _BOUNDED:
        bounds = {"minimum": declared.minimum, "maximum": declared.maximum}
        schema |= {name: bound for name, bound in bounds.items() if bound is not None}
    return schema
