from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from pydantic import AfterValidator, Field

from deployer.core.errors import ConfigError
from deployer.core.values import OutputRef, Sensitive, Template, Unknown
from deployer.providers.parse import Config, parse, refuse

LATER = Unknown(Template((OutputRef("a/b/c", "d"),)))
SECRET = Sensitive("digest", "hunter2")


def _even(value: int) -> int:
    if value % 2:
        refuse("is odd", "an even number")
    return value


class Health(Config):
    path: str = "/"
    timeout: Annotated[int, Ge(1)] = 5


class Thing(Config):
    name: str
    port: int | Literal["auto"] = "auto"
    even: Annotated[int, AfterValidator(_even)] = 2
    command: list[str] = Field(default_factory=list)
    environment: dict[str, str] = Field(default_factory=dict)
    health: Health | None = None
    checks: list[Health] = Field(default_factory=list)
    schema_: str | None = Field(default=None, alias="schema")


def problems(config: dict[str, Any], *sensitive: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(Thing, config, sensitive)
    return [str(problem) for problem in caught.value.problems]


def test_defaults_are_filled_to_the_bottom() -> None:
    assert parse(Thing, {"name": "x", "health": {}}) == {
        "name": "x",
        "port": "auto",
        "even": 2,
        "command": [],
        "environment": {},
        "health": {"path": "/", "timeout": 5},
        "checks": [],
        "schema": None,
    }


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "name: is missing"),
        ({"name": 5}, "name: must be text (value 5); write it in quotes"),
        ({"name": None}, "name: must be text (value null)"),
        ({"name": "x", "prot": 1}, "did you mean port?"),
        ({"name": "x", "port": "some"}, "port: must be a whole number or 'auto' (value \"some\")"),
        ({"name": "x", "port": True}, "port: must be a whole number or 'auto' (value true)"),
        ({"name": "x", "even": 3}, "even: is odd (value 3); an even number"),
        ({"name": "x", "command": "ls -l"}, 'command: must be a list (value "ls -l")'),
        ({"name": "x", "command": ["a", 1]}, "command[1]: must be text (value 1); write it in quotes"),
        ({"name": "x", "environment": {"A": 1}}, "environment.A: must be text (value 1); write it in quotes"),
        ({"name": "x", "environment": []}, "environment: must be a map"),
        ({"name": "x", "health": {"timeout": 0}}, "health.timeout: must be at least 1 (value 0)"),
        ({"name": "x", "health": {"pth": "/"}}, "health.pth: unknown key; allowed are path, timeout; did you mean path?"),
        ({"name": "x", "checks": [{}, {"timeout": "5"}]}, 'checks[1].timeout: must be a whole number (value "5")'),
        ({"name": "x", "schema": 1}, "schema: must be text (value 1); write it in quotes"),
    ],
)
def test_a_mistake_is_told_in_our_words(config: dict[str, Any], says: str) -> None:
    (problem,) = problems(config)
    assert says in problem


def test_all_mistakes_come_at_once() -> None:
    assert len(problems({"port": "some", "even": 3, "x": 1, "health": 5})) == 5


@pytest.mark.parametrize(
    "config",
    [
        {"name": LATER},
        {"name": "x", "port": LATER},
        {"name": "x", "even": LATER},
        {"name": "x", "command": LATER},
        {"name": "x", "command": ["a", LATER]},
        {"name": "x", "environment": {"A": LATER, "B": "b"}},
        {"name": "x", "health": LATER},
        {"name": "x", "schema": LATER},
        {"name": "x", "schema": LATER.template},
    ],
)
def test_what_is_not_known_yet_stays_where_it_stands(config: dict[str, Any]) -> None:
    parsed = parse(Thing, config)
    assert {key: parsed[key] for key in config} == config
    assert set(parsed) == {"name", "port", "even", "command", "environment", "health", "checks", "schema"}
    assert parse(Thing, parsed) == parsed


def test_defaults_are_filled_around_what_is_not_known_yet() -> None:
    parsed = parse(Thing, {"name": LATER, "health": {"path": LATER}, "checks": [{"timeout": LATER}, {}]})
    assert parsed["health"] == {"path": LATER, "timeout": 5}
    assert parsed["checks"] == [{"path": "/", "timeout": LATER}, {"path": "/", "timeout": 5}]


def test_mistakes_are_found_beside_what_is_not_known_yet() -> None:
    found = problems({"name": LATER, "even": 3, "command": [LATER, 5], "colour": LATER, "health": {"pth": LATER}})
    assert [problem.split(":")[0] for problem in found] == ["even", "command[1]", "health.pth", "colour"]


def test_a_secret_is_checked_by_its_value_and_stays_sealed() -> None:
    parsed = parse(Thing, {"name": SECRET, "environment": {"A": SECRET}, "command": ["x", SECRET]})
    assert (parsed["name"], parsed["environment"], parsed["command"]) == (SECRET, {"A": SECRET}, ["x", SECRET])
    assert isinstance(parsed["name"], Sensitive)
    assert parse(Thing, parsed) == parsed


def test_a_wrong_secret_is_refused_without_showing_it() -> None:
    text = "\n".join(problems({"name": "x", "port": SECRET, "health": SECRET, "even": Sensitive("d", 77)}))
    assert "hunter2" not in text
    assert "77" not in text
    assert "port: must be a whole number or 'auto'" in text


def test_a_value_in_a_sensitive_field_is_never_shown() -> None:
    assert problems({"name": "x", "environment": {"KEY": 12345}}, "environment") == [
        "environment.KEY: must be text; write it in quotes",
    ]


def test_a_long_value_is_cut() -> None:
    (problem,) = problems({"name": "x", "port": "y" * 5000})
    assert len(problem) < 150


def test_the_given_configuration_is_not_changed() -> None:
    config: dict[str, Any] = {"name": "x", "command": ("a", LATER)}
    assert parse(Thing, config)["command"] == ["a", LATER]
    assert config == {"name": "x", "command": ("a", LATER)}
