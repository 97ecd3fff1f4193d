"""What an apply does when calls fail, are slow, are interrupted, or the plan is not of today."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, replace

import pytest

from deployer.core.errors import (
    ApplyError,
    DataLossError,
    DeployerError,
    InterruptedApplyError,
    ProviderError,
    StalePlanError,
)
from deployer.core.events import EventType
from deployer.core.plan import Plan
from deployer.core.protocols import Kind, Readiness
from deployer.core.resource import Failed, Live, Waiting, Want
from deployer.core.state import Pending
from deployer.core.values import SecretRef, Template
from deployer.engine.applier import ApplySettings
from deployer.engine.document import plan_from_json, plan_to_json
from deployer.engine.safety import refuse_data_loss, refuse_protected
from tests.engine.fake import FakeKind, once
from tests.engine.rig import SEAL, Rig, desired, ref, resource


@dataclass(frozen=True)
class Stubborn(FakeKind):
    """Refuses to create what is called bad, and never gets ready what is called dead or slow."""

    def create(self, want: Want) -> Live:
        if "bad" in want.address:
            raise ProviderError("the place is full", fix="make room")
        return super().create(want)

    def ready(self, live: Live) -> Readiness:
        if "dead" in live.id:
            return Failed("it crashed", "look at its log")
        return Waiting("still warming up") if "slow" in live.id else super().ready(live)


class StubbornRig(Rig):
    @property
    def kinds(self) -> dict[str, Kind]:
        return {**super().kinds, "fake.thing": Stubborn(self.world)}


def saved(plan: Plan) -> Plan:
    return plan_from_json(json.loads(json.dumps(plan_to_json(plan))))


def test_a_failure_stops_only_what_waits_for_it() -> None:
    rig = StubbornRig()
    want = desired(resource("bad"), resource("user", link=ref("c/fake.thing/bad")), resource("other"))
    with pytest.raises(ApplyError) as caught:
        rig.apply(want)
    assert set(caught.value.failures) == {"c/fake.thing/bad"}
    assert "make room" in caught.value.failures["c/fake.thing/bad"]
    assert caught.value.skipped == ("c/fake.thing/user",)
    assert set(rig.configs()) == {"other"}


def test_what_does_not_get_ready_is_kept_and_waited_for_next_time() -> None:
    rig = StubbornRig()
    want = desired(resource("slow"), resource("user", link=ref("c/fake.thing/slow")))
    with pytest.raises(ApplyError, match=r"not ready after 3\d\d s: still warming up"):
        rig.apply(want)
    assert rig.state.objects["c/fake.thing/slow"].pending is Pending.WAIT
    assert [f"{step.action} {step.address}" for step in rig.plan(want).steps] == ["wait c/fake.thing/slow", "create c/fake.thing/user"]


def test_what_cannot_get_ready_fails_at_once_with_its_root_cause() -> None:
    rig = StubbornRig()
    with pytest.raises(ApplyError, match="it crashed"):
        rig.apply(desired(resource("dead")))
    assert not [event for event in rig.events if event.type is EventType.WAITING]


def settings(rig: Rig, stop: threading.Event, parallelism: int = 1) -> ApplySettings:
    return ApplySettings(
        SEAL,
        rig.secrets.__getitem__,
        once,  # type: ignore[arg-type]
        rig.events.append,
        itertools.count().__next__,
        lambda _seconds: None,
        stop,
        parallelism,
    )


def test_an_interrupt_starts_nothing_new_and_records_what_ran() -> None:
    rig = Rig()
    stop = threading.Event()
    rig.settings = replace(settings(rig, stop), events=lambda event: stop.set() if event.type is EventType.DONE else None)
    with pytest.raises(InterruptedApplyError, match="1 of 3 steps done, 2 left"):
        rig.apply(desired(resource("a"), resource("b"), resource("c")))
    assert set(rig.state.objects) == {"c/fake.thing/a"}


def test_an_interrupt_ends_the_waiting_for_readiness() -> None:
    rig = StubbornRig()
    stop = threading.Event()
    rig.settings = replace(settings(rig, stop), events=lambda event: stop.set() if event.type is EventType.WAITING else None)
    with pytest.raises(InterruptedApplyError):
        rig.apply(desired(resource("slow")))
    assert rig.state.objects["c/fake.thing/slow"].pending is Pending.WAIT


def test_a_saved_plan_does_what_it_says_whatever_the_spec_became() -> None:
    rig = Rig(secrets={"K": "hunter2"})
    plan = saved(rig.plan(desired(resource("a"), resource("b", link=ref("c/fake.thing/a", "serial"), secret=Template((SecretRef("K"),))))))
    assert "hunter2" not in json.dumps(plan_to_json(plan))
    rig.carry_out(plan)
    assert rig.configs()["b"]["link"] == "s-a"
    assert rig.configs()["b"]["secret"] == "hunter2"


def test_a_saved_plan_opens_sensitive_outputs_of_objects_it_does_not_touch() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    plan = saved(rig.plan(desired(resource("a"), resource("b", secret=ref("c/fake.thing/a", "password")))))
    rig.carry_out(plan)
    assert rig.configs()["b"]["secret"] == "pw-a"


def test_a_saved_plan_whose_secret_changed_is_refused() -> None:
    rig = Rig(secrets={"K": "one"})
    plan = saved(rig.plan(desired(resource("a", secret=Template((SecretRef("K"),))))))
    rig.secrets["K"] = "two"
    with pytest.raises(ApplyError, match="a secret changed"):
        rig.carry_out(plan)
    assert not rig.world.things


def test_a_plan_runs_once() -> None:
    rig = Rig()
    plan = saved(rig.plan(desired(resource("a"))))
    rig.carry_out(plan)
    with pytest.raises(StalePlanError, match="applied already"):
        rig.carry_out(plan)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lineage": "x"}, "another state"),
        ({"target_identity": "there"}, "for there"),
        ({"mark": replace(Rig().plan(desired()).mark, environment="prod")}, "shop/prod"),
    ],
)
def test_a_plan_of_elsewhere_is_refused(change: dict[str, str], words: str) -> None:
    rig = Rig()
    plan = replace(rig.plan(desired(resource("a"))), **change)  # type: ignore[arg-type]
    with pytest.raises(StalePlanError, match=words):
        rig.carry_out(plan)
    assert not rig.world.things


def test_objects_that_moved_since_are_all_named_before_anything_is_touched() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b"), resource("c")))
    plan = rig.plan(desired(resource("a", text="1"), resource("b", text="2"), resource("c", text="3"), resource("d")))
    rig.world.things["fake.thing", "a"].version = 999
    del rig.world.things["fake.thing", "b"]
    rig.world.things["fake.thing", "d"] = rig.world.things["fake.thing", "c"]
    writes = rig.world.writes
    with pytest.raises(StalePlanError) as caught:
        rig.carry_out(plan)
    for words in ("c/fake.thing/a: a has changed", "c/fake.thing/b: b is gone", "c/fake.thing/d: d exists now"):
        assert words in str(caught.value)
    assert rig.world.writes == writes


def test_a_transient_error_is_tried_again_and_told() -> None:
    rig = Rig()
    tries: list[int] = []

    @dataclass(frozen=True)
    class Flaky(FakeKind):
        def create(self, want: Want) -> Live:
            tries.append(1)
            if len(tries) < 3:
                raise ProviderError("throttled", transient=True)
            return super().create(want)

    class FlakyRig(Rig):
        @property
        def kinds(self) -> dict[str, Kind]:
            return {"fake.thing": Flaky(self.world)}

    def persistent(call, transient, note):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        while True:
            try:
                return call()
            except ProviderError as error:
                if transient(error):
                    note(str(error))

    rig = FlakyRig()
    rig.settings = replace(settings(rig, threading.Event()), retry=persistent)
    rig.apply(desired(resource("a")))
    assert [event.detail for event in rig.events if event.type is EventType.RETRYING] == ["throttled", "throttled"]


def test_data_loss_needs_its_address_named() -> None:
    rig = Rig()
    rig.apply(desired(resource("db", "fake.data")))
    plan = rig.destroy_plan(desired())
    with pytest.raises(DataLossError, match="data of db") as caught:
        refuse_data_loss(plan, ())
    assert caught.value.addresses == ("c/fake.data/db",)
    refuse_data_loss(plan, ["c/fake.data/db"])


@pytest.mark.parametrize("kept", [True, False])
def test_protection_holds_for_replacement_and_for_removal_from_the_spec(kept: bool) -> None:  # noqa: FBT001
    rig = Rig()
    rig.apply(desired(resource("a", size=1, protect=True)))
    plan = rig.plan(desired(*([resource("a", size=2, protect=True)] if kept else [])))
    with pytest.raises(DeployerError, match=r"prevent_destroy protects: c/fake\.thing/a"):
        refuse_protected(plan)


def test_begin_is_durable_before_the_call_and_end_before_dependents_start() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b", link=ref("c/fake.thing/a"))))
    log = [line for line in rig.world.boundaries.log if not line.startswith("before write")]
    assert log == [
        "after write",  # the plan is consumed
        "after write",
        "before create c/fake.thing/a",
        "after create c/fake.thing/a",
        "after write",
        "after write",
        "before create c/fake.thing/b",
        "after create c/fake.thing/b",
        "after write",
    ]
