"""Random graphs, random changes behind our back, and a crash at every call boundary."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.core.resource import Desired, Resource
from deployer.core.values import OutputRef, Template, Value
from deployer.engine.graph import edges_of, order, resource_graph
from tests.engine.fake import Crash
from tests.engine.rig import MARK, Rig, desired, resource

EXAMPLES = 400 if os.environ.get("DEPLOYER_TEST_LONG") else 40
KINDS = ("fake.thing", "fake.first", "fake.data")
COIN: st.SearchStrategy[bool] = st.booleans()
quiet = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Story:
    """Two versions of a spec, and what somebody did to the world between them."""

    first: Desired
    second: Desired
    removed: tuple[int, ...]
    edited: tuple[int, ...]
    unmarked: tuple[int, ...]


@st.composite
def specs(draw: st.DrawFn) -> Desired:
    """Up to seven resources; each may refer to and depend on earlier ones, in an order of names drawn anew each time."""
    names = draw(st.permutations("abcdefg"))[: draw(st.integers(0, 7))]
    made: list[Resource] = []
    for name in names:
        config: dict[str, Value] = {
            "size": draw(st.integers(0, 1)),
            "text": draw(st.sampled_from(["x", "y"])),
            "slow": draw(st.integers(0, 1)),
        }
        if draw(COIN) and made:
            output = draw(st.sampled_from(["id", "serial", "text", "password"]))
            target = draw(st.sampled_from(made)).address
            config["secret" if output == "password" else "link"] = Template((OutputRef(target, output),))
        after = tuple(sorted({draw(st.sampled_from(made)).address} if draw(COIN) and made else ()))
        made.append(resource(name, draw(st.sampled_from(KINDS)), after=after, **config))
    return desired(*made)


@st.composite
def successors(draw: st.DrawFn, before: Desired) -> Desired:
    """The next version of a spec, as people write them: mostly the same, some sizes and texts changed, some resources gone or swapped."""
    kept: dict[str, Resource] = {}
    for address, item in before.resources.items():
        fate = draw(st.sampled_from(["keep", "keep", "size", "text", "size and text", "drop", "rename"]))
        used = any(address in edges_of(other) for other in before.resources.values())
        if fate == "drop" and not used:
            continue
        size = 1 - item.config["size"] if "size" in fate else item.config["size"]
        text = f"{item.config['text']}'" if "text" in fate else item.config["text"]
        renamed = f"{address}2" if fate == "rename" and not used else address
        kept[renamed] = replace(item, address=renamed, config={**item.config, "size": size, "text": text})
    return replace(before, resources=swapped(kept, draw(st.permutations("abcdefg"))) if draw(COIN) else kept)


def swapped(resources: Mapping[str, Resource], names: Sequence[str]) -> dict[str, Resource]:
    """The same addresses, each with the object that another one had."""
    other = dict(zip("abcdefg", names, strict=True))
    return {address: replace(item, config={**item.config, "name": other[str(item.config["name"])]}) for address, item in resources.items()}


@st.composite
def stories(draw: st.DrawFn) -> Story:
    some = st.lists(st.integers(0, 6), max_size=3).map(tuple)
    first = draw(specs())
    return Story(first, draw(st.one_of(specs(), successors(first), successors(first))), draw(some), draw(some), draw(some))


def meddle(rig: Rig, story: Story) -> None:
    """Somebody deletes, edits and unmarks objects."""
    for numbers, act in ((story.edited, "edit"), (story.unmarked, "unmark"), (story.removed, "remove")):
        for number in numbers:
            keys = sorted(rig.world.things)
            if not keys:
                return
            key = keys[number % len(keys)]
            if act == "remove":
                del rig.world.things[key]
            elif act == "edit":
                rig.world.things[key].config["text"] = "edited"
            else:
                rig.world.things[key].mark = None


def expected(rig: Rig, want: Desired) -> set[tuple[str, str]]:
    """The ids the finished world holds, worked out without the planner."""
    return {(item.kind, _identify(rig, item)) for item in want.resources.values()}


def _identify(rig: Rig, item: Resource) -> str:
    found = rig.kinds[item.kind].identify(
        item.address, rig.kinds[item.kind].parse({key: item.config[key] for key in ("size", "name") if key in item.config})
    )
    assert found is not None
    return found


def assert_settled(rig: Rig, want: Desired) -> None:
    """No orphan, phantom, duplicate or lost object; plan empty; a second apply writes nothing."""
    rig.crash_at(None)
    rig.apply(want)
    assert set(rig.world.things) == expected(rig, want)
    assert {(item.kind, item.id) for item in rig.state.objects.values()} == expected(rig, want)
    assert not rig.state.deposed
    assert all(thing.mark is not None and MARK.owns(thing.mark) for thing in rig.world.things.values())
    writes = rig.world.writes
    plan = rig.plan(want)
    assert plan.empty, [step.reason for step in plan.steps]
    rig.apply(want)
    assert rig.world.writes == writes


@quiet
@given(stories())
def test_any_change_of_spec_and_world_ends_as_wanted_and_stays_so(story: Story) -> None:
    rig = Rig()
    assert_settled(rig, story.first)
    meddle(rig, story)
    assert_settled(rig, story.second)
    rig.carry_out(rig.destroy_plan(story.second))
    assert not rig.world.things
    assert not rig.state.objects


@quiet
@given(stories())
def test_steps_never_start_before_what_they_wait_for_and_the_order_has_no_circle(story: Story) -> None:
    rig = Rig()
    rig.apply(story.first)
    plan = rig.plan(story.second)
    seen: set[str] = set()
    for step in plan.steps:
        assert set(step.after) <= seen
        seen.add(step.id)
    assert order(resource_graph(story.second.resources)) is not None


def run_until_crash(rig: Rig, want: Desired, boundary: int) -> bool:
    """Whether the apply died there."""
    rig.crash_at(boundary)
    try:
        rig.apply(want)
    except Crash:
        return True
    return False


@pytest.mark.parametrize("back", [False, True])
@quiet
@given(story=stories())
def test_a_crash_at_every_boundary_of_an_apply_is_healed_by_going_on_or_back(back: bool, story: Story) -> None:  # noqa: FBT001
    boundary = 0
    died = True
    while died:
        boundary += 1
        rig = Rig()
        rig.apply(story.first)
        meddle(rig, story)
        died = run_until_crash(rig, story.second, boundary)
        assert_settled(rig, story.first if back else story.second)


@quiet
@given(stories(), st.lists(st.integers(1, 12), min_size=2, max_size=4))
def test_crash_upon_crash_with_the_spec_changing_in_between_loses_nothing(story: Story, crashes: list[int]) -> None:
    rig = Rig()
    for number, boundary in enumerate(crashes):
        run_until_crash(rig, story.first if number % 2 else story.second, boundary)
    assert_settled(rig, story.first)


@quiet
@given(stories())
def test_a_crash_at_every_boundary_of_a_destroy_leaves_nothing_after_the_next_one(story: Story) -> None:
    boundary, died = 0, True
    while died:
        boundary += 1
        rig = Rig()
        rig.apply(story.first)
        meddle(rig, story)
        rig.crash_at(boundary)
        died = False
        try:
            rig.carry_out(rig.destroy_plan(story.first))
        except Crash:
            died = True
        rig.crash_at(None)
        rig.carry_out(rig.destroy_plan(story.first))
        assert not rig.world.things
        assert not rig.state.objects
        assert not rig.state.deposed


@quiet
@given(stories(), st.integers(1, 30))
def test_a_state_lost_in_mid_apply_is_rebuilt_from_the_marks(story: Story, boundary: int) -> None:
    rig = Rig()
    rig.apply(story.first)
    run_until_crash(rig, story.second, boundary)
    rig.crash_at(None)
    rig.recover(story.second)
    assert_settled(rig, story.second)


@quiet
@given(specs())
def test_recovering_a_finished_environment_gives_an_empty_plan(want: Desired) -> None:
    rig = Rig()
    rig.apply(want)
    rig.recover(want)
    plan = rig.plan(want)
    assert plan.empty, [(step.action, step.address, step.reason) for step in plan.steps]


def test_parallel_steps_end_in_the_same_world() -> None:
    rig = Rig(parallelism=8)
    many: Mapping[str, Resource] = {
        f"{n}": resource(f"n{n}", link=Template((OutputRef(f"c/fake.thing/n{n // 2}", "id"),)) if n else None) for n in range(200)
    }
    assert_settled(rig, desired(*many.values()))
