from __future__ import annotations

import json

import pytest

from deployer.core.errors import DataLossError, InterruptedApplyError, LockHeldError, PreflightError, SpecError, StalePlanError
from deployer.core.events import EventType
from deployer.core.plan import Action
from deployer.state.here import whoami
from deployer.state.open import session
from deployer.workflow.answers import Options, Where
from deployer.workflow.apply import apply_environment, apply_saved
from deployer.workflow.destroy import destroy
from deployer.workflow.environment import opening
from deployer.workflow.plan import plan_environment
from tests.workflow.people import SECRET, Person, Project


def apply(project: Project, *allowed: str, person: Person | None = None) -> Person:
    person = person or Person()
    apply_environment(project.where, Options(allowed=allowed), person)
    return person


def test_an_apply_makes_what_the_spec_says_and_the_next_one_has_nothing_to_do(project: Project) -> None:
    person = apply(project)
    assert (project.root / "parts" / "b").read_text() == f"2 {project.root}/home/motd.txt"
    assert person.asked == ["agree to 5", "work on 5"]
    assert len([event for event in person.events if event.type is EventType.DONE]) == 5
    again = apply(project)
    assert again.plans[0].empty
    assert again.asked == []


def test_a_no_changes_nothing(project: Project) -> None:
    done = apply_environment(project.where, Options(), Person(yes=False))
    assert (done.agreed, done.changed) == (False, False)
    assert not project.root.exists()


def test_an_edit_by_hand_is_told_as_drift_and_repaired(project: Project) -> None:
    apply(project)
    (project.root / "home" / "motd.txt").write_text("edited")
    plan = plan_environment(project.where, Person())
    assert [item.address for item in plan.drift] == ["resources/local.file/motd"]
    apply(project)
    assert (project.root / "home" / "motd.txt").read_text() == "hello\n"
    assert plan_environment(project.where, Person()).empty


def test_a_saved_plan_is_done_as_it_is_and_only_once(project: Project) -> None:
    apply(project)
    project.replace("hello", "planned")
    file = project.folder / "plan.json"
    plan_environment(project.where, Person(), out=file)
    project.replace("planned", "changed since")
    assert file.stat().st_mode & 0o777 == 0o600
    done = apply_saved(file, Options(), Person())
    assert [step.address for step in done.plan.steps] == ["resources/local.file/motd"]
    assert (project.root / "home" / "motd.txt").read_text() == "planned\n"
    with pytest.raises(StalePlanError, match="applied already"):
        apply_saved(file, Options(), Person())


def test_a_saved_plan_with_nothing_to_do_is_used_up_too(project: Project) -> None:
    apply(project)
    file = project.folder / "plan.json"
    plan_environment(project.where, Person(), out=file)
    assert not apply_saved(file, Options(), Person()).changed
    with pytest.raises(StalePlanError, match="applied already"):
        apply_saved(file, Options(), Person())


def test_a_saved_plan_refuses_a_world_that_moved_and_names_the_object(project: Project) -> None:
    apply(project)
    project.replace("hello", "planned")
    file = project.folder / "plan.json"
    plan_environment(project.where, Person(), out=file)
    (project.root / "home" / "motd.txt").write_text("edited")
    with pytest.raises(StalePlanError, match=r"local\.file/motd"):
        apply_saved(file, Options(), Person())


def test_a_saved_plan_that_was_touched_is_refused(project: Project) -> None:
    file = project.folder / "plan.json"
    plan_environment(project.where, Person(), out=file)
    document = json.loads(file.read_text())
    document["plan"]["steps"].pop()
    file.write_text(json.dumps(document))
    with pytest.raises(StalePlanError, match="changed since it was saved"):
        apply_saved(file, Options(), Person())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "deployer-saved-plan/9"}', '{"format": 1}'])
def test_what_is_no_saved_plan_is_refused(project: Project, text: str) -> None:
    file = project.folder / "plan.json"
    file.write_text(text)
    with pytest.raises(StalePlanError):
        apply_saved(file, Options(), Person())


