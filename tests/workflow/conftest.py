from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.people import SPEC, Project


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "demo")
    made.folder.mkdir()
    made.write(SPEC)
    return made
