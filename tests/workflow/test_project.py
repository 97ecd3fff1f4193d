from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deployer.core.errors import StateError, UsageError
from deployer.workflow.answers import Where
from deployer.workflow.project import environment_names, locate, project_of
from deployer.workflow.saved import is_saved_plan
from deployer.workflow.seal import seal_of
from tests.workflow.people import Project


def test_an_environment_is_a_name_or_a_path(project: Project) -> None:
    file = project.folder / "environments" / "local.yaml"
    assert locate(project.where) == (project.folder, file)
    assert locate(Where(project.folder.parent, "demo/environments/local.yaml")) == (project.folder, file)
    assert locate(Where(project.folder, str(file))) == (project.folder, file)
    assert environment_names(project.folder) == ["local"]


def test_a_file_elsewhere_belongs_to_the_folder_we_are_in(project: Project) -> None:
    file = project.folder.parent / "lone.yaml"
    file.touch()
    assert locate(Where(project.folder, "../lone.yaml")) == (project.folder, project.folder / ".." / "lone.yaml")


def test_the_only_project_below_is_meant_and_never_one_of_two(project: Project) -> None:
    above = project.folder.parent
    assert project_of(above) == project.folder
    (above / "other" / "environments").mkdir(parents=True)
    (above / "other" / "environments" / "x.yaml").touch()
    assert project_of(above) == above


def test_an_unknown_environment_is_answered_with_what_there_is(project: Project) -> None:
    with pytest.raises(UsageError, match="did you mean local"):
        locate(Where(project.folder, "locl"))
    with pytest.raises(UsageError, match="there is no file"):
        locate(Where(project.folder, "x/y.yaml"))
    with pytest.raises(UsageError, match="there is no file"):
        locate(Where(project.folder, "plan.json"))
    with pytest.raises(UsageError, match="there is no folder"):
        project_of(project.folder / "nowhere")


def test_the_seal_is_the_same_in_every_run_once_it_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "env" / "state"
    assert seal_of(state, make=False)("x") != seal_of(state, make=False)("x")
    kept = seal_of(state, make=True)("x")
    assert kept == seal_of(state, make=False)("x") == seal_of(state, make=True)("x")
    key = tmp_path / "env" / "seal.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert list((tmp_path / "env").iterdir()) == [key]
    assert seal_of(None, make=True)("x") != kept


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "seal.key").write_bytes(b"short")
    with pytest.raises(StateError, match="5 bytes instead of 32"):
        seal_of(tmp_path / "state", make=False)


def test_a_saved_plan_is_told_from_an_environment(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "plan").write_text('{"format": "deployer-saved-plan/1"}')
    (tmp_path / "local").write_text("version: 1")
    assert [is_saved_plan(tmp_path / name) for name in ("plan.json", "plan", "local", "nowhere")] == [True, True, False, False]
