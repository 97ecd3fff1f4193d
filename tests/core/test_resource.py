"""Marks, and what stands for nothing."""

from __future__ import annotations

from deployer.core.resource import ABSENT, Live, Mark, Want

OURS = Mark("demo", "test")


def test_an_environment_owns_what_carries_its_platform_and_its_name() -> None:
    assert OURS.owns(OURS.at("c/kind/a"))
    assert not OURS.owns(Mark("demo", "prod", "c/kind/a"))
    assert not OURS.owns(Mark("shop", "test"))
    assert not OURS.owns(None)


def test_a_mark_names_its_environment_and_the_address_when_it_has_one() -> None:
    assert (str(OURS), str(OURS.at("c/kind/a"))) == ("demo/test", "demo/test (c/kind/a)")


def test_configurations_are_not_in_the_text_of_what_holds_them() -> None:
    shown = f"{Want('a', 'id', OURS, {'password': 's3cret'})} {Live('id', {'password': 's3cret'}, {'value': 's3cret'})}"
    assert "s3cret" not in shown


def test_an_absent_side_says_so() -> None:
    assert repr(ABSENT) == "(absent)"
