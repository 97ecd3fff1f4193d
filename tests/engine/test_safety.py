"""What a plan may not do, and when one may not run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.errors import DataLossError, DeployerError, StalePlanError
from deployer.core.plan import Plan
from deployer.core.resource import Mark
from deployer.engine.safety import Premises, check_plan, data_loss_steps, refuse_data_loss, refuse_protected
from tests.engine.rig import MARK, Rig, desired, resource

STORES = [f"c/fake.data/{name}" for name in ("one", "two")]


def losing() -> Plan:
    rig = Rig()
    rig.apply(desired(resource("one", "fake.data"), resource("two", "fake.data"), resource("plain")))
    return rig.plan(desired())


def premises(rig: Rig) -> Premises:
    return Premises(MARK, "here", rig.state, rig.kinds)


def test_every_loss_nobody_allowed_is_named_with_what_would_be_lost_and_its_flag() -> None:
    with pytest.raises(DataLossError) as caught:
        refuse_data_loss(losing(), ())
    assert sorted(caught.value.addresses) == STORES
    for address in STORES:
        assert f"{address}: data of " in caught.value.what
        assert f"--allow-data-loss '{address}'" in caught.value.fix


def test_only_the_losses_named_are_allowed() -> None:
    with pytest.raises(DataLossError) as caught:
        refuse_data_loss(losing(), STORES[:1])
    assert caught.value.addresses == (STORES[1],)
    refuse_data_loss(losing(), STORES)
    assert {step.address for step in data_loss_steps(losing())} == set(STORES)


def test_what_is_protected_is_named_with_its_line() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", protect=True, size=1), resource("b", protect=True)))
    with pytest.raises(DeployerError, match=r"protects: c/fake\.thing/a \(shop\.yaml:7:3\), c/fake\.thing/b"):
        refuse_protected(rig.plan(desired(resource("a", protect=True, size=2))))
    refuse_protected(rig.plan(desired(resource("a", size=1), resource("b", text="changed"))))


def test_a_plan_that_fits_reads_everything_it_touches_in_bulk() -> None:
    rig = Rig()
    rig.apply(desired(*(resource(f"n{number}") for number in range(20))))
    plan = rig.plan(desired(*(resource(f"n{number}", text="new") for number in range(20))))
    rig.world.reads = 0
    assert len(check_plan(plan, premises(rig))) == 20
    assert rig.world.reads == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mark": Mark("shop", "prod")}, "is for shop/prod, not for shop/test"),
        ({"lineage": "another"}, "made from another state: lineage another, here lineage"),
        ({"target_identity": "elsewhere"}, "is for elsewhere: this is here"),
    ],
)
def test_a_plan_of_another_place_says_of_which(change: dict[str, object], words: str) -> None:
    rig = Rig()
    plan = rig.plan(desired(resource("a")))
    with pytest.raises(StalePlanError, match=words):
        check_plan(replace(plan, **change), premises(rig))  # type: ignore[arg-type]


def test_what_moved_since_is_told_object_by_object() -> None:
    rig = Rig()
    rig.apply(desired(resource("changed"), resource("gone")))
    plan = rig.plan(desired(resource("changed", text="x"), resource("gone", text="x"), resource("new")))
    rig.world.things["fake.thing", "changed"].version += 100
    rig.world.things["fake.thing", "new"] = rig.world.things.pop(("fake.thing", "gone"))
    with pytest.raises(StalePlanError) as caught:
        check_plan(plan, premises(rig))
    for words in ("changed: changed has changed", "gone: gone is gone", "new: new exists now"):
        assert words in str(caught.value)
