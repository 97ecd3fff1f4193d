from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.core.errors import FencedError, StateError
from deployer.core.resource import Mark
from deployer.core.state import Entry, EntryType, Pending, StateObject
from deployer.state.document import decode, encode
from deployer.state.file import FileBackend
from deployer.state.here import whoami
from deployer.state.ledger import JournalLedger, load
from deployer.state.reset import reset
from deployer.state.upgrade import Document
from tests.state.limits import file_size_limit
from tests.state.test_document import PLACE
from tests.state.test_upgrade import sealed

MARK = Mark("demo", "local")


def thing(number: int) -> StateObject:
    return StateObject(f"c/k/{number}", "k", f"id-{number}", "d" * 64)


def ended(*numbers: int) -> list[Entry]:
    return [Entry(EntryType.END, thing(number)) for number in numbers]


class Counting(FileBackend):
    """The file backend, its appends counted, and one thing done after each of them."""

    def __init__(self, folder: Path, after: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(folder)
        self.appends = 0
        self._after = after

    def append_journal(self, data: bytes, epoch: int) -> None:
        super().append_journal(data, epoch)
        self.appends += 1
        self._after(self.appends)


def interrupt_at_the_second(count: int) -> None:
    if count == 2:
        raise KeyboardInterrupt


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "state")


@pytest.fixture
def epoch(backend: FileBackend) -> int:
    return backend.acquire(whoami("test")).epoch


@pytest.fixture
def ledger(backend: FileBackend, epoch: int) -> JournalLedger:
    return JournalLedger(backend, MARK, epoch)


def numbers(backend: FileBackend) -> set[int]:
    return {int(address.rpartition("/")[2]) for address in load(backend, MARK).state.objects}


def test_an_environment_nobody_applied_has_no_lineage_yet_and_gets_one_with_its_first_entry(ledger: JournalLedger) -> None:
    assert (ledger.state().lineage, ledger.state().serial) == ("", 0)
    ledger.write(ended(1))
    assert ledger.state().lineage
    assert ledger.state().serial == 1


