"""What every state backend promises, asked of each one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.core.errors import FencedError, LockHeldError
from deployer.core.protocols import Backend
from deployer.core.state import Entry, EntryType, Holder, Pending
from deployer.state.here import whoami
from deployer.state.lock import Heartbeat
from deployer.state.open import read, session
from tests.contracts.backends import FACTORIES, MARK, Connect, remote, thing

ROOT = Path(__file__).parents[2]
SHORT = 0.2


@pytest.fixture(params=sorted(FACTORIES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(name: str, tmp_path: Path) -> Connect:
    return FACTORIES[name](tmp_path)


@pytest.fixture
def backend(connect: Connect) -> Backend:
    return connect()


@pytest.fixture
def mine(backend: Backend) -> Holder:
    return backend.acquire(remote())


@pytest.fixture
def workers(name: str, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def spawn(workers: list[subprocess.Popen[str]], role: str, name: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.contracts.backends", role, name, str(folder)]
    workers.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    return workers[-1]


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    assert said, f"the other process ended with {process.wait()} before it did anything; its words are on stderr"
    return said


def told(processes: list[subprocess.Popen[str]], text: str) -> list[str]:
    """What each of them answers, all asked before the first answer is read."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
    return [line(process) for process in processes]


def test_an_unused_backend_holds_nothing_and_nobody(backend: Backend) -> None:
    assert backend.read_state() is None
    assert backend.read_journal() == b""
    assert backend.holder() is None


def test_the_url_says_where_it_is(backend: Backend) -> None:
    assert "://" in backend.url


def test_a_second_client_reads_what_the_first_wrote(connect: Connect, backend: Backend, mine: Holder) -> None:
    backend.write_state(b"one", mine.epoch)
    backend.append_journal(b"a\n", mine.epoch)
    backend.append_journal(b"b\nc\n", mine.epoch)
    assert (connect().read_state(), connect().read_journal()) == (b"one", b"a\nb\nc\n")


def test_a_state_is_replaced_whole_by_a_shorter_one(backend: Backend, mine: Holder) -> None:
    backend.write_state(b"a long one", mine.epoch)
    backend.write_state(b"x", mine.epoch)
    assert backend.read_state() == b"x"


def test_a_cleared_journal_is_empty_and_grows_again(backend: Backend, mine: Holder) -> None:
    backend.append_journal(b"a\n", mine.epoch)
    backend.clear_journal(mine.epoch)
    assert backend.read_journal() == b""
    backend.append_journal(b"b\n", mine.epoch)
    assert backend.read_journal() == b"b\n"


def test_clearing_an_empty_journal_is_nothing(backend: Backend, mine: Holder) -> None:
    backend.clear_journal(mine.epoch)
    assert backend.read_journal() == b""


def test_a_journal_cleared_by_one_client_is_appended_to_by_another(connect: Connect, backend: Backend, mine: Holder) -> None:
    backend.append_journal(b"a\n", mine.epoch)
    connect().clear_journal(mine.epoch)
    backend.append_journal(b"b\n", mine.epoch)
    assert connect().read_journal() == b"b\n"


def test_the_second_of_two_clients_is_refused_at_once_and_told_who_has_the_lock(connect: Connect, mine: Holder) -> None:
    with pytest.raises(LockHeldError) as caught:
        connect().acquire(whoami("deployer apply local"))
    assert caught.value.holder["epoch"] == mine.epoch
    assert caught.value.holder["pid"] == mine.pid
    assert mine.host in str(caught.value)


def test_the_holder_can_be_asked_for(connect: Connect, mine: Holder) -> None:
    assert connect().holder() == mine


def test_a_released_lock_is_free_for_the_next(connect: Connect, backend: Backend, mine: Holder) -> None:
    backend.release(mine)
    assert connect().holder() is None
    assert connect().acquire(remote()).epoch > mine.epoch


def test_the_epoch_grows_with_every_holder_whatever_ended_the_last_one(connect: Connect) -> None:
    epochs = []
    for ending in (Backend.release, Backend.break_lock, Backend.release, Backend.break_lock):
        client = connect()
        holder = client.acquire(remote())
        epochs.append(holder.epoch)
        getattr(client, ending.__name__)(holder)
    assert epochs == sorted(set(epochs))


