from __future__ import annotations

import shutil

import pytest

from deployer.core.errors import StateError, UsageError
from deployer.core.plan import Action
from deployer.workflow.answers import Options
from deployer.workflow.apply import apply_environment
from deployer.workflow.import_object import import_object
from deployer.workflow.plan import plan_environment
from deployer.workflow.recover import recover
from deployer.workflow.state import find_object, forget, move, object_document, read_state, state_document
from tests.workflow.people import Person, Project

MOTD = "resources/local.file/motd"


@pytest.fixture
def applied(project: Project) -> Project:
    apply_environment(project.where, Options(), Person())
    return project


def test_a_lost_state_comes_back_from_the_marks(applied: Project) -> None:
    shutil.rmtree(applied.folder / ".deployer" / "local" / "state")
    found = recover(applied.where, 0.0, Person()).found
    assert len(found) == 5
    assert plan_environment(applied.where, Person()).empty


def test_a_damaged_state_is_replaced_and_a_copy_kept(applied: Project) -> None:
    folder = applied.folder / ".deployer" / "local" / "state"
    for file in folder.iterdir():
        if file.suffix in (".json", ".jsonl"):
            file.write_bytes(b"nonsense\n" + file.read_bytes())
    with pytest.raises(StateError):
        read_state(applied.where)
    person = Person()
    assert len(recover(applied.where, 0.0, person).found) == 5
    assert person.notes
    assert plan_environment(applied.where, Person()).empty


def test_a_state_that_is_there_gains_nothing_by_recovering(applied: Project) -> None:
    assert recover(applied.where, 0.0, Person()).found == ()


def test_a_forgotten_object_is_adopted_again(applied: Project) -> None:
    assert forget(applied.where, MOTD, 0.0).address == MOTD
    assert MOTD not in read_state(applied.where).objects
    plan = plan_environment(applied.where, Person())
    assert [(step.action, step.address) for step in plan.steps] == [(Action.ADOPT, MOTD)]


def test_an_object_moves_to_an_address_of_its_kind_only(applied: Project) -> None:
    with pytest.raises(UsageError, match=r"COMPONENT/local\.file/NAME"):
        move(applied.where, MOTD, "resources/local.directory/x", 0.0)
    with pytest.raises(UsageError, match="is taken"):
        move(applied.where, MOTD, "resources/local.file/parts[a]", 0.0)
    moved = move(applied.where, MOTD, "resources/local.file/news", 0.0)
    assert find_object(read_state(applied.where), "resources/local.file/news") == moved


def test_an_unknown_address_is_answered_with_the_nearest(applied: Project) -> None:
    with pytest.raises(UsageError, match=r"did you mean resources/local\.file/motd"):
        find_object(read_state(applied.where), "resources/local.file/mot")


def test_documents_of_the_state_are_plain(applied: Project) -> None:
    state = read_state(applied.where)
    assert len(state_document(state)["objects"]) == 5
    assert object_document(state.objects[MOTD])["edges"] == ["resources/local.directory/home"]


def test_an_existing_file_is_taken_under_management(project: Project) -> None:
    project.root.joinpath("home").mkdir(parents=True)
    file = project.root / "home" / "motd.txt"
    file.write_text("somebody's\n")
    import_object(project.where, "resources/local.directory/home", str(file.parent), 0.0)
    assert import_object(project.where, MOTD, str(file), 0.0).id == str(file)
    apply_environment(project.where, Options(), Person())
    assert file.read_text() == "hello\n"
