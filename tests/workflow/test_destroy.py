from __future__ import annotations

import pytest

from deployer.workflow.answers import Options
from deployer.workflow.apply import apply_environment
from deployer.workflow.destroy import destroy
from deployer.workflow.plan import plan_destruction, plan_environment
from tests.workflow.people import Person, Project

STORE = "resources/local.directory/store"


@pytest.fixture
def applied(project: Project) -> Project:
    apply_environment(project.where, Options(), Person())
    (project.root / "store" / "model").write_text("precious")
    return project


def test_data_nobody_let_go_is_kept_and_the_rest_goes(applied: Project) -> None:
    receipt = destroy(applied.where, Options(), Person())
    assert [item.address for item in receipt.kept] == [STORE]
    assert receipt.left == ()
    assert (applied.root / "store" / "model").read_text() == "precious"
    assert not (applied.root / "home").exists()


def test_data_let_go_by_its_address_goes(applied: Project) -> None:
    receipt = destroy(applied.where, Options(allowed=(STORE,)), Person())
    assert (receipt.kept, receipt.left) == ((), ())
    assert not (applied.root / "store").exists()


def test_everything_goes_and_the_receipt_says_nothing_is_left(applied: Project) -> None:
    receipt = destroy(applied.where, Options(allowed=("all",)), Person())
    assert (len(receipt.deleted), receipt.kept, receipt.left) == (5, (), ())
    assert not [path for path in applied.root.rglob("*") if path.is_file()]
    assert destroy(applied.where, Options(), Person()).plan.empty


def test_kept_data_is_adopted_by_the_next_apply(applied: Project) -> None:
    receipt = destroy(applied.where, Options(keep_data=True), Person())
    assert [item.address for item in receipt.kept] == [STORE]
    assert receipt.left == ()
    apply_environment(applied.where, Options(), Person())
    assert (applied.root / "store" / "model").read_text() == "precious"
    assert plan_environment(applied.where, Person()).empty


def test_a_no_destroys_nothing(applied: Project) -> None:
    receipt = destroy(applied.where, Options(allowed=("all",)), Person(yes=False))
    assert not receipt.agreed
    assert plan_environment(applied.where, Person()).empty


def test_a_module_that_cannot_be_read_keeps_nothing_from_going(applied: Project) -> None:
    applied.replace("resources:", "components: {tracking: {module: gone}}\nresources:")
    assert destroy(applied.where, Options(allowed=("all",)), Person()).left == ()


def test_the_plan_of_a_destruction_can_be_seen_first(applied: Project) -> None:
    plan = plan_destruction(applied.where, Person())
    assert plan.destroy
    assert len(plan.steps) == 5