def test_data_goes_only_when_its_address_is_allowed_or_a_person_types_it(project: Project) -> None:
    apply(project)
    (project.root / "store" / "model").write_text("precious")
    project.replace("path: store", "path: other")
    with pytest.raises(DataLossError) as refused:
        apply(project)
    assert refused.value.addresses == ("resources/local.directory/store",)
    with pytest.raises(DataLossError):
        apply(project, "resources/local.directory/home")
    assert (project.root / "store" / "model").exists()
    person = apply(project, person=Person(loses=True))
    assert person.asked[0] == "lose resources/local.directory/store of demo/local"
    assert not (project.root / "store").exists()


def test_a_taken_lock_is_refused_at_once_and_named(project: Project) -> None:
    with opening(project.where) as environment:
        tools = environment.tools
        with session(tools.backend, tools.mark, whoami("the other one")), pytest.raises(LockHeldError, match="the other one"):
            apply(project)
    assert not project.root.exists()


def test_a_taken_lock_is_told_before_anything_is_worked_out(project: Project) -> None:
    with opening(project.where) as environment:
        tools = environment.tools
    project.replace("hello", "${nothing.output}")
    with session(tools.backend, tools.mark, whoami("the other one")):
        with pytest.raises(LockHeldError, match="the other one"):
            apply(project)
        with pytest.raises(SpecError):
            apply_environment(project.where, Options(lock_timeout=0.1), Person())


def test_an_apply_waits_for_the_lock_as_long_as_it_is_told(project: Project) -> None:
    with opening(project.where) as environment:
        tools = environment.tools
        with session(tools.backend, tools.mark, whoami("the other one")), pytest.raises(LockHeldError):
            apply_environment(project.where, Options(lock_timeout=0.3), person := Person())
    assert any("waiting for the lock" in note for note in person.notes)


def test_a_stop_before_the_first_step_leaves_everything_for_later(project: Project) -> None:
    person = Person()
    person.stop.set()
    with pytest.raises(InterruptedApplyError):
        apply(project, person=person)
    assert apply(project).asked == ["agree to 5", "work on 5"]


def test_what_cannot_work_is_found_before_the_first_change(project: Project) -> None:
    spaced = Project(project.folder.parent / "with space")
    spaced.folder.mkdir()
    spaced.write((project.folder / "environments" / "local.yaml").read_text())
    with pytest.raises(PreflightError, match="spaces"):
        apply(spaced)
    assert not spaced.root.exists()


def test_a_secret_is_nowhere_but_in_its_own_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORY_TOKEN", "canary-4711")
    project.write(SECRET)
    plan_environment(project.where, Person(), out=project.folder / "plan.json")
    assert "canary-4711" not in project.everything()
    apply_saved(project.folder / "plan.json", Options(), Person())
    token = project.root / "token"
    assert (token.read_text(), token.stat().st_mode & 0o777) == ("token=canary-4711", 0o600)
    token.rename(project.folder.parent / "moved away")
    assert "canary-4711" not in project.everything()


def test_another_value_of_a_secret_is_a_change_that_is_not_shown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORY_TOKEN", "canary-1")
    project.write(SECRET)
    apply(project)
    assert plan_environment(project.where, Person()).empty
    monkeypatch.setenv("STORY_TOKEN", "canary-2")
    plan = plan_environment(project.where, Person())
    assert [step.action for step in plan.steps] == [Action.UPDATE]
    assert "canary" not in repr(plan)


def test_two_environments_stand_side_by_side(project: Project) -> None:
    project.write((project.folder / "environments" / "local.yaml").read_text(), "other")
    apply(project)
    apply_environment(Where(project.folder, "other"), Options(), Person())
    destroy(Where(project.folder, "other"), Options(allowed=("all",)), Person())
    assert plan_environment(project.where, Person()).empty
