"""What a plan says, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.errors import GraphError, OwnershipError, SpecError
from deployer.core.plan import Action, Impact, Plan, totals
from deployer.core.resource import ABSENT, Mark
from deployer.core.state import Pending
from deployer.core.values import SecretRef, Sensitive, Template, Unknown, show_path
from tests.engine.rig import MARK, Rig, desired, ref, resource


def summary(plan: Plan) -> list[str]:
    return [f"{step.action} {step.address.rsplit('/', 1)[1]}" for step in plan.steps]


def test_an_empty_world_is_filled_dependencies_first() -> None:
    rig = Rig()
    plan = rig.apply(desired(resource("b", link=ref("c/fake.thing/a")), resource("a")))
    assert summary(plan) == ["create a", "create b"]
    assert rig.configs()["b"]["link"] == "a"


def test_a_second_plan_is_empty_and_a_second_apply_writes_nothing() -> None:
    rig = Rig()
    want = desired(resource("a", text="x"), resource("b", link=ref("c/fake.thing/a", "serial")))
    rig.apply(want)
    writes = rig.world.writes
    assert rig.apply(want).empty
    assert rig.world.writes == writes


def test_everything_of_a_kind_and_place_is_read_by_one_call() -> None:
    rig = Rig()
    want = desired(*(resource(f"n{number}") for number in range(50)), *(resource(f"m{number}@far") for number in range(50)))
    rig.apply(want)
    rig.world.reads = 0
    assert rig.plan(want).reads == 2
    assert rig.world.reads == 2


def test_an_output_of_what_is_not_made_yet_is_known_after_apply() -> None:
    rig = Rig()
    plan = rig.plan(desired(resource("a"), resource("b", text=ref("c/fake.thing/a", "serial"))))
    config = plan.steps[1].config
    assert config is not None
    assert config["text"] == Unknown(ref("c/fake.thing/a", "serial"))


def test_a_changed_field_is_an_update_in_place_with_its_path() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", text="x")))
    step = rig.plan(desired(resource("a", text="y"))).steps[0]
    assert (step.action, step.impact, step.reason) == (Action.UPDATE, Impact.IN_PLACE, "the spec changed: text")
    assert [(show_path(c.path), c.before, c.after) for c in step.changes] == [("text", "x", "y")]
    assert str(step.origin) == "shop.yaml:7:3"


def test_a_restart_field_says_restart() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", link="x")))
    assert rig.plan(desired(resource("a", link="y"))).steps[0].impact is Impact.RESTART


def test_a_removed_field_is_shown_as_absent() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    rig.world.things["fake.thing", "a"].config["extra"] = 1
    assert rig.plan(desired(resource("a"))).steps[0].changes[0].after is ABSENT


def test_drift_is_told_apart_from_intent() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", text="x", link="l")))
    rig.world.things["fake.thing", "a"].config["text"] = "edited"
    plan = rig.plan(desired(resource("a", text="x", link="new")))
    assert [show_path(change.path) for change in plan.drift[0].changes] == ["text"]
    assert len(plan.steps[0].changes) == 2
    alone = rig.plan(desired(resource("a", text="x", link="l")))
    assert alone.steps[0].reason == "changed behind our back: text"


def test_what_is_gone_is_drift_and_made_again() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    rig.world.things.clear()
    plan = rig.plan(want)
    assert plan.drift[0].gone
    assert summary(plan) == ["create a"]


def test_an_immutable_field_replaces_old_before_new() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", size=1), resource("b", link=ref("c/fake.thing/a", "serial"))))
    plan = rig.apply(desired(resource("a", size=2), resource("b", link=ref("c/fake.thing/a", "serial"))))
    assert summary(plan) == ["delete a", "create a", "update b"]
    assert plan.steps[0].impact is Impact.REPLACE
    assert totals(plan).replace == 1


def test_an_update_that_turns_out_to_change_nothing_makes_no_call() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", size=1), resource("b", link=ref("c/fake.thing/a", "serial"))))
    rig.world.boundaries.log.clear()
    rig.apply(desired(resource("a", size=2), resource("b", link=ref("c/fake.thing/a", "serial"))))
    assert not [line for line in rig.world.boundaries.log if "update" in line]


def test_replacing_what_holds_data_is_data_loss_and_names_it() -> None:
    rig = Rig()
    rig.apply(desired(resource("db", "fake.data", size=1)))
    step = rig.plan(desired(resource("db", "fake.data", size=2))).steps[0]
    assert (step.impact, step.data) == (Impact.DATA_LOSS, "data of db")


def test_create_first_makes_the_new_before_the_old_goes_and_moves_users_between() -> None:
    rig = Rig()
    first = desired(resource("env", "fake.first", size=1), resource("app", link=ref("c/fake.first/env")))
    rig.apply(first)
    second = desired(resource("env", "fake.first", size=2), resource("app", link=ref("c/fake.first/env")))
    plan = rig.apply(second)
    assert summary(plan) == ["create env", "update app", "delete env"]
    assert plan.steps[0].create_first == "fake.first is replaced that way"
    assert set(rig.configs()) == {"env-2", "app"}
    assert rig.plan(second).empty
    assert not rig.state.deposed


def test_create_first_is_inherited_with_its_cause() -> None:
    rig = Rig()

    def want(size: int) -> list[str]:
        plan = rig.apply(
            desired(
                resource("base", "fake.first", size=size),
                resource("top", "fake.first", size=size, link=ref("c/fake.first/base")),
            )
        )
        return summary(plan)

    want(1)
    assert want(2) == ["create base", "create top", "delete top", "delete base"]


def test_a_plain_resource_under_a_create_first_one_inherits_when_its_id_changes() -> None:
    rig = Rig()
    rig.apply(desired(resource("x", name="net-1"), resource("top", "fake.first", size=1, link=ref("c/fake.thing/x"))))
    plan = rig.apply(desired(resource("x", name="net-2"), resource("top", "fake.first", size=2, link=ref("c/fake.thing/x"))))
    assert summary(plan) == ["create x", "create top", "delete top", "delete x"]
    assert plan.steps[0].create_first == "inherited from c/fake.first/top"


def test_create_first_gives_way_where_what_it_stands_on_cannot_stand_twice() -> None:
    rig = Rig()
    rig.apply(desired(resource("x", size=1), resource("top", "fake.first", size=1, link=ref("c/fake.thing/x", "serial"))))
    plan = rig.apply(desired(resource("x", size=2), resource("top", "fake.first", size=2, link=ref("c/fake.thing/x", "serial"))))
    assert summary(plan) == ["delete top", "delete x", "create x", "create top"]


def test_what_left_the_spec_goes_users_first_by_the_recorded_edges() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b", link=ref("c/fake.thing/a")), resource("c", after=("c/fake.thing/b",))))
    plan = rig.apply(desired())
    assert summary(plan) == ["delete c", "delete b", "delete a"]
    assert not rig.world.things


def test_what_left_the_spec_goes_after_its_user_has_let_go() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b", link=ref("c/fake.thing/a"))))
    assert summary(rig.apply(desired(resource("b", link="other")))) == ["update b", "delete a"]


def test_a_user_of_the_removed_that_now_needs_its_replaced_base_closes_no_circle() -> None:
    rig = Rig()
    rig.apply(desired(resource("d", size=1), resource("x", link=ref("c/fake.thing/d")), resource("y", link=ref("c/fake.thing/x"))))
    plan = rig.apply(desired(resource("d", size=2), resource("y", link=ref("c/fake.thing/d"))))
    assert set(summary(plan)) == {"delete x", "delete d", "create d", "update y"}
    assert rig.plan(desired(resource("d", size=2), resource("y", link=ref("c/fake.thing/d")))).empty


def test_ours_by_mark_is_adopted_without_a_call() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    rig.state = Rig().state
    plan = rig.apply(want)
    assert [step.action for step in plan.steps] == [Action.ADOPT]
    assert rig.plan(want).empty


@pytest.mark.parametrize(("mark", "words"), [(Mark("bank", "prod", "x"), "belongs to bank/prod"), (None, "nobody marked it")])
def test_what_exists_and_is_not_ours_stops_the_plan_with_its_owner(mark: Mark | None, words: str) -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    rig.world.things["fake.thing", "a"].mark = mark
    rig.state = Rig().state
    with pytest.raises(OwnershipError, match=words):
        rig.plan(desired(resource("a")))


def test_a_lost_mark_of_a_recorded_object_is_put_back() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    rig.world.things["fake.thing", "a"].mark = None
    assert "mark" in rig.apply(want).steps[0].reason
    assert rig.world.things["fake.thing", "a"].mark == MARK.at("c/fake.thing/a")


def test_a_moved_address_keeps_its_object_and_gets_a_new_mark() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", name="one"), resource("u", link=ref("c/fake.thing/a"))))
    moved = desired(
        resource("b", name="one"),
        resource("u", link=ref("c/fake.thing/b")),
        moved={"c/fake.thing/a": "c/fake.thing/b"},
    )
    plan = rig.apply(moved)
    assert [step.action for step in plan.steps if step.address.endswith("/b")] == [Action.MOVE, Action.UPDATE]
    assert rig.world.made.count(("fake.thing", "one")) == 1
    assert rig.plan(moved).empty


def test_moving_to_an_address_while_the_old_one_is_still_wanted_is_refused() -> None:
    with pytest.raises(SpecError, match="still wanted"):
        Rig().plan(desired(resource("a"), resource("b"), moved={"c/fake.thing/a": "c/fake.thing/b"}))


def test_a_resource_under_another_name_that_is_the_same_object_is_moved_and_not_made_again() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", name="one"), resource("u", link=ref("c/fake.thing/a"))))
    want = desired(resource("b", name="one"), resource("u", link=ref("c/fake.thing/b")))
    plan = rig.apply(want)
    assert Action.DELETE not in [step.action for step in plan.steps]
    assert rig.world.made.count(("fake.thing", "one")) == 1
    assert rig.plan(want).empty


@pytest.mark.parametrize("kind", ["fake.thing", "fake.data", "fake.first"])
def test_two_addresses_that_change_places_remove_nothing(kind: str) -> None:
    rig = Rig()
    rig.apply(desired(resource("a", kind, name="one", text="a"), resource("b", kind, name="two", text="b")))
    want = desired(resource("a", kind, name="two", text="a"), resource("b", kind, name="one", text="b"))
    plan = rig.apply(want)
    assert [step.action for step in plan.steps] == [Action.UPDATE, Action.UPDATE]
    assert "the old one is c/" in plan.steps[0].reason
    assert len(rig.world.made) == 2
    assert rig.plan(want).empty
    assert {item.address: item.id[:3] for item in rig.state.objects.values()} == {f"c/{kind}/a": "two", f"c/{kind}/b": "one"}


def test_an_object_taken_over_from_an_address_that_leaves_is_not_removed() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", "fake.data", name="one"), resource("b", "fake.data", name="two")))
    want = desired(resource("a", "fake.data", name="two"))
    plan = rig.apply(want)
    assert [(step.action, step.object_id) for step in plan.steps if step.action is Action.DELETE] == [(Action.DELETE, "one")]
    assert [(step.reason, step.address) for step in plan.steps if step.action is Action.FORGET] == [
        ("it is c/fake.data/a now", "c/fake.data/b")
    ]
    assert ("fake.data", "two") in rig.world.things
    assert rig.plan(want).empty


def test_addresses_that_each_take_the_next_ones_object_leave_one_to_be_made() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", name="one"), resource("b", name="two")))
    want = desired(resource("a", name="two"), resource("b", name="three"))
    plan = rig.apply(want)
    assert [step.object_id for step in plan.steps if step.action is Action.DELETE] == ["one"]
    assert set(rig.world.things) == {("fake.thing", "two"), ("fake.thing", "three")}
    assert rig.plan(want).empty


def test_two_resources_that_are_one_object_are_refused() -> None:
    with pytest.raises(SpecError, match="is the same object as c/fake"):
        Rig().plan(desired(resource("a", name="one"), resource("b", name="one")))


def test_a_circle_is_shown_whole_with_spec_lines() -> None:
    first = resource("a", link=ref("c/fake.thing/b"))
    second = resource("b", link=ref("c/fake.thing/a"))
    with pytest.raises(GraphError) as caught:
        Rig().plan(desired(first, second))
    assert "c/fake.thing/a (shop.yaml:7:3) -> c/fake.thing/b (shop.yaml:7:3) -> c/fake.thing/a" in str(caught.value)


def test_every_unknown_dependency_and_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        Rig().plan(desired(resource("a", after=("c/fake.thing/x",)), resource("b", after=("c/fake.thing/y",))))
    assert len(caught.value.problems) == 2
    with pytest.raises(SpecError) as wrong:
        Rig().plan(desired(resource("a", what=1), resource("b", ever=2)))
    assert [str(problem) for problem in wrong.value.problems] == [
        "shop.yaml:7:3: c/fake.thing/a: what: unknown key",
        "shop.yaml:7:3: c/fake.thing/b: ever: unknown key",
    ]


def test_a_reference_to_an_output_that_does_not_exist_names_those_that_do() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    with pytest.raises(GraphError, match="its outputs are: id, password, serial, text"):
        rig.plan(desired(resource("a"), resource("b", link=ref("c/fake.thing/a", "nothing"))))


def test_secrets_and_sensitive_outputs_are_sealed_in_config_and_changes() -> None:
    rig = Rig(secrets={"K": "hunter2"})
    want = desired(
        resource("a", secret=Template(("pw:", SecretRef("K")))),
        resource("b", secret=ref("c/fake.thing/a", "password")),
    )
    rig.apply(want)
    assert rig.configs()["a"]["secret"] == "pw:hunter2"
    assert rig.configs()["b"]["secret"] == "pw-a"
    assert rig.plan(want).empty
    rig.secrets["K"] = "changed-secret"
    change = rig.plan(want).steps[0].changes[0]
    assert isinstance(change.before, Sensitive)
    assert isinstance(change.after, Sensitive)
    assert "hunter2" not in repr(change)
    assert "changed-secret" not in repr(change)


def test_an_output_an_update_may_change_is_known_after_apply() -> None:
    rig = Rig()
    rig.apply(desired(resource("p", "fake.port", text="1"), resource("b", link=ref("c/fake.port/p", "serial"))))
    plan = rig.plan(desired(resource("p", "fake.port", text="2"), resource("b", link=ref("c/fake.port/p", "serial"))))
    assert summary(plan) == ["update p", "update b"]


def test_only_new_dependencies_change_the_record_and_nothing_else() -> None:
    rig = Rig()
    rig.apply(desired(resource("a"), resource("b")))
    want = desired(resource("a"), resource("b", after=("c/fake.thing/a",)))
    assert [step.action for step in rig.apply(want).steps] == [Action.ADOPT]
    assert rig.state.objects["c/fake.thing/b"].edges == ("c/fake.thing/a",)
    assert rig.plan(want).empty


def test_an_object_that_was_not_ready_is_waited_for_and_not_made_again() -> None:
    rig = Rig()
    want = desired(resource("a"))
    rig.apply(want)
    waiting = {address: replace(item, pending=Pending.WAIT) for address, item in rig.state.objects.items()}
    rig.state = replace(rig.state, objects=waiting)
    plan = rig.apply(want)
    assert [step.action for step in plan.steps] == [Action.WAIT]
    assert rig.world.writes == 1
    assert rig.plan(want).empty


def test_destroy_takes_strays_with_our_mark_and_leaves_nothing() -> None:
    rig = Rig()
    want = desired(resource("a"), resource("b", link=ref("c/fake.thing/a")))
    rig.apply(want)
    rig.state = Rig().state
    plan = rig.destroy_plan(want)
    assert summary(plan) == ["delete b", "delete a"]
    rig.carry_out(plan)
    assert not rig.world.things
    assert rig.destroy_plan(want).empty


def test_destroy_keeping_data_keeps_what_the_data_stands_on() -> None:
    rig = Rig()
    want = desired(resource("dir"), resource("db", "fake.data", link=ref("c/fake.thing/dir")), resource("app", link=ref("c/fake.data/db")))
    rig.apply(want)
    plan = rig.destroy_plan(want, keep_data=True)
    assert summary(plan) == ["delete app"]
    assert plan.kept == ("c/fake.data/db", "c/fake.thing/dir")
    rig.carry_out(plan)
    assert summary(rig.apply(want)) == ["create app"]


def test_what_an_interrupted_apply_may_have_left_something_of_is_deleted_and_not_only_forgotten() -> None:
    rig = Rig()
    rig.apply(desired(resource("a")))
    begun = {address: replace(item, pending=Pending.DELETE) for address, item in rig.state.objects.items()}
    rig.state = replace(rig.state, objects=begun)
    rig.world.things.clear()
    plan = rig.apply(desired())
    assert summary(plan) == ["delete a"]
    assert "before delete a" in rig.world.boundaries.log
    assert not rig.state.objects
