from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from deployer.core.errors import StateError
from deployer.state import disk
from tests.state.limits import file_size_limit


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    assert disk.read(tmp_path / "x") is None


def test_a_written_file_is_for_its_owner_only(tmp_path: Path) -> None:
    disk.write_whole(tmp_path / "x", b"data")
    assert (tmp_path / "x").read_bytes() == b"data"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    disk.write_whole(tmp_path / "x", b"old")
    with file_size_limit(1000), pytest.raises(OSError, match="too large"):
        disk.write_whole(tmp_path / "x", b"n" * 5000)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_folders_are_made_for_their_owner_only_all_the_way(tmp_path: Path) -> None:
    disk.make_folder(tmp_path / "a" / "b" / "c")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")} == {0o700}
    disk.make_folder(tmp_path / "a" / "b" / "c")


def test_removing_twice_is_nothing(tmp_path: Path) -> None:
    disk.write_whole(tmp_path / "x", b"")
    disk.remove(tmp_path / "x")
    disk.remove(tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.ENOTDIR, errno.EIO, errno.ESTALE])
def test_every_operating_system_error_says_what_failed_where_and_what_to_do(number: int, tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught, disk.explained("write", tmp_path):
        raise OSError(number, "the reason")
    assert f"cannot write {tmp_path}: the reason" in str(caught.value)
    assert caught.value.fix


def test_one_at_a_time_is_inside(tmp_path: Path) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with disk.alone(tmp_path / "guard"):
                inside += 1
                most = max(most, inside)
                threading.Event().wait(0.0005)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
