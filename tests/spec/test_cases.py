"""Every folder of `cases` is a spec with mistakes, and what is said about them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deployer.core.errors import SpecError
from deployer.spec.load import load

CASES = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_told_at_its_place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    shutil.copytree(CASES / name, project)
    monkeypatch.chdir(project)
    monkeypatch.delenv("DEPLOYER_TEST_UNSET", raising=False)
    expected = (project / "expected.txt").read_text()
    for _ in range(2):  # the second time a kept spec may answer
        assert told(project) == expected


def told(project: Path) -> str:
    file = next((found for found in project.glob("My*.yaml")), project / "local.yaml")
    try:
        load(file, project=project, cache=project / ".cache")
    except SpecError as error:
        return f"{error}\n"
    return ""