def test_releasing_twice_is_nothing(backend: Backend, mine: Holder) -> None:
    backend.release(mine)
    backend.release(mine)
    assert backend.holder() is None


def test_releasing_does_not_touch_the_next_holders_lock(connect: Connect, backend: Backend, mine: Holder) -> None:
    backend.break_lock(mine)
    other = connect().acquire(remote())
    backend.release(mine)
    assert backend.holder() == other


def test_breaking_names_the_holder_that_has_it_instead(connect: Connect, backend: Backend, mine: Holder) -> None:
    backend.break_lock(mine)
    other = connect().acquire(replace(remote(), command="the next one"))
    with pytest.raises(LockHeldError, match="the next one"):
        backend.break_lock(mine)
    assert backend.holder() == other


def test_breaking_a_free_lock_is_nothing(backend: Backend, mine: Holder) -> None:
    backend.release(mine)
    backend.break_lock(mine)
    assert backend.holder() is None


def test_a_heartbeat_moves_on_and_keeps_the_rest(backend: Backend, mine: Holder) -> None:
    time.sleep(0.01)
    renewed = backend.renew(mine)
    assert renewed.heartbeat > mine.heartbeat
    assert replace(renewed, heartbeat=mine.heartbeat) == mine
    assert backend.holder() == renewed


@pytest.mark.parametrize("call", ["write_state", "append_journal", "clear_journal", "renew"])
@pytest.mark.parametrize("loss", ["released", "broken", "overtaken", "never held"])
def test_a_holder_that_lost_the_lock_cannot_write_any_more(connect: Connect, call: str, loss: str) -> None:
    backend, other = connect(), connect()
    mine = backend.acquire(remote())
    backend.write_state(b"mine", mine.epoch)
    backend.append_journal(b"mine\n", mine.epoch)
    if loss == "released":
        backend.release(mine)
    elif loss in ("broken", "overtaken"):
        other.break_lock(mine)
        if loss == "overtaken":
            other.acquire(remote())
    else:
        mine = replace(mine, epoch=mine.epoch + 7)
    calls: Mapping[str, Callable[[], object]] = {
        "write_state": lambda: backend.write_state(b"late", mine.epoch),
        "append_journal": lambda: backend.append_journal(b"late\n", mine.epoch),
        "clear_journal": lambda: backend.clear_journal(mine.epoch),
        "renew": lambda: backend.renew(mine),
    }
    with pytest.raises(FencedError):
        calls[call]()
    assert (other.read_state(), other.read_journal()) == (b"mine", b"mine\n")


def test_a_lapsed_lease_is_taken_over_and_the_late_holder_is_fenced(connect: Connect) -> None:
    backend, other = connect(), connect()
    late = backend.acquire(whoami("late", SHORT))
    time.sleep(SHORT * 1.5)
    winner = other.acquire(whoami("winner"))
    assert winner.epoch > late.epoch
    with pytest.raises(FencedError, match="winner"):
        backend.append_journal(b"late\n", late.epoch)
    other.append_journal(b"on time\n", winner.epoch)
    assert backend.read_journal() == b"on time\n"


def test_a_lapsed_lease_that_nobody_took_still_writes(backend: Backend) -> None:
    late = backend.acquire(whoami("late", SHORT))
    time.sleep(SHORT * 1.5)
    backend.append_journal(b"a\n", late.epoch)
    assert backend.renew(late).heartbeat > late.heartbeat


def test_a_beating_heart_keeps_the_lock_far_beyond_its_lease(connect: Connect) -> None:
    backend = connect()
    mine = backend.acquire(whoami("working", SHORT * 3))
    with Heartbeat(backend, mine) as heart:
        for _ in range(10):
            time.sleep(SHORT)
            with pytest.raises(LockHeldError):
                connect().acquire(whoami("eager"))
        assert not heart.lost


