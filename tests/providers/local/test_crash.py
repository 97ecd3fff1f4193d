"""A death at every call a kind makes to the system: what is left can be finished, or taken away without a trace."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.kinds import Bench, Case, bench
from tests.contracts.test_kinds import CASES

OURS = ("local.directory", "local.file", "local.secret", "local.port", "local.sqlite")
BOUNDARIES = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.symlink", "os.chmod", "os.setxattr", "fcntl.flock")
CRASHED = 77
cases = [case for case in CASES if case.kind in OURS]


def dying(act: Callable[[], object], boundary: int) -> bool:
    """Runs `act` in a child that dies before its call number `boundary`; whether it died."""
    child = os.fork()
    if child == 0:
        left = boundary

        def count(event: str, _arguments: object) -> None:
            nonlocal left
            left -= event in BOUNDARIES
            if left < 0:
                os._exit(CRASHED)

        sys.addaudithook(count)
        try:
            act()
        except BaseException:  # noqa: BLE001 - told to the parent
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, CRASHED), f"the child failed with {code}"
    return code == CRASHED


def left_over(folder: Path) -> list[str]:
    root = folder / "root"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.name != "backups")


def at_every_boundary(case: Case, folder: Path, test: Callable[[Bench, int], bool]) -> None:
    boundary, died = 0, True
    while died:
        with bench(case, folder / str(boundary)) as made:
            died = test(made, boundary)
        boundary += 1
    assert boundary > 3


@pytest.mark.parametrize("case", cases, ids=str)
def test_a_create_that_died_is_finished_by_the_next(case: Case, tmp_path: Path) -> None:
    def scenario(made: Bench, boundary: int) -> bool:
        want = made.want()
        died = dying(lambda: made.kind.create(want), boundary)
        left = made.read()
        live = made.kind.update(left, want, []) if left else made.kind.create(want)
        assert made.changes(want, live) == []
        assert live.mark == want.mark
        made.kind.delete(live)
        folder = tmp_path / str(boundary)
        assert [path for path in left_over(folder) if not path.startswith("backups/")] == []
        return died

    at_every_boundary(case, tmp_path, scenario)


@pytest.mark.parametrize("case", cases, ids=str)
def test_a_create_that_died_and_is_not_wanted_any_more_leaves_no_object(case: Case, tmp_path: Path) -> None:
    def scenario(made: Bench, boundary: int) -> bool:
        died = dying(lambda: made.kind.create(made.want()), boundary)
        if left := made.read():
            made.kind.delete(left)
        folder = tmp_path / str(boundary) / "root"
        files = [path for path in folder.rglob("*") if not path.is_dir() and not path.name.startswith(".deployer-")]
        assert files == []
        return died

    at_every_boundary(case, tmp_path, scenario)


@pytest.mark.parametrize("case", [case for case in cases if case.changed], ids=str)
def test_an_update_that_died_is_finished_by_the_next_and_loses_nothing(case: Case, tmp_path: Path) -> None:
    def scenario(made: Bench, boundary: int) -> bool:
        old, want = made.kind.create(made.want()), made.want(case.changed)
        died = dying(lambda: made.kind.update(old, want, []), boundary)
        live = made.kind.update(made.there(), want, [])
        assert made.changes(want, live) == []
        made.kind.delete(live)
        assert [path for path in left_over(tmp_path / str(boundary)) if not path.startswith("backups/")] == []
        return died

    at_every_boundary(case, tmp_path, scenario)


@pytest.mark.parametrize("case", cases, ids=str)
def test_a_delete_that_died_is_finished_by_the_next(case: Case, tmp_path: Path) -> None:
    def scenario(made: Bench, boundary: int) -> bool:
        live = made.kind.create(made.want())
        died = dying(lambda: made.kind.delete(live), boundary)
        made.kind.delete(live)
        assert made.read() is None
        return died

    at_every_boundary(case, tmp_path, scenario)
