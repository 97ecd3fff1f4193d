from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer.modules.describe import describe, index, markdown
from deployer.modules.load import Library, library
from deployer.modules.schema import inputs_schema, module_schema
from deployer.spec.schema import full_schema


def test_a_module_has_this_page(data: Path) -> None:
    text = describe(Library([data / "modules"], []).get("tracking", "server"))
    assert markdown(text) == (data / "tracking-server.md").read_text()


def test_the_index_names_every_module_once(data: Path) -> None:
    page = index(map(describe, Library([data / "modules"], []).all()))
    assert [line.split("]")[0] for line in page.splitlines()[4:]] == [
        "| [database/files",
        "| [left/ring",
        "| [right/ring",
        "| [tracking/server",
    ]


def test_a_description_is_json_all_through() -> None:
    for module in library().all():
        told = describe(module).as_json()
        assert json.loads(json.dumps(told)) == told


_INPUTS = {
    "port": "auto",
    "limit": "10Mi",
    "wait": "5s",
    "hosts": ["a.b"],
    "labels": {"a": "b"},
    "users": {"ann": {"name": "Ann"}},
    "level": "debug",
}


@pytest.mark.parametrize("change", [{}, {"port": 1}, {"limit": 5, "wait": 2.5}, {"extra": [None]}, {"users": {}}])
def test_the_schema_takes_right_inputs(data: Path, change: dict[str, Any]) -> None:
    schema = module_schema(Library([data / "modules"], []).get("tracking", "server"))
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid({**_INPUTS, **change})


_WRONG_USERS: tuple[dict[str, Any], ...] = ({"ann": {}}, {"ann": {"name": "Ann", "nme": 1}})


_WRONG = ({"port": 0}, {"port": "http"}, {"limit": "10 apples"}, {"wait": "soon"}, {"hosts": ["UPPER"]}, {"level": "inf"}, {"workers": 65})


@pytest.mark.parametrize(
    "change", [*_WRONG, *({"users": users} for users in _WRONG_USERS), {"labels": {"a": 1}}, {"debug": "yes"}, {"prt": 1}]
)
def test_the_schema_refuses_wrong_inputs(data: Path, change: dict[str, Any]) -> None:
    schema = module_schema(Library([data / "modules"], []).get("tracking", "server"))
    assert not Draft202012Validator(schema).is_valid({**_INPUTS, **change})


def test_the_whole_schema_is_a_schema_and_takes_references() -> None:
    schema = full_schema(inputs_schema(library().all()), {})
    Draft202012Validator.check_schema(schema)
    tracking = {"module": "mlflow", "port": "${env:PORT}"}
    assert Draft202012Validator(schema).is_valid(
        {"version": 1, "platform": "demo", "target": "local", "components": {"tracking": tracking}}
    )