def test_a_heart_notices_that_the_lock_was_lost(connect: Connect) -> None:
    backend, other = connect(), connect()
    with Heartbeat(backend, backend.acquire(whoami("working", SHORT))) as heart:
        heart.check()
        other.break_lock(heart.holder)
        other.acquire(remote())
        end = time.monotonic() + 10
        while not heart.lost and time.monotonic() < end:
            time.sleep(0.01)
        with pytest.raises(FencedError):
            heart.check()


def test_of_twenty_threads_exactly_one_gets_the_lock_in_every_round(connect: Connect) -> None:
    clients = [connect() for _ in range(20)]
    gate = threading.Barrier(20)

    def attempt(client: Backend) -> Holder | None:
        gate.wait()
        try:
            return client.acquire(remote())
        except LockHeldError:
            return None

    epochs = []
    with ThreadPoolExecutor(20) as pool:
        for _ in range(25):
            winners = [holder for holder in pool.map(attempt, clients) if holder]
            assert len(winners) == 1
            epochs.append(winners[0].epoch)
            clients[0].release(winners[0])
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("rounds", [8, pytest.param(60, marks=pytest.mark.long)])
def test_of_several_processes_exactly_one_gets_the_lock_in_every_round(
    name: str, tmp_path: Path, workers: list[subprocess.Popen[str]], rounds: int
) -> None:
    racers = [spawn(workers, "race", name, tmp_path) for _ in range(5)]
    epochs: list[int] = []
    for number in range(rounds):
        start = time.time() + (3 if number == 0 else 0.2)
        answers = [answer.split() for answer in told(racers, str(start))]
        assert Counter(answer[0] for answer in answers) == {"won": 1, "lost": 4}
        epochs += [int(answer[1]) for answer in answers if answer[0] == "won"]
        assert told(racers, "end") == ["ended"] * 5
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.long)])
def test_a_killed_holders_lock_is_free_at_once_and_nothing_it_was_told_is_durable_is_lost(
    name: str, tmp_path: Path, connect: Connect, workers: list[subprocess.Popen[str]], rounds: int
) -> None:
    durable = -1
    for number in range(rounds):
        holder = spawn(workers, "hold", name, tmp_path)
        last = line(holder)
        with pytest.raises(LockHeldError, match="the killed one"):
            connect().acquire(whoami("too early"))
        time.sleep(0.013 * number)
        holder.kill()
        assert holder.stdout is not None
        last = [last, *holder.stdout.read().split()][-1]
        holder.wait()
        durable = max(durable, int(last))
        with session(connect(), MARK, whoami("after")) as ledger:  # without a timeout: it is refused unless the lock is free now
            objects = ledger.state().objects
        # A later round begins the same objects again, so only what it ended itself must stand as ended.
        assert all(objects[thing(count).address] == thing(count) for count in range(int(last) + 1))
        # One object more may have been begun, or even ended, when the kill came.
        assert len(objects) - (durable + 1) in (0, 1)


def test_a_stopped_process_is_not_dead(name: str, tmp_path: Path, connect: Connect, workers: list[subprocess.Popen[str]]) -> None:
    holder = spawn(workers, "hold", name, tmp_path)
    line(holder)
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LockHeldError) as caught:
        connect().acquire(whoami("too early"))
    assert caught.value.holder["pid"] == holder.pid


def test_readers_without_the_lock_always_see_a_prefix_of_what_a_writer_writes(connect: Connect) -> None:
    stop, seen = threading.Event(), list[int]()

    def look() -> None:
        client = connect()
        while not stop.is_set():
            seen.append(read(client, MARK).serial)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for number in range(40):  # every session folds the journal at its end
            with session(connect(), MARK, whoami("writer")) as ledger:
                ledger.write([Entry(EntryType.BEGIN, thing(number, Pending.CREATE)), Entry(EntryType.END, thing(number))])
    finally:
        stop.set()
        reader.join()
    assert seen == sorted(seen)
    assert len(read(connect(), MARK).objects) == 40


def test_a_copy_is_kept_under_its_name_and_never_overwrites_another(connect: Connect) -> None:
    backend = connect()
    backend.acquire(remote())
    first, again, second, third = (backend.keep_copy("old.json", data) for data in (b"one", b"one", b"two", b"three"))
    assert first == again
    assert len({first, second, third}) == 3
