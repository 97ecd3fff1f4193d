from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.errors import FencedError, StateError
from deployer.core.state import Holder
from deployer.state.file import FileBackend
from deployer.state.here import whoami
from tests.state.limits import file_size_limit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "state"


@pytest.fixture
def backend(folder: Path) -> FileBackend:
    return FileBackend(folder)


@pytest.fixture
def mine(backend: FileBackend) -> Holder:
    return backend.acquire(whoami("test"))


def test_looking_makes_nothing(backend: FileBackend, tmp_path: Path) -> None:
    assert (backend.read_state(), backend.read_journal(), backend.holder()) == (None, b"", None)
    assert list(tmp_path.iterdir()) == []


def test_everything_is_for_its_owner_only(backend: FileBackend, mine: Holder, tmp_path: Path) -> None:
    backend.write_state(b"x", mine.epoch)
    backend.append_journal(b"x\n", mine.epoch)
    backend.keep_copy("x", b"x")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert all(mode == (0o700 if name in ("a folder", "state", "copies") else 0o600) for name, mode in modes.items())
    assert {"state.json", "journal.jsonl", "lock.json", "epoch", "guard", "x"} < set(modes)


def test_the_url_is_one_also_for_a_relative_folder_with_spaces(backend: FileBackend) -> None:
    assert backend.url.startswith("file:///")
    assert backend.url.endswith("/a%20folder/state")
    assert FileBackend(Path("state")).url.startswith("file:///")


def test_an_append_that_fails_is_taken_back_and_the_next_one_goes_on(backend: FileBackend, mine: Holder) -> None:
    backend.append_journal(b"first\n", mine.epoch)
    with file_size_limit(1000), pytest.raises(StateError, match="cannot append to") as caught:
        backend.append_journal(b"x" * 5000 + b"\n", mine.epoch)
    assert caught.value.fix
    assert backend.read_journal() == b"first\n"
    backend.append_journal(b"second\n", mine.epoch)
    assert backend.read_journal() == b"first\nsecond\n"


def test_a_state_that_does_not_fit_leaves_the_old_one(backend: FileBackend, mine: Holder) -> None:
    backend.write_state(b"old", mine.epoch)
    with file_size_limit(1000), pytest.raises(StateError, match="cannot write"):
        backend.write_state(b"x" * 5000, mine.epoch)
    assert backend.read_state() == b"old"


def test_a_lock_that_does_not_fit_is_nobodys(backend: FileBackend, folder: Path) -> None:
    with file_size_limit(20), pytest.raises(StateError, match="cannot take the lock"):
        backend.acquire(whoami("test"))
    assert backend.holder() is None
    assert not list(folder.glob("*.new"))
    backend.acquire(whoami("test"))


def test_a_file_in_the_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    for backend in (FileBackend(tmp_path / "state"), FileBackend(tmp_path / "state" / "deeper")):
        with pytest.raises(StateError, match="cannot take the lock") as caught:
            backend.acquire(whoami("test"))
        assert "a file stands where a folder is needed" in caught.value.fix
        with pytest.raises(StateError, match="cannot read"):
            backend.read_state()


def test_a_folder_in_the_place_of_the_state_is_said_so(backend: FileBackend, mine: Holder, folder: Path) -> None:
    (folder / "state.json").mkdir()
    with pytest.raises(StateError, match="cannot read") as caught:
        backend.read_state()
    assert "a folder stands where a file is needed" in caught.value.fix


def test_a_folder_removed_under_us_is_a_lost_lock(backend: FileBackend, mine: Holder, folder: Path) -> None:
    backend.append_journal(b"first\n", mine.epoch)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(FencedError):
        backend.append_journal(b"second\n", mine.epoch)
    with pytest.raises(FencedError):
        backend.renew(mine)
    backend.release(mine)


def test_the_epoch_grows_also_when_the_file_that_keeps_it_is_gone_or_spoilt(backend: FileBackend, mine: Holder, folder: Path) -> None:
    backend.release(mine)
    (folder / "epoch").unlink()
    second = backend.acquire(whoami("test"))
    backend.release(second)
    (folder / "epoch").write_text("what?")
    third = backend.acquire(whoami("test"))
    assert mine.epoch < second.epoch < third.epoch


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"pid": 1}'])
def test_an_unreadable_lock_is_refused_with_its_path(backend: FileBackend, mine: Holder, folder: Path, text: str) -> None:
    (folder / "lock.json").write_text(text)
    for call in (backend.holder, lambda: backend.acquire(whoami("test")), lambda: backend.write_state(b"", mine.epoch)):
        with pytest.raises(StateError, match="unreadable") as caught:
            call()
        assert str(folder / "lock.json") in caught.value.fix


def test_a_lock_written_by_a_later_version_with_more_fields_is_understood(backend: FileBackend, mine: Holder, folder: Path) -> None:
    text = (folder / "lock.json").read_text()
    (folder / "lock.json").write_text(text.replace("{", '{"colour": "red",', 1))
    assert backend.holder() == mine


def test_a_copys_name_stays_in_its_folder(backend: FileBackend, mine: Holder, folder: Path) -> None:
    where = backend.keep_copy("../../evil name.json", b"x")
    assert Path(where).parent == folder / "copies"
    assert [backend.keep_copy("a.json", data).rpartition("/")[2] for data in (b"1", b"2", b"3")] == ["a.json", "a~2.json", "a~3.json"]
