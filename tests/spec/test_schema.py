"""The JSON Schema of environment files."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from deployer.spec.schema import full_schema, spec_schema

HEAD = {"version": 1, "platform": "demo", "target": "local"}
INPUTS = {
    "type": "object",
    "properties": {"port": {"type": "integer", "description": "where"}, "limits": {"$ref": "#/$defs/Limits"}},
    "required": ["port"],
    "additionalProperties": False,
    "$defs": {"Limits": {"type": "object", "properties": {"memory": {"type": "integer"}}, "required": ["memory"]}},
}
FILE = {"type": "object", "properties": {"path": {"type": "string"}, "size": {"type": "integer"}}, "additionalProperties": False}
FULL = full_schema(
    {
        "tracking": {"mlflow": INPUTS, "other": {"type": "object", "properties": {}}},
        "database": {"sqlite": {"type": "object"}},
        "serving": {},
    },
    {"local.file": FILE},
)


def valid(schema: dict[str, Any], **sections: object) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid({**HEAD, **sections})


@pytest.mark.parametrize("schema", [spec_schema(), FULL])
def test_it_is_a_schema_of_its_draft(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert valid(schema)


@pytest.mark.parametrize(
    "sections",
    [
        {"settings": {"root": "here", "ready_timeout": 5}},
        {"settings": None, "components": None},
        {"state": {"backend": "local", "path": None}},
        {"state": "file:///srv/state"},
        {"secrets": {"A": {"env": "A"}, "B": {"command": ["pass"]}, "C": None}},
        {"moved": {"tracking/local.process/a": "tracking/local.process/b"}},
        {"components": {"tracking": {"module": "mlflow", "depends_on": ["database"]}, "database": None}},
        {"resources": {"a": {"kind": "local.file", "for_each": {"a": 1}, "when": "each.key", "config": {"path": "x"}}}},
        {"modules": ["../mine"]},
    ],
)
@pytest.mark.parametrize("schema", [spec_schema(), FULL])
def test_what_may_be_written_is_valid(schema: dict[str, Any], sections: dict[str, object]) -> None:
    assert valid(schema, **sections)


@pytest.mark.parametrize(
    "sections",
    [
        {"colour": "red"},
        {"version": 2},
        {"platform": "Demo"},
        {"settings": {"bindd": "x"}},
        {"settings": {"ready_timeout": "5"}},
        {"state": "somewhere"},
        {"secrets": {"1st": {"env": "A"}}},
        {"moved": {"tracking": "tracking/local.process/b"}},
        {"components": {"Tracking": {"module": "mlflow"}}},
        {"resources": {"a.b": {"kind": "local.file"}}},
        {"resources": {"a": {"kind": "local.file", "confg": {}}}},
    ],
)
@pytest.mark.parametrize("schema", [spec_schema(), FULL])
def test_what_may_not_be_written_is_not_valid(schema: dict[str, Any], sections: dict[str, object]) -> None:
    assert not valid(schema, **sections)


def test_a_file_may_leave_out_what_the_one_it_extends_says() -> None:
    validator = jsonschema.Draft202012Validator(spec_schema())
    assert validator.is_valid({"extends": "base.yaml", "resources": {"a": {"config": {}}}, "components": {"tracking": {"port": 1}}})
    assert not validator.is_valid({"platform": "demo"})


@pytest.mark.parametrize(
    ("tracking", "fits"),
    [
        ({"module": "mlflow", "port": 5000}, True),
        ({"module": "mlflow", "port": "${env:PORT}"}, True),
        ({"module": "mlflow", "port": None}, True),
        ({"module": "mlflow", "limits": {"memory": "${env:M}"}}, True),
        ({"module": "mlflow", "limits": "${input.limits}"}, True),
        ({"module": "mlflow", "prevent_destroy": True}, True),
        ({"module": "mlflow", "port": "5000"}, False),
        ({"module": "mlflow", "limits": {"memory": "much"}}, False),
        ({"module": "mlflow", "prt": 5000}, False),
        ({"module": "other", "port": 5000}, False),
        ({"module": "nobody"}, False),
    ],
)
def test_a_components_inputs_are_those_of_its_module(tracking: dict[str, object], *, fits: bool) -> None:
    assert valid(FULL, components={"tracking": tracking}) is fits


def test_a_component_nobody_offers_is_not_valid() -> None:
    assert not valid(FULL, components={"trackin": {"module": "mlflow"}})


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        ({"kind": "local.file", "config": {"path": "a", "size": "${each.value}"}}, True),
        ({"kind": "local.file", "config": {"path": {"$file": "path.txt"}, "size": {"$when": "each.key", "$value": 1}}}, True),
        ({"kind": "local.file", "config": {"path": None, "size": None}}, True),
        ({"kind": "local.file", "config": {"size": {"$value": 1}}}, False),
        ({"kind": "local.file", "config": {"size": "a"}}, False),
        ({"kind": "local.file", "config": {"colour": "red"}}, False),
        ({"kind": "local.fil", "config": {}}, False),
    ],
)
def test_a_resources_configuration_is_that_of_its_kind(resource: dict[str, object], *, fits: bool) -> None:
    assert valid(FULL, resources={"a": resource}) is fits


def test_what_an_editor_shows_stays_where_it_looks() -> None:
    properties = FULL["properties"]["components"]["anyOf"][0]["properties"]["tracking"]["anyOf"][0]["allOf"][0]["then"]["properties"]
    assert properties["port"]["description"] == "where"
