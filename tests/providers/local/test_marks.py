from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployer.core.resource import Mark
from deployer.providers.local import marks
from deployer.providers.local.marks import Marked

MINE = Marked(Mark("demo", "prod", "a/local.file/ü\n"), "local.file")


@pytest.mark.parametrize("marked", [MINE, Marked(MINE.mark, "local.directory", opaque=True)])
def test_a_mark_survives_being_written_and_read(tmp_path: Path, marked: Marked) -> None:
    (tmp_path / "a").touch()
    marks.put(str(tmp_path / "a"), marked)
    assert marks.get(str(tmp_path / "a")) == marked
    (tmp_path / "a").rename(tmp_path / "b")
    assert marks.get(str(tmp_path / "b")) == marked


def test_a_missing_file_has_no_mark(tmp_path: Path) -> None:
    assert marks.get(str(tmp_path / "a")) is None


def test_the_mark_of_a_links_target_is_not_the_links(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    marks.put(str(tmp_path / "a"), MINE)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert marks.get(str(tmp_path / "link")) is None
    assert [path for path, _ in marks.find(str(tmp_path))] == [str(tmp_path / "a")]


def test_a_search_skips_what_is_opaque_half_made_or_linked(tmp_path: Path) -> None:
    for name in ("open/in", "shut/in", ".deployer-1.new/in", "elsewhere/in"):
        (tmp_path / name).mkdir(parents=True)
        marks.put(str(tmp_path / name), MINE)
    marks.put(str(tmp_path / "shut"), Marked(MINE.mark, "local.directory", opaque=True))
    root = tmp_path / "root"
    root.mkdir()
    for name in ("open", "shut", ".deployer-1.new"):
        (tmp_path / name).rename(root / name)
    (root / "link").symlink_to(tmp_path / "elsewhere/in")
    assert [path.removeprefix(f"{root}/") for path, _ in marks.find(str(root))] == ["open/in", "shut"]


def test_a_search_in_nothing_finds_nothing(tmp_path: Path) -> None:
    assert list(marks.find(str(tmp_path / "no"))) == []
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "outside/file").touch()
    assert list(marks.find(str(tmp_path))) == []


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b"null", b"1", b'"a"', b"{}", b'{"platform": {}}', b"\xff", b"[" * 5000])
def test_nonsense_is_no_mark(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").touch()
    os.setxattr(tmp_path / "a", marks.MARK, data[:4000])
    assert marks.get(str(tmp_path / "a")) is None
