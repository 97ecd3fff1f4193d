"""What the kinds share: turns at folders, and the parents made on the way."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from deployer.core.errors import ProviderError
from deployer.core.resource import Mark
from deployer.providers.local.marks import Marked
from tests.providers.local.rigs import client

MARK = Mark("demo", "test", "c/local.file/a")


def test_parents_that_a_killed_removal_left_go_with_the_next_removal_of_what_is_gone(tmp_path: Path) -> None:
    ours, path = client(tmp_path), str(tmp_path / "deep" / "deeper" / "file")
    ours.write(path, b"x", 0o600, Marked(MARK, "local.file"))
    Path(path).unlink()
    ours.remove(path)
    assert not (tmp_path / "deep").exists()
    ours.write(path, b"x", 0o600, Marked(MARK, "local.file"))
    Path(path).unlink()
    Path(path).parent.rmdir()
    ours.remove(path)
    assert not (tmp_path / "deep").exists()


@pytest.mark.long
def test_a_folder_that_a_frozen_deployer_keeps_is_told_and_not_waited_for_for_ever(tmp_path: Path) -> None:
    opened = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    try:
        with pytest.raises(ProviderError, match=r"has kept .* locked for 30 s"), client(tmp_path).locked(str(tmp_path)):
            pytest.fail("it is somebody else's turn")
    finally:
        os.close(opened)
