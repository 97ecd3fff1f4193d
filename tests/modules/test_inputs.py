from __future__ import annotations

import pytest

from deployer.core.values import OutputRef, SecretRef, Template, Value
from deployer.modules.definition import Input
from deployer.modules.inputs import conform
from deployer.modules.references import EnvironmentText
from deployer.modules.types import parse_type

_PORT = Template((OutputRef("a/b.c/d", "port"),))
_TEXT = Template(("x", OutputRef("a/b.c/d", "port")))


@pytest.mark.parametrize(
    ("written", "value", "taken"),
    [
        ("string", "a", "a"),
        ("integer", -3, -3),
        ("number", 2, 2),
        ("number", 2.5, 2.5),
        ("boolean", False, False),
        ("port", 65535, 65535),
        ("port", "auto", "auto"),
        ("path", "a b", "a b"),
        ("size", 5, 5),
        ("size", "10MB", 10_000_000),
        ("size", "1.5 Gi", 1_610_612_736),
        ("size", "7", 7),
        ("duration", 5, 5),
        ("duration", "1m30s", 90),
        ("duration", "250ms", 0.25),
        ("any", {"a": [None]}, {"a": [None]}),
        ("list[integer]", [1, 2], [1, 2]),
        ("map[list[string]]", {"a": ["b"]}, {"a": ["b"]}),
        ("integer", None, None),
        ("integer", _PORT, _PORT),
        ("list[string]", _PORT, _PORT),
        ("string", _TEXT, _TEXT),
        ("string", Template((SecretRef("S"),)), Template((SecretRef("S"),))),
        ("integer", EnvironmentText("12"), 12),
        ("port", EnvironmentText("auto"), "auto"),
        ("number", EnvironmentText("-1.5e3"), -1500.0),
        ("boolean", EnvironmentText("true"), True),
        ("string", EnvironmentText("12"), "12"),
        ("list[integer]", [EnvironmentText("1")], [1]),
    ],
)
def test_a_value_of_the_declared_type_is_taken(written: str, value: Value, taken: Value) -> None:
    result = conform(value, Input(parse_type(written)))
    assert result == (taken, [])
    assert type(result[0]) is type(taken) or isinstance(value, EnvironmentText)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("string", 1),
        ("string", ["a"]),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1"),
        ("number", float("nan")),
        ("number", False),
        ("boolean", 1),
        ("port", 0),
        ("port", 65536),
        ("port", "http"),
        ("port", True),
        ("path", ""),
        ("path", "a\0b"),
        ("size", -1),
        ("size", "10 apples"),
        ("duration", "1 hour"),
        ("duration", -1),
        ("object", []),
        ("list[string]", "a"),
        ("list[string]", [None]),
        ("map[string]", ["a"]),
        ("integer", _TEXT),
        ("list[string]", _TEXT),
        ("integer", EnvironmentText("twelve")),
        ("boolean", EnvironmentText("yes")),
    ],
)
def test_a_value_of_another_type_is_complained_about(written: str, value: Value) -> None:
    assert len(conform(value, Input(parse_type(written)))[1]) == 1


def test_a_sensitive_value_never_stands_in_a_complaint() -> None:
    fields = {"password": Input(parse_type("string"), sensitive=True, pattern="^x"), "port": Input(parse_type("port"))}
    whole, part = Input(parse_type("integer"), sensitive=True), Input(parse_type("map[object]"), fields=fields)
    complaints = conform("canary", whole)[1] + conform({"a": {"password": "canary", "port": "canary-not"}}, part)[1]
    assert [complaint.value for complaint in complaints] == [None, None, '"canary-not"']


def test_fields_are_filled_with_their_defaults() -> None:
    fields = {"a": Input(parse_type("integer"), default=3), "b": Input(parse_type("size"), default="1K"), "c": Input(parse_type("any"))}
    assert conform({"c": 1}, Input(parse_type("object"), fields=fields)) == ({"a": 3, "b": 1000, "c": 1}, [])


@pytest.mark.parametrize("written", ["", "strin", "list", "map", "list[]", "list[strin]", "list[string", "String", "list[map]"])
def test_a_type_that_does_not_exist_is_refused_with_what_there_is(written: str) -> None:
    with pytest.raises(ValueError, match="one of: string, integer"):
        parse_type(written)
