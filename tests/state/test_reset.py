from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.errors import StateError
from deployer.core.resource import Mark
from deployer.core.state import State
from deployer.state.document import encode
from deployer.state.file import FileBackend
from deployer.state.here import whoami
from deployer.state.ledger import load
from deployer.state.reset import reset

MARK = Mark("demo", "local")


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "state")


@pytest.fixture
def epoch(backend: FileBackend) -> int:
    return backend.acquire(whoami("test")).epoch


def copies(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "state" / "copies").iterdir()}


def test_a_reset_begins_a_new_lineage_and_keeps_what_was_there(backend: FileBackend, epoch: int, tmp_path: Path) -> None:
    backend.write_state(b"damaged", epoch)
    backend.append_journal(b"damaged too\n", epoch)
    reset(backend, MARK, epoch)
    state = load(backend, MARK).state
    assert (state.serial, dict(state.objects)) == (0, {})
    assert state.lineage
    assert copies(tmp_path) == {b"damaged", b"damaged too\n"}


def test_a_reset_of_nothing_is_a_beginning_too(backend: FileBackend, epoch: int) -> None:
    reset(backend, MARK, epoch)
    assert load(backend, MARK).state.lineage


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (encode(State("line", "demo", "prod", 5)), "belongs to demo/prod"),
        (encode(State("line", "other", "local", 5)), "belongs to other/local"),
        (b'{"format": 7, "writer": "3.0.0"}', "format 7, written by deployer 3.0.0"),
    ],
)
def test_what_is_not_ours_to_replace_stays_as_it_is(backend: FileBackend, epoch: int, data: bytes, says: str) -> None:
    backend.write_state(data, epoch)
    with pytest.raises(StateError, match=says):
        reset(backend, MARK, epoch)
    assert backend.read_state() == data


@pytest.mark.parametrize("data", [b"[1]", b"null", b"", b'{"format": 1}', encode(State("line", "demo", "local", 5))[:-9]])
def test_whatever_else_is_there_is_replaced(backend: FileBackend, epoch: int, data: bytes, tmp_path: Path) -> None:
    backend.write_state(data, epoch)
    reset(backend, MARK, epoch)
    assert load(backend, MARK).state.serial == 0
    assert copies(tmp_path) == {data}
