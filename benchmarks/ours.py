"""deployer on the shapes, driven as its users drive it: by the installed command."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import CommandFailedError, Cost, best, measure
from benchmarks.shapes import ENVIRONMENT, FLAT, SMALL, Shape, write_component, write_deployer
from deployer.core.resource import Mark
from deployer.state.here import whoami
from deployer.state.open import default_path, open_backend, session

COMMAND = str(Path(sys.executable).parent / "deployer")
READY = Path(__file__).resolve().parents[1] / "environments"
NOTHING: Mapping[str, str] = {}
START, TIMES = 10, 3  # runs of what takes a moment, and of what takes seconds


class Deployer:
    """Each measured work, as deployer does it. A project that was applied is used again for the plans after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> Cost:
        return best(lambda: measure([COMMAND, "--version"], self._folder, NOTHING), START)

    def validate(self) -> Cost:
        project = write_component(self._folder / "one")
        return best(lambda: measure([COMMAND, "validate", ENVIRONMENT], project, NOTHING), START)

    def first_plan(self, shape: Shape, size: int) -> Cost:
        """Nothing made yet, nothing cached yet."""
        return best(lambda: measure([COMMAND, "plan", ENVIRONMENT], self._new(shape, size, "first"), NOTHING), TIMES)

    def apply(self, shape: Shape, size: int) -> Cost:
        """Large ones once: they take long enough to be sure of."""
        apply = [COMMAND, "apply", ENVIRONMENT, "-y"]
        return best(lambda: measure(apply, self._new(shape, size, "applied"), NOTHING), TIMES if size <= SMALL else 1)

    def noop_plan(self, shape: Shape, size: int, *, cached: bool) -> Cost:
        project = self._folder / f"{shape.name}-{size}-applied"
        if not project.exists():
            measure([COMMAND, "apply", ENVIRONMENT, "-y"], self._new(shape, size, "applied"), NOTHING)
        return best(lambda: self._plan(project, cached=cached), TIMES)

    def refused(self) -> Cost:
        project = write_deployer(FLAT, 10, self._folder / "locked")
        backend = open_backend(str(default_path(project, ENVIRONMENT)), project)
        with session(backend, Mark("bench", ENVIRONMENT), whoami("the apply at work")):
            return best(lambda: measure([COMMAND, "apply", ENVIRONMENT, "-y"], project, NOTHING, code=3), START)

    def platform(self) -> Cost:
        """The ready local platform, its package cache warmed by a run before, on any free port."""
        project = self._folder / "platform"
        shutil.copytree(READY, project / "environments")
        text = "version: 1\nextends: local.yaml\ncomponents:\n  tracking: {port: auto}\n"
        (project / "environments" / f"{ENVIRONMENT}.yaml").write_text(text, encoding="utf-8")
        up, down = [COMMAND, "apply", ENVIRONMENT, "-y"], [COMMAND, "destroy", ENVIRONMENT, "-y", "--allow-data-loss", "all"]
        try:
            measure(up, project, NOTHING)
            measure(down, project, NOTHING)
            return measure(up, project, NOTHING)
        finally:
            measure(down, project, NOTHING)

    def _plan(self, project: Path, *, cached: bool) -> Cost:
        if not cached:
            shutil.rmtree(project / ".deployer" / "cache", ignore_errors=True)
        return measure([COMMAND, "plan", ENVIRONMENT, "--detailed-exitcode"], project, NOTHING)

    def _new(self, shape: Shape, size: int, purpose: str) -> Path:
        project = self._folder / f"{shape.name}-{size}-{purpose}"
        shutil.rmtree(project, ignore_errors=True)
        return write_deployer(shape, size, project)


def installed() -> bool:
    """Whether the command runs at all."""
    try:
        measure([COMMAND, "--version"], Path(), NOTHING)
    except (CommandFailedError, OSError):
        return False
    return True