def test_what_was_written_is_read_by_another(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write([Entry(EntryType.BEGIN, thing(1))])
    ledger.write(ended(1, 2))
    assert load(backend, MARK).state == ledger.state()
    assert ledger.state().serial == 3


def test_one_object_can_be_looked_up(ledger: JournalLedger) -> None:
    assert ledger.recorded("c/k/1") is None
    ledger.write(ended(1))
    assert ledger.recorded("c/k/1") == thing(1)


def test_writing_nothing_writes_nothing(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write([])
    assert backend.read_journal() == b""


def test_opening_and_closing_without_a_change_writes_nothing(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.close()
    assert (backend.read_state(), backend.read_journal()) == (None, b"")


def test_closing_folds_a_journal_larger_than_the_state_into_it(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write(ended(1, 2))
    before = ledger.state()
    ledger.close()
    assert backend.read_journal() == b""
    assert decode(backend.read_state() or b"", PLACE) == before


def test_closing_leaves_a_journal_smaller_than_the_state(backend: FileBackend, epoch: int, ledger: JournalLedger) -> None:
    ledger.write(ended(*range(100)))
    ledger.close()
    again = JournalLedger(backend, MARK, epoch)
    again.write(ended(100))
    again.close()
    assert backend.read_journal() != b""
    assert numbers(backend) == set(range(101))


def test_a_journal_that_outgrew_the_state_is_folded_while_the_work_goes_on(backend: FileBackend, ledger: JournalLedger) -> None:
    for number in range(3000):
        ledger.write(ended(number))
    assert len(backend.read_journal()) < 400_000
    assert backend.read_state() is not None
    assert numbers(backend) == set(range(3000))


def test_threads_that_wait_for_an_append_share_the_next_one(tmp_path: Path) -> None:
    def until_all_wait(appends: int) -> None:
        end = time.monotonic() + 60
        while appends == 1 and len(shared._waiting) < 9 and time.monotonic() < end:
            time.sleep(0.001)

    backend = Counting(tmp_path / "state", until_all_wait)
    shared = JournalLedger(backend, MARK, backend.acquire(whoami("test")).epoch)
    threads = [threading.Thread(target=shared.write, args=(ended(number),)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backend.appends == 2
    assert numbers(backend) == set(range(10))


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "state")
    ledger = JournalLedger(backend, MARK, backend.acquire(whoami("test")).epoch)

    def work(first: int) -> None:
        for number in range(first, first + 10):
            ledger.write(ended(number))
            assert thing(number).address in ledger.state().objects

    threads = [threading.Thread(target=work, args=(first * 10,)) for first in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(backend) == set(range(100))
    assert load(backend, MARK).state.serial == 100


def test_entries_of_one_call_stay_together_in_their_order(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write([*ended(1), Entry(EntryType.FORGET, thing(1)), *ended(2)])
    assert [line.entry.type for line in load(backend, MARK).journal.lines] == [EntryType.END, EntryType.FORGET, EntryType.END]


def test_a_first_apply_that_died_before_any_snapshot_is_rebuilt_from_the_journal_alone(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write([Entry(EntryType.BEGIN, StateObject("c/k/1", "k", "id-1", pending=Pending.CREATE))])
    assert backend.read_state() is None
    state = load(backend, MARK).state
    assert state == ledger.state()
    assert state.objects["c/k/1"].pending is Pending.CREATE


def test_a_state_removed_by_hand_is_lost_and_said_to_be(backend: FileBackend, epoch: int, ledger: JournalLedger, tmp_path: Path) -> None:
    ledger.write(ended(*range(100)))
    ledger.close()
    JournalLedger(backend, MARK, epoch).write(ended(100))
    (tmp_path / "state" / "state.json").unlink()
    with pytest.raises(StateError, match="is lost") as caught:
        load(backend, MARK)
    assert "serial 100" in caught.value.why
    assert "deployer recover local" in caught.value.fix


def test_a_crash_between_snapshot_and_clearing_counts_nothing_twice(backend: FileBackend, epoch: int, ledger: JournalLedger) -> None:
    ledger.write([*ended(1, 2), Entry(EntryType.FORGET, thing(1))])
    before = ledger.state()
    backend.write_state(encode(before), epoch)
    assert load(backend, MARK).state == before
    again = JournalLedger(backend, MARK, epoch)
    again.write(ended(3))
    assert numbers(backend) == {2, 3}
    assert load(backend, MARK).state.serial == 4


def test_an_append_cut_short_by_a_crash_is_cleared_up_at_the_next_opening(backend: FileBackend, epoch: int, ledger: JournalLedger) -> None:
    ledger.write(ended(1))
    backend.append_journal(b"0123abcd {half a li", epoch)
    assert numbers(backend) == {1}
    JournalLedger(backend, MARK, epoch).write(ended(2))
    assert numbers(backend) == {1, 2}


def test_a_very_first_append_cut_short_leaves_an_untouched_environment(backend: FileBackend, epoch: int) -> None:
    backend.append_journal(b"0123abcd {half a li", epoch)
    ledger = JournalLedger(backend, MARK, epoch)
    assert (ledger.state().lineage, backend.read_state(), backend.read_journal()) == ("", None, b"")
    ledger.write(ended(1))
    assert numbers(backend) == {1}


def test_a_disk_full_for_a_while_loses_nothing_that_was_told_durable(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write(ended(1))
    with file_size_limit(1000), pytest.raises(StateError, match="cannot append"):
        ledger.write(ended(*range(2, 50)))
    assert numbers(backend) == {1}
    ledger.write(ended(99))
    assert numbers(backend) == {1, 99}
    assert load(backend, MARK).state == ledger.state()


def test_an_interrupt_in_the_middle_of_a_write_loses_nothing(tmp_path: Path) -> None:
    backend = Counting(tmp_path / "state", interrupt_at_the_second)
    ledger = JournalLedger(backend, MARK, backend.acquire(whoami("test")).epoch)
    ledger.write(ended(1))
    with pytest.raises(KeyboardInterrupt):
        ledger.write(ended(2))
    ledger.write(ended(3))
    assert numbers(backend) == {1, 2, 3}
    ledger.close()
    assert numbers(backend) == {1, 2, 3}


def test_a_close_right_after_an_interrupt_does_not_fold_what_it_does_not_know(tmp_path: Path) -> None:
    backend = Counting(tmp_path / "state", interrupt_at_the_second)
    ledger = JournalLedger(backend, MARK, backend.acquire(whoami("test")).epoch)
    ledger.write(ended(1))
    with pytest.raises(KeyboardInterrupt):
        ledger.write(ended(2))
    ledger.close()
    assert numbers(backend) == {1, 2}


def test_a_fenced_writer_writes_nothing_and_its_entries_are_kept_aside(backend: FileBackend, ledger: JournalLedger, tmp_path: Path) -> None:
    ledger.write(ended(1))
    holder = backend.holder()
    assert holder is not None
    backend.break_lock(holder)
    other = backend.acquire(whoami("other"))
    JournalLedger(backend, MARK, other.epoch).write(ended(7))
    with pytest.raises(FencedError) as caught:
        ledger.write(ended(2))
    assert numbers(backend) == {1, 7}
    (kept,) = (tmp_path / "state" / "copies").iterdir()
    assert str(kept) in caught.value.why
    assert b"id-2" in kept.read_bytes()
    ledger.close()
    assert numbers(backend) == {1, 7}


def test_a_lock_known_to_be_lost_refuses_before_the_backend_is_asked(backend: FileBackend, epoch: int) -> None:
    def lost() -> None:
        raise FencedError("the lock is lost")

    ledger = JournalLedger(backend, MARK, epoch, lost)
    with pytest.raises(FencedError):
        ledger.write(ended(1))
    assert backend.read_journal() == b""


def test_another_environments_state_is_refused(backend: FileBackend, ledger: JournalLedger) -> None:
    ledger.write(ended(1))
    with pytest.raises(StateError, match="belongs to demo/local") as caught:
        load(backend, Mark("demo", "prod"))
    assert "demo/prod" in caught.value.why


def test_a_journal_of_another_lineage_is_refused(backend: FileBackend, epoch: int, ledger: JournalLedger) -> None:
    ledger.write(ended(1))
    old = backend.read_journal()
    reset(backend, MARK, epoch)
    backend.append_journal(old, epoch)
    with pytest.raises(StateError, match="two lineages"):
        load(backend, MARK)


def test_an_older_copy_put_back_under_a_younger_journal_is_refused(backend: FileBackend, epoch: int, ledger: JournalLedger) -> None:
    ledger.write(ended(1))
    old = encode(ledger.state())
    ledger.write(ended(2))
    ledger.close()
    JournalLedger(backend, MARK, epoch).write(ended(3))
    backend.write_state(old, epoch)
    with pytest.raises(StateError, match="too old for its journal"):
        load(backend, MARK)


def test_an_older_state_is_upgraded_and_a_copy_of_it_kept(backend: FileBackend, epoch: int, tmp_path: Path) -> None:
    older: Document = {"format": 0, "lineage": "l", "serial": 3, "platform": "demo", "applied": [], "objects": [], "deposed": []}
    backend.write_state(sealed(older), epoch)
    ledger = JournalLedger(backend, MARK, epoch, steps={0: lambda document: {**document, "environment": "local"}})
    assert (ledger.state().serial, ledger.state().environment) == (3, "local")
    assert load(backend, MARK).state == ledger.state()
    (kept,) = (tmp_path / "state" / "copies").iterdir()
    assert kept.read_bytes() == sealed(older)
