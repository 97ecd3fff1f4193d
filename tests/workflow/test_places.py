"""Resources that meet at one path: swapped, followed by another kind, or one below the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.errors import PreflightError, ProviderError, StalePlanError, UsageError
from deployer.workflow.answers import Options
from deployer.workflow.apply import apply_environment, apply_saved
from deployer.workflow.plan import plan_environment
from tests.workflow.people import Person, Project

HEAD = "version: 1\nplatform: demo\ntarget: local\nresources:\n"


def settle(project: Project, *resources: str) -> None:
    """Applies these resources, and looks that nothing is left to do."""
    project.write(HEAD + "".join(f"  {line}\n" for line in resources))
    apply_environment(project.where, Options(), Person())
    assert plan_environment(project.where, Person()).empty


def file(name: str, path: str, content: str) -> str:
    return f"{name}: {{kind: local.file, config: {{path: {path}, content: {content}}}}}"


def folder(name: str, path: str) -> str:
    return f"{name}: {{kind: local.directory, config: {{path: {path}, data: true}}}}"


def test_files_change_places(project: Project) -> None:
    settle(project, file("a", "one", "a"), file("b", "two", "b"))
    settle(project, file("a", "two", "a"), file("b", "one", "b"))
    assert [(project.root / name).read_text() for name in ("one", "two")] == ["b", "a"]


def test_data_stays_where_it_is_when_its_resources_change_places(project: Project) -> None:
    settle(project, folder("a", "one"), folder("b", "two"))
    (project.root / "one" / "rows").write_text("kept")
    settle(project, folder("a", "two"), folder("b", "one"))
    assert (project.root / "one" / "rows").read_text() == "kept"


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_folder_follows_a_file_at_its_path_and_goes_again(project: Project, name: str) -> None:
    settle(project, file("a", "place", "a"))
    settle(project, f"{name}: {{kind: local.directory, config: {{path: place}}}}")
    assert (project.root / "place").is_dir()
    settle(project, file("a", "place", "a"))
    assert (project.root / "place").read_text() == "a"


def test_a_saved_plan_replaces_a_file_with_a_folder(project: Project, tmp_path: Path) -> None:
    settle(project, file("a", "place", "a"))
    project.write(f"{HEAD}  b: {{kind: local.directory, config: {{path: place}}}}\n")
    plan_environment(project.where, Person(), out=tmp_path / "plan")
    apply_saved(tmp_path / "plan", Options(), Person())
    assert (project.root / "place").is_dir()


def test_a_path_below_another_resources_file_is_refused_before_anything_changes(project: Project) -> None:
    settle(project, file("a", "place", "a"))
    project.write(HEAD + f"  {file('a', 'place', 'a')}\n  {file('b', 'place/b', 'b')}\n  {file('c', 'c', 'c')}\n")
    with pytest.raises(
        PreflightError, match=r"local\.yaml:6:3: resources/local\.file/b: .*/place is no folder.*it is resources/local\.file/a"
    ):
        apply_environment(project.where, Options(), Person())
    assert not (project.root / "c").exists()


def test_a_link_on_the_way_is_not_followed(project: Project, tmp_path: Path) -> None:
    settle(project, file("a", "way/a", "a"))
    (project.root / "way").rename(tmp_path / "elsewhere")
    (project.root / "way").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProviderError, match=r"cannot read below .*/way"):
        apply_environment(project.where, Options(), Person())
    assert (tmp_path / "elsewhere" / "a").exists()


def test_a_plan_that_cannot_be_saved_or_read_says_why(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan_environment(project.where, Person(), out=tmp_path / "no" / "plan")
    assert str(caught.value).startswith(f"the plan cannot be saved as {tmp_path}/no/plan: no such file or directory")
    plan_environment(project.where, Person(), out=tmp_path / "plan")
    (tmp_path / "plan").write_bytes((tmp_path / "plan").read_bytes()[:100])
    with pytest.raises(StalePlanError, match="cut off, or no JSON"):
        apply_saved(tmp_path / "plan", Options(), Person())
