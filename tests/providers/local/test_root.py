from __future__ import annotations

from pathlib import Path

from deployer.core.errors import Problem
from deployer.providers.local import LocalProvider
from tests.providers.local.rigs import mounted, options, somebody_else


def check(root: Path) -> list[Problem]:
    return list(LocalProvider(options(root)).check())


def test_a_good_root_has_no_problems_whether_it_exists_or_not(tmp_path: Path) -> None:
    assert check(tmp_path) == []
    assert check(tmp_path / "not/yet/there") == []
    assert list(tmp_path.iterdir()) == []


def test_spaces_in_the_path_are_named(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "my stuff")
    assert (problem.path, "has spaces" in problem.what, "set settings.root" in problem.allowed) == ("settings.root", True, True)


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for name in ("file", "dangling"):
        (problem,) = check(tmp_path / name)
        assert "is not a folder" in problem.what


def test_a_full_disk_is_no_reason_to_refuse_an_apply_that_may_make_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "tmpfs", "-o", "size=64k") as small:
        (small / "ballast").write_bytes(b"x" * 65536)
        assert check(small / "root") == []


def test_a_file_system_without_marks_is_named(tmp_path: Path) -> None:
    with mounted(tmp_path / "bare", "ramfs") as bare:
        problems = check(bare)
    assert "keeps no marks" in problems[-1].what


def test_a_folder_we_may_not_write_to_is_named(tmp_path: Path) -> None:
    with somebody_else() as folder:
        (folder / "root").mkdir(mode=0o500)
        (problem,) = check(folder / "root/below")
    assert "not writable" in problem.what


def test_a_root_that_is_read_only_is_named(tmp_path: Path) -> None:
    with mounted(tmp_path / "fixed", "tmpfs", "-o", "ro,size=100m") as fixed:
        (problem,) = check(fixed)
    assert "not writable" in problem.what
