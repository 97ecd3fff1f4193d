"""Fixtures of the stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.project import Project


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An empty project under a short path: a socket's may have about 100 characters."""
    made = Project(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()
