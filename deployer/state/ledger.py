"""The ledger: entries made durable through a backend, many waiting threads sharing one append."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.core.errors import FencedError, StateError
from deployer.core.protocols import Backend
from deployer.core.resource import Mark
from deployer.core.state import Entry, State, StateObject
from deployer.state import journal
from deployer.state.document import Place, decode, document_of, encode
from deployer.state.draft import Draft
from deployer.state.journal import Header, Journal, Line, encode_header
from deployer.state.upgrade import FORMAT, STEPS, Step

_SNAPSHOT_BYTES = 256 * 1024  # below this a journal is not worth a snapshot while the work goes on


@dataclass(frozen=True, slots=True)
class Stored:
    """What a backend holds: the state with its journal replayed, and how both look."""

    state: State
    journal: Journal
    state_bytes: int = 0
    journal_bytes: int = 0
    older: bytes | None = None  # the document as it was, when it is of an older format


@dataclass(slots=True)
class _Batch:
    entries: Sequence[Entry]
    done: bool = False
    error: StateError | None = field(default=None)


class JournalLedger:
    """`Ledger` over a backend whose lock we hold. The journal is folded into the state when it has outgrown it.

    So writing costs O(changed), a state of any size included. `check` raises once the lock is known to be lost.
    """

    def __init__(
        self,
        backend: Backend,
        mark: Mark,
        epoch: int,
        check: Callable[[], None] = lambda: None,
        steps: Mapping[int, Step] = STEPS,
    ) -> None:
        """Reads what is there and clears up after a crash. Raises `StateError` for what cannot be used."""
        self._backend, self._mark, self._epoch = backend, mark, epoch
        self._check, self._steps = check, steps
        self._waiting: list[_Batch] = []
        self._queue, self._commit, self._memory = threading.Lock(), threading.Lock(), threading.Lock()
        self._open()

    def state(self) -> State:
        """Everything durable so far, as a value. Copies one mapping after a change: O(objects), so not for every step."""
        with self._memory:
            return self._draft.state()

    def recorded(self, address: str) -> StateObject | None:
        """The object at the address, as far as entries are durable; costs one look-up and waits for nobody."""
        return self._draft.recorded(address)

    def write(self, entries: Sequence[Entry]) -> None:
        """Returns when the entries are durable. Threads that call meanwhile are served together by the next append."""
        batch = _Batch(tuple(entries), done=not entries)
        with self._queue:
            self._waiting.append(batch)
        with self._commit:
            if not batch.done:
                self._flush()
        if batch.error is not None:
            raise batch.error

    def close(self) -> None:
        """Folds a journal that is larger than the state into it. A failure to is no loss: the journal holds everything."""
        with self._commit, contextlib.suppress(StateError):
            if self._journal_bytes > self._state_bytes and not self._unsure:
                self._snapshot()

    def _open(self) -> None:
        stored = load(self._backend, self._mark, self._steps)
        with self._memory:
            self._draft = Draft(stored.state)
        self._state_bytes, self._journal_bytes = stored.state_bytes, stored.journal_bytes
        self._limit = max(_SNAPSHOT_BYTES, 2 * stored.state_bytes)
        self._unsure = False  # whether an append was cut short, so that memory and backend may differ
        if stored.older is not None:
            self._backend.keep_copy(f"state-older-{stored.state.serial}.json", stored.older)
        if stored.older is not None or (stored.journal.torn and stored.state.lineage):
            self._snapshot()
        elif stored.journal.torn:
            self._backend.clear_journal(self._epoch)  # the very first append never ended
            self._journal_bytes = 0

    def _flush(self) -> None:
        with self._queue:
            batches, self._waiting = self._waiting, []
        error: StateError | None = StateError("writing was interrupted", fix="run the command again: what was made is found and recorded")
        try:
            self._append([entry for batch in batches for entry in batch.entries])
            error = None
        except StateError as caught:
            error = caught
        finally:
            for batch in batches:
                batch.done, batch.error = True, error
        if error is None and self._journal_bytes > self._limit:
            self._snapshot_while_working()

    def _append(self, entries: Sequence[Entry]) -> None:
        if self._unsure:
            self._open()
        draft, head = self._draft, b""
        if not draft.lineage:
            draft.lineage = secrets.token_hex(16)
        if not self._journal_bytes:
            head = encode_header(Header(draft.lineage, draft.serial, self._mark.platform, self._mark.environment))
        data = head + journal.encode(Line(serial, entry) for serial, entry in enumerate(entries, draft.serial + 1))
        self._unsure = True
        try:
            self._check()
            self._backend.append_journal(data, self._epoch)
        except FencedError as error:
            raise self._kept(error, data) from error
        with self._memory:
            for entry in entries:
                draft.add(entry)
        self._journal_bytes += len(data)
        self._unsure = False

    def _kept(self, error: FencedError, data: bytes) -> FencedError:
        """The same refusal, the entries that could not be written laid beside the state."""
        self._unsure = False
        with contextlib.suppress(StateError):
            where = self._backend.keep_copy(f"fenced-{self._epoch}-{self._draft.serial}.jsonl", data)
            return FencedError(error.what, why=f"{error.why}; what was not written is kept in {where}", fix=error.fix)
        return error

    def _snapshot(self) -> None:
        data = encode(self.state())
        self._backend.write_state(data, self._epoch)
        self._backend.clear_journal(self._epoch)
        self._state_bytes, self._journal_bytes = len(data), 0
        self._limit = max(_SNAPSHOT_BYTES, 2 * len(data))

    def _snapshot_while_working(self) -> None:
        """The entries are durable already, so a snapshot that fails only waits longer for the next try."""
        self._unsure = True
        try:
            self._snapshot()
            self._unsure = False
        except StateError:
            self._limit = 2 * self._journal_bytes


def load(backend: Backend, mark: Mark, steps: Mapping[int, Step] = STEPS) -> Stored:
    """What the backend holds for the environment, without a lock: some moment between call and return.

    An environment nobody applied yet has an empty state with lineage "" and serial 0. Raises `StateError` for anything
    damaged, lost, newer than we are, or another environment's.
    """
    place = Place(backend.url, mark.environment)
    # The journal first: should a holder fold it into the state meanwhile, the state read next has it all.
    raw_journal = backend.read_journal()
    raw_state = backend.read_state()
    found = journal.decode(raw_journal, place)
    state = _unsaved(found.header, mark, place) if raw_state is None else decode(raw_state, place, steps)
    _same(state, found.header, mark, place)
    size = len(raw_state or b"")
    return Stored(journal.replay(state, found.lines), found, size, len(raw_journal), _older(raw_state, place))


def refuse_others(theirs: Mark, mark: Mark, place: Place) -> None:
    """Raises `StateError` unless the state's mark is the environment's."""
    if not mark.owns(theirs):
        why = f"this is {mark}"
        raise StateError(f"the state at {place.url} belongs to {theirs}", why=why, fix="give each environment its own `state.path`")


def _unsaved(header: Header | None, mark: Mark, place: Place) -> State:
    """The state before the first snapshot: the journal's header says whether there ever was one."""
    if header is None:
        return State("", mark.platform, mark.environment)
    if header.base:
        raise StateError(
            f"the state at {place.url} is lost",
            why=f"its journal goes on from serial {header.base}, and the state that held the rest is gone",
            fix=place.way_out,
        )
    return State(header.lineage, header.platform, header.environment)


def _same(state: State, header: Header | None, mark: Mark, place: Place) -> None:
    """State, journal and environment belong together."""
    refuse_others(Mark(state.platform, state.environment), mark, place)
    if header is None:
        return
    if header.lineage != state.lineage:
        raise StateError(f"state and journal at {place.url} are of two lineages", why="one of them was replaced", fix=place.way_out)
    if header.base > state.serial:
        why = f"the journal goes on from serial {header.base}, the state stops at {state.serial}: an older copy was put back"
        raise StateError(f"the state at {place.url} is too old for its journal", why=why, fix=place.way_out)


def _older(data: bytes | None, place: Place) -> bytes | None:
    if data is None or b'"format": %d,' % FORMAT in data[:200]:
        return None
    return data if document_of(data, place).get("format") != FORMAT else None
