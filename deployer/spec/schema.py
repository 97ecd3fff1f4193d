"""The JSON Schema of environment files, for editors: the top level from our models, the rest from whoever knows modules and kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Anywhere a value is expected, text with a reference may stand, or a form that makes the value.
_FORMS = (("$when", "$value"), ("$template",), ("$file",))
_WORKED_OUT: Schema = {"anyOf": [{"type": "string", "pattern": r"\$\{"}, *({"type": "object", "required": [*form]} for form in _FORMS)]}
_REFERENCE: Schema = {"$ref": "#/$defs/worked_out"}
_NULL: Schema = {"type": "null"}
_SHOWN = ("title", "description", "default", "examples")
_REQUIRED = ("version", "platform", "target")
_NESTED_MAPS = ("properties", "patternProperties")
_NESTED_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def spec_schema() -> Schema:
    """The top level alone (draft 2020-12); components take any input, resources any kind."""
    from deployer.spec.platform import PlatformModel  # noqa: PLC0415 - pydantic is heavy

    schema = PlatformModel.model_json_schema()
    schema = {"$schema": DIALECT, **schema, "title": "deployer environment"}
    required = [key for key in _REQUIRED if key in schema.pop("required", _REQUIRED)]
    # What a file does not say, the one it extends may.
    schema["anyOf"] = [{"required": ["extends"]}, {"required": required}]
    properties = schema["properties"]
    properties["state"] = {"anyOf": [properties["state"], {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*://"}]}
    for name in ("components", "resources", "secrets", "moved"):
        section = properties[name]
        patterns = section.pop("patternProperties", None) or {"": section.pop("additionalProperties")}
        section["patternProperties"] = {pattern: _nullable(entry) for pattern, entry in patterns.items()}
        section["additionalProperties"] = False
    schema["properties"] = {name: _nullable(entry) for name, entry in properties.items()}
    for definition in schema["$defs"].values():
        if "extends" not in definition.get("properties", {}):
            definition.pop("required", None)
            definition["properties"] = {name: _nullable(entry) for name, entry in definition.get("properties", {}).items()}
    return schema


def full_schema(components: Mapping[str, Mapping[str, Schema]], kinds: Mapping[str, Schema]) -> Schema:
    """The whole schema.

    `components` maps component -> module -> the JSON Schema (type object) of the module's inputs; `kinds` maps a kind's name to
    the JSON Schema of its configuration. References (`${...}`) and forms (`{$file: ...}`) are allowed for every value; do not add
    them yourself.
    """
    schema = spec_schema()
    definitions = schema["$defs"] = {**schema["$defs"], "worked_out": _WORKED_OUT}
    section = schema["properties"]["components"]["anyOf"][0]
    section.pop("patternProperties")
    section["properties"] = {name: _nullable(_component(name, modules, definitions)) for name, modules in components.items() if modules}
    if kinds:
        definitions["ResourceModel"]["properties"]["kind"] = {"enum": sorted(kinds), "description": "The type of the resource."}
        definitions["ResourceModel"]["allOf"] = [_kind(name, kinds[name], definitions) for name in sorted(kinds)]
    return schema


def _component(component: str, modules: Mapping[str, Schema], definitions: Schema) -> Schema:
    shared = definitions["ComponentModel"]["properties"]
    choices: list[Schema] = []
    for module in sorted(modules):
        inputs = _lifted(modules[module], f"{component}.{module}", definitions)
        properties = {**shared, **{name: _nullable(entry) for name, entry in inputs.get("properties", {}).items()}}
        then = {"properties": properties, "additionalProperties": inputs.get("additionalProperties", False)}
        choices.append({"if": {"properties": {"module": {"const": module}}, "required": ["module"]}, "then": then})
    return {"type": "object", "properties": {"module": {**shared["module"], "enum": sorted(modules)}}, "allOf": choices}


def _kind(name: str, config: Schema, definitions: Schema) -> Schema:
    inner = _lifted(config, name, definitions)
    return {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": {"properties": {"config": _nullable(inner)}}}


def _lifted(schema: Schema, prefix: str, definitions: Schema) -> Schema:
    """The schema with its own definitions moved to ours under a prefix, references allowed, nothing required (it may be extended)."""
    own = schema.get("$defs", {})
    for name, definition in own.items():
        definitions[f"{prefix}.{name}"] = _loosened(definition, prefix)
    loose: Schema = _loosened({key: value for key, value in schema.items() if key not in ("$defs", "$schema", "$id")}, prefix)
    return loose


def _loosened(schema: Any, prefix: str) -> Any:  # noqa: ANN401 - a schema is an object or a boolean
    if not isinstance(schema, dict):
        return schema
    loose = {key: value for key, value in schema.items() if key != "required"}
    if isinstance(loose.get("$ref"), str):
        loose["$ref"] = loose["$ref"].replace("#/$defs/", f"#/$defs/{prefix}.")
    for key in loose.keys() & {*_NESTED_MAPS}:
        loose[key] = {name: _nullable(_or_reference(_loosened(item, prefix))) for name, item in loose[key].items()}
    for key in loose.keys() & {*_NESTED_LISTS}:
        loose[key] = [_loosened(item, prefix) for item in loose[key]]
    if "items" in loose:
        loose["items"] = _or_reference(_loosened(loose["items"], prefix))
    if isinstance(loose.get("additionalProperties"), dict):
        loose["additionalProperties"] = _nullable(_or_reference(_loosened(loose["additionalProperties"], prefix)))
    return loose


def _or_reference(schema: Any) -> Any:  # noqa: ANN401 - as above
    return _or(schema, _REFERENCE)


def _nullable(schema: Any) -> Any:  # noqa: ANN401 - as above
    """Null removes what an extended file says, wherever a key may stand."""
    return _or(schema, _NULL)


def _or(schema: Any, other: Schema) -> Any:  # noqa: ANN401 - as above
    """The choice between the two. What an editor shows of a value stays outside it, where editors look."""
    if not isinstance(schema, dict) or other in schema.get("anyOf", ()):
        return schema
    shown = {key: schema[key] for key in _SHOWN if key in schema}
    rest = {key: value for key, value in schema.items() if key not in shown}
    choices = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    return {**shown, "anyOf": [*choices, other]}
