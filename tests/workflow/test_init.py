from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.errors import UsageError
from deployer.workflow.answers import Where
from deployer.workflow.init import PRESETS, Wishes, component_names, start_project, suggested_name
from deployer.workflow.validate import validate


def test_a_new_project_is_valid_and_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Models!"
    start_project(Wishes(folder, suggested_name(folder)))
    seen = validate(Where(folder, "local"))
    assert (seen.platform, seen.target) == ("my-models", "local")
    assert "tracking" in seen.components
    assert (folder / ".gitignore").read_text() == ".deployer/\n"
    assert "deployer apply local" in (folder / "README.md").read_text()


@pytest.mark.parametrize("component", component_names("local"))
def test_any_component_alone_brings_what_it_needs(tmp_path: Path, component: str) -> None:
    start_project(Wishes(tmp_path, "demo", "prod", components=(component,)))
    assert component in validate(Where(tmp_path, "prod")).components


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    start_project(Wishes(tmp_path, "demo"))
    assert (tmp_path / "README.md").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.deployer/\n"
    with pytest.raises(UsageError, match="would be overwritten"):
        start_project(Wishes(tmp_path, "demo"))
    start_project(Wishes(tmp_path / "again", "demo"))


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        (Wishes(Path("x"), "demo", preset="kubeflow"), "cannot apply it yet"),
        (Wishes(Path("x"), "demo", preset="mlops"), "cannot apply it yet"),
        (Wishes(Path("x"), "demo", preset="other"), "there is no preset"),
        (Wishes(Path("x"), "demo", target="aws"), "cannot apply it yet"),
        (Wishes(Path("x"), "Demo"), "is no name"),
        (Wishes(Path("x"), "demo", components=("nope",)), "no component nope"),
    ],
)
def test_what_cannot_be_promised_is_refused_before_anything_is_written(tmp_path: Path, wishes: Wishes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        start_project(Wishes(tmp_path / "x", wishes.name, wishes.environment, wishes.target, wishes.preset, wishes.components))
    assert not (tmp_path / "x").exists()


def test_every_preset_says_in_two_lines_whom_it_suits() -> None:
    assert all(len(preset.suits.splitlines()) == 2 for preset in PRESETS)
