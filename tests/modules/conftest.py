"""Small modules and specs of the tests' own, and the kinds they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deployer.core.resource import Rules
from deployer.modules.expand import Expanded, expand
from deployer.modules.load import Library
from deployer.spec.load import load

DATA = Path(__file__).parent / "data"
KINDS: Mapping[str, Rules] = {
    "local.directory": Rules(),
    "local.file": Rules(sensitive=("sensitive_content",)),
    "local.port": Rules(),
    "local.process": Rules(sensitive=("secret_environment",)),
    "local.secret": Rules(sensitive_outputs=("value",)),
}
ENVIRONMENT = {"COPIES": "2"}
Expand = Callable[[Path], Expanded]


@pytest.fixture
def data() -> Path:
    return DATA


@pytest.fixture
def kinds() -> Mapping[str, Rules]:
    return KINDS


@pytest.fixture
def expand_file(monkeypatch: pytest.MonkeyPatch) -> Expand:
    """Expands a spec file with the tests' modules; files are shown relative to the data folder."""
    monkeypatch.chdir(DATA)

    def expanded(file: Path) -> Expanded:
        spec = load(file, project=file.parent, cache=None)
        shown = lambda path: str(path.relative_to(DATA)) if path.is_relative_to(DATA) else str(path)  # noqa: E731
        return expand(spec, Library(spec.modules, [], shown), KINDS, ENVIRONMENT)

    return expanded
