"""A full disk, a read-only folder, a missing interpreter, a taken port: told before the first change, and nothing is lost."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.local.rigs import mounted
from tests.scenarios.project import Project
from tests.scenarios.small import MARKER, rows, spec, write_row

FILES = """\
version: 1
platform: full
target: local
settings: {root: ROOT}
components: {}
resources:
  parts: {kind: local.file, for_each: [EACH], config: {path: "parts/${each.key}", content: "CONTENT"}}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MB."""
    with mounted(tmp_path / "disk", "tmpfs", "-o", "size=96m") as folder:
        yield folder


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder nobody may write in, root included."""
    with mounted(tmp_path / "ro", "tmpfs", "-o", "ro,size=1m") as folder:
        yield folder


def files(root: Path, count: int, size: int = 10) -> str:
    each = ", ".join(f"n{number:03}" for number in range(count))
    return FILES.replace("ROOT", str(root)).replace("EACH", each).replace("CONTENT", "x" * size)


def fill(folder: Path, leave: int) -> Path:
    """Takes all room but `leave` bytes."""
    ballast = folder / "ballast"
    free = os.statvfs(folder)
    with ballast.open("wb") as file:
        file.write(b"\0" * (free.f_bavail * free.f_frsize - leave))
    return ballast


def test_a_full_disk_is_told_before_the_first_change(project: Project, small_disk: Path) -> None:
    project.write("local", files(small_disk / "root", 3))
    fill(small_disk, 8192)
    said = project.run("apply", "local", "-y", code=1)
    assert "free" in said.err
    assert str(small_disk) in said.err
    assert not list(small_disk.glob("root/parts/*"))


def test_a_disk_that_fills_up_in_the_middle_loses_nothing(project: Project, small_disk: Path) -> None:
    """Each file is far smaller than the reserve that is checked for, all of them are larger."""
    project.write("local", files(small_disk / "root", 120, 900_000))
    failed = project.run("apply", "local", "-y", code=1)
    assert "space" in failed.err.lower()
    assert "Traceback" not in failed.err
    project.write("local", files(small_disk / "root", 20, 900_000))
    project.run("apply", "local", "-y")
    assert len(list(small_disk.glob("root/parts/*"))) == 20
    project.run("plan", "local", "--detailed-exitcode")


def test_a_state_folder_on_a_full_disk_is_an_error_and_the_state_stays_readable(project: Project, small_disk: Path) -> None:
    text = files(project.folder / "root", 3) + f"state: {{backend: local, path: {small_disk / 'state'}}}\n"
    project.write("local", text)
    project.run("apply", "local", "-y")
    ballast = fill(small_disk, 0)
    project.write("local", text.replace("n000", "n999"))
    failed = project.run("apply", "local", "-y", code=1)
    assert "Traceback" not in failed.err
    ballast.unlink()
    project.run("apply", "local", "-y")
    project.run("plan", "local", "--detailed-exitcode")
    assert {path.name for path in (project.folder / "root" / "parts").iterdir()} == {"n001", "n002", "n999"}


def test_a_read_only_root_is_told_with_the_fix_and_nothing_is_made(project: Project, read_only: Path) -> None:
    project.write("local", files(read_only / "root", 2))
    said = project.run("apply", "local", "-y", code=1)
    assert str(read_only) in said.err
    assert "settings.root" in said.err
    assert "Traceback" not in said.err


def test_a_root_with_spaces_and_a_socket_path_too_long_are_told_before_anything(project: Project) -> None:
    for root in (project.folder / "with space", project.folder / ("long" * 30)):
        project.write("local", spec(1).replace("target: local", f"target: local\nsettings: {{root: '{root}'}}"))
        said = project.run("apply", "local", "-y", code=1)
        assert "settings.root" in said.err
        assert not list(root.rglob("*.txt")) if root.exists() else True
        assert not (root / "supervisor").exists()


def test_a_taken_port_names_the_process_that_holds_it_before_anything_is_made(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        project.write("local", spec(1, port))
        said = project.run("apply", "local", "-y", code=1)
    assert str(port) in said.err
    assert f"pid {os.getpid()}" in said.err
    assert not (project.root() / "app").exists()


def test_a_missing_interpreter_is_told_before_anything_is_made(project: Project) -> None:
    project.write("local", spec(1).replace("name: app", "name: app\n      python: /nowhere/python3.99"))
    said = project.run("apply", "local", "-y", code=1)
    assert "/nowhere/python3.99" in said.err
    assert not (project.root() / "app").exists()


def test_an_apply_that_would_lose_data_is_refused_with_the_data_named_and_a_destroy_keeps_it(project: Project) -> None:
    project.write("local", spec(1))
    project.run("apply", "local", "-y")
    write_row(project)
    project.write("local", spec(1).replace("path: ${resource.folder.path}/app.db", "path: ${resource.folder.path}/other.db"))
    refused = project.run("apply", "local", "-y", code=1)
    assert "--allow-data-loss 'resources/local.sqlite/database'" in refused.err
    assert rows(project) == [MARKER]
    project.write("local", spec(1))
    for words in ([], ["--keep-data"]):
        assert "0 left" in project.run("destroy", "local", "-y", *words).out
        assert rows(project) == [MARKER]
        project.run("apply", "local", "-y")
        assert rows(project) == [MARKER]
        project.run("plan", "local", "--detailed-exitcode")


@pytest.mark.parametrize("damage", ["truncate", "garbage", "newer"])
def test_a_damaged_state_is_an_error_with_the_way_out_and_recover_mends_it(project: Project, damage: str) -> None:
    project.write("local", spec(1))
    project.run("apply", "local", "-y")
    state = project.state() / "state.json"
    whole = state.read_bytes()
    state.write_bytes(
        {"truncate": whole[: len(whole) // 2], "garbage": b"\0\1garbage", "newer": whole.replace(b'"format": 1', b'"format": 99')}[damage]
    )
    for verb in (["plan", "local"], ["apply", "local", "-y"], ["destroy", "local", "-y"], ["status", "local"], ["state", "list", "local"]):
        said = project.run(*verb, code=1)
        assert "Traceback" not in said.err
        assert "recover" in said.err or "newer" in said.err
    if damage == "newer":
        state.write_bytes(whole)
    project.run("recover", "local")
    project.run("plan", "local", "--detailed-exitcode")
