"""Plans and applies over the fake world the way the workflow does over the real one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.core.errors import Origin
from deployer.core.events import Event
from deployer.core.plan import Plan
from deployer.core.protocols import Kind
from deployer.core.resource import Desired, Mark, Resource, Rules
from deployer.core.state import State
from deployer.core.values import OutputRef, Template, Value, sealer
from deployer.engine.applier import ApplyResult, ApplySettings, apply_plan
from deployer.engine.demolition import make_destroy_plan
from deployer.engine.planner import make_plan
from deployer.engine.recovery import recover
from deployer.engine.safety import Premises
from deployer.engine.survey import PlanSettings
from deployer.state.draft import Draft
from tests.engine.fake import Boundaries, FakeKind, FakeLedger, FakeWorld, once

MARK = Mark("shop", "test")
SEAL = sealer(b"key")


def ref(address: str, output: str = "id") -> Template:
    return Template((OutputRef(address, output),))


def resource(label: str, kind: str = "fake.thing", *, after: tuple[str, ...] = (), protect: bool = False, **config: Value) -> Resource:
    address = f"c/{kind}/{label}"
    return Resource(address, kind, {"name": label, **config}, Origin("shop.yaml", 7, 3), after, protect)


def desired(*resources: Resource, moved: Mapping[str, str] | None = None) -> Desired:
    return Desired(MARK, "local", {item.address: item for item in resources}, moved or {}, "digest")


@dataclass
class Rig:
    """One environment: its world, its state, and the verbs on them."""

    world: FakeWorld = field(default_factory=FakeWorld)
    state: State = field(default_factory=lambda: State("lineage", MARK.platform, MARK.environment))
    secrets: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    parallelism: int = 1
    settings: ApplySettings | None = None

    @property
    def kinds(self) -> dict[str, Kind]:
        plain = FakeKind(self.world).rules
        return {
            "fake.thing": FakeKind(self.world),
            "fake.data": FakeKind(self.world, "fake.data", data=True),
            "fake.first": FakeKind(self.world, "fake.first", replace(plain, create_first=True)),
            "fake.port": FakeKind(self.world, "fake.port", Rules(unstable_outputs=("serial",))),
        }

    def plan_settings(self) -> PlanSettings:
        return PlanSettings(SEAL, self.secrets.__getitem__, "here", f"plan-{next(self.ids)}", lambda: 0.0, self.events.append)

    def plan(self, want: Desired) -> Plan:
        return make_plan(want, self.state, self.kinds, self.plan_settings())

    def destroy_plan(self, want: Desired, *, keep_data: bool = False) -> Plan:
        return make_destroy_plan(want, self.state, self.kinds, self.plan_settings(), may_go=lambda _address: not keep_data)

    def carry_out(self, plan: Plan) -> ApplyResult:
        ledger = FakeLedger(self.state, self.world.boundaries)
        settings = self.settings or ApplySettings(
            SEAL,
            self.secrets.__getitem__,
            once,  # type: ignore[arg-type]
            self.events.append,
            itertools.count().__next__,
            lambda _seconds: None,
            parallelism=self.parallelism,
        )
        try:
            return apply_plan(plan, Premises(MARK, "here", self.state, self.kinds), ledger, settings)
        finally:
            self.state = ledger.state()

    def apply(self, want: Desired) -> Plan:
        plan = self.plan(want)
        self.carry_out(plan)
        return plan

    def recover(self, want: Desired) -> None:
        """The state is lost; the world tells what it said."""
        draft = Draft(Rig().state)
        for entry in recover(want, draft.state(), self.kinds, self.plan_settings()):
            draft.add(entry)
        self.state = draft.state()

    def crash_at(self, boundary: int | None) -> None:
        self.world.boundaries = Boundaries(boundary)

    def configs(self) -> dict[str, dict[str, Any]]:
        return {object_id: dict(thing.config) for (_, object_id), thing in self.world.things.items()}
