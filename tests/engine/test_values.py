"""References resolved with what is known now."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.core.errors import ConfigError, GraphError
from deployer.core.resource import Rules
from deployer.core.values import Json, OutputRef, SecretRef, Sensitive, Template, Unknown, Value
from deployer.engine.values import Known, Resolver, hide, outputs_of, shown_outputs, unknown
from tests.engine.rig import SEAL

ADDRESS = "c/fake.thing/a"
RULES = Rules(sensitive=("secret", "users.*.password"), sensitive_outputs=("password",))


def resolver(outputs: dict[str, Value] | None = None, *, complete: bool = True, **secrets: str) -> Resolver:
    return Resolver({ADDRESS: Known(outputs or {}, complete)}, secrets.__getitem__, SEAL)


def output(path: str) -> OutputRef:
    return OutputRef(ADDRESS, path)


@pytest.mark.parametrize("value", [5000, True, None, ["a"], {"b": 1}, 1.5])
def test_a_reference_alone_keeps_the_type_of_what_it_refers_to(value: object) -> None:
    assert resolver({"x": value}).template(Template((output("x"),))) == value
    assert resolver({"x": value}, complete=False).template(Template((output("x"),))) == value


def test_an_output_that_is_null_is_there() -> None:
    """A program without a port has the output `url`, and it is null: no reason to say that there is none."""
    assert resolver({"url": None}).output(output("url")) is None
    assert resolver({"url": None}).template(Template(("at ", output("url")))) == "at "


def test_parts_make_text_with_truth_values_as_yaml_writes_them() -> None:
    known: dict[str, Any] = {"port": 5000, "on": True, "off": False}
    template = Template(("p=", output("port"), " ", output("on"), " ", output("off")))
    assert resolver(known).template(template) == "p=5000 true false"


def test_an_output_may_be_reached_into_by_key_and_by_position() -> None:
    assert resolver({"hosts": [{"name": "one"}, {"name": "two"}]}).output(output("hosts.1.name")) == "two"


def test_what_is_not_known_yet_makes_the_whole_text_unknown() -> None:
    template = Template(("http://", output("host")))
    assert resolver({}, complete=False).template(template) == Unknown(template)
    assert resolver({"host": Unknown(Template((output("x"),)))}).template(template) == Unknown(template)


def test_an_output_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(GraphError, match=r"has no output urll.*its outputs are: port, url"):
        resolver({"url": "x", "port": 1}).output(output("urll"))


def test_text_with_a_secret_in_it_is_sealed_as_a_whole_and_keeps_its_template() -> None:
    template = Template(("user:", SecretRef("TOKEN")))
    hidden = resolver(TOKEN="s3cret").template(template)
    assert hidden == Sensitive(SEAL("user:s3cret"))
    assert (hidden.value, hidden.template) == ("user:s3cret", template)


def test_a_part_of_a_sensitive_output_is_sensitive_too() -> None:
    users: Json = {"admin": {"password": "s3cret"}}
    found = resolver({"users": Sensitive(SEAL(users), users)}).output(output("users.admin.password"))
    assert (found, found.value) == (Sensitive(SEAL("s3cret")), "s3cret")


def test_a_tree_is_unknown_when_one_leaf_is() -> None:
    leaf = Unknown(Template((output("x"),)))
    assert unknown({"a": [1, {"b": leaf}]})
    assert unknown(leaf)
    assert not unknown({"a": [1, {"b": "x"}]})


def test_literals_in_sensitive_fields_are_sealed_and_absent_ones_stay_absent() -> None:
    hidden = hide({"name": "n", "secret": "s3cret", "users": [{"name": "u", "password": None}]}, RULES, SEAL)
    assert hidden == {"name": "n", "secret": Sensitive(SEAL("s3cret")), "users": [{"name": "u", "password": None}]}


def test_a_sensitive_field_that_holds_no_text_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        hide({"users": [{"password": 1234567}]}, RULES, SEAL)
    assert [problem.path for problem in caught.value.problems] == ["users[0].password"]
    assert "1234567" not in str(caught.value)


def test_a_state_keeps_no_sensitive_output_and_dependents_get_it_sealed() -> None:
    live = {"url": "u", "password": "s3cret"}
    assert shown_outputs(live, RULES) == {"url": "u"}
    assert outputs_of(live, RULES, SEAL) == {"url": "u", "password": Sensitive(SEAL("s3cret"))}
