from __future__ import annotations

import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.errors import StateError
from deployer.core.state import Entry, EntryType, State, StateObject
from deployer.state.document import Place
from deployer.state.document import decode as decode_state
from deployer.state.document import encode as encode_state
from deployer.state.journal import Header, Journal, Line, decode, encode, encode_header, replay
from tests.state.strategies import entries

PLACE = Place("file:///srv/state", "prod")
HEADER = Header("line", 0, "demo", "prod")
EMPTY = State("line", "demo", "prod")


def numbered(items: Sequence[Entry], base: int = 0) -> list[Line]:
    return [Line(serial, entry) for serial, entry in enumerate(items, base + 1)]


def some(count: int) -> list[Line]:
    return numbered([Entry(EntryType.END, StateObject(f"c/k/{number}", "k", f"id-{number}")) for number in range(count)])


def written(lines: Sequence[Line], header: Header = HEADER) -> bytes:
    return encode_header(header) + encode(lines)


@given(st.lists(entries, max_size=8))
def test_entries_come_back_as_they_were(items: list[Entry]) -> None:
    lines = numbered(items)
    assert decode(written(lines), PLACE) == Journal(HEADER, tuple(lines), torn=False)


@given(st.lists(entries, max_size=12), st.integers(0, 12))
def test_a_snapshot_at_any_point_and_the_rest_make_the_whole(items: list[Entry], cut: int) -> None:
    lines = numbered(items)
    snapshot = decode_state(encode_state(replay(EMPTY, lines[:cut])), PLACE)
    whole = replay(EMPTY, lines)
    assert replay(snapshot, lines[cut:]) == whole
    # A crash between the snapshot and the clearing of the journal leaves entries that the snapshot holds already.
    assert replay(snapshot, lines) == whole


@given(st.lists(entries, max_size=10))
def test_any_prefix_is_a_state_without_contradiction(items: list[Entry]) -> None:
    for size in range(len(items) + 1):
        state = replay(EMPTY, numbered(items[:size]))
        assert state.serial == size
        assert all(address == item.address for address, item in state.objects.items())
        live = {(item.address, item.id) for item in state.objects.values()}
        deposed = [(item.address, item.id) for item in state.deposed]
        assert len(deposed) == len(set(deposed))
        assert not live & set(deposed)


def test_a_journal_cut_off_at_any_byte_is_a_prefix() -> None:
    lines = some(4)
    data = written(lines)
    ends = [len(written(lines[:count])) for count in range(5)]
    for size in range(len(data) + 1):
        journal = decode(data[:size], PLACE)
        whole = sum(end <= size for end in ends) - 1
        assert journal.lines == tuple(lines[: max(0, whole)])
        assert journal.header == (HEADER if whole >= 0 else None)
        assert journal.torn == (size not in (0, *ends))


def test_pages_that_never_reached_the_disk_are_an_unfinished_append() -> None:
    lines = some(4)
    data, kept = written(lines), len(written(lines[:2]))
    for end in (b"", b"\n", b"\0\n\0\0\n"):
        journal = decode(data[:kept] + b"\0" * 4096 + end, PLACE)
        assert (journal.lines, journal.torn) == (tuple(lines[:2]), True)


def test_zeros_before_whole_lines_are_damage() -> None:
    lines = some(4)
    first, rest = written(lines[:2]), encode(lines[2:])
    with pytest.raises(StateError, match="line 4"):
        decode(first + b"\0" * 99 + rest, PLACE)


def test_any_changed_byte_of_a_finished_line_names_the_line_and_the_way_out() -> None:
    data = written(some(3))
    for index, byte in enumerate(data[:-1]):
        number = data[:index].count(b"\n") + 1
        with pytest.raises(StateError, match=f"line {number}") as caught:
            decode(data[:index] + bytes([byte ^ 2]) + data[index + 1 :], PLACE)
        assert "deployer recover prod" in caught.value.fix


def test_a_line_taken_out_is_noticed() -> None:
    lines = some(4)
    with pytest.raises(StateError, match="damaged in line 3") as caught:
        decode(written([lines[0], *lines[2:]]), PLACE)
    assert "its serial is 3 where 2 follows" in caught.value.why


def test_a_journal_without_its_header_is_refused() -> None:
    with pytest.raises(StateError, match="line 1"):
        decode(encode(some(2)), PLACE)


def test_a_journal_of_a_newer_format_is_refused_readably() -> None:
    data = written(some(1)).replace(b'"format":1', b'"format":2')
    text = data.split(b"\n")[0][9:]
    data = b"%08x %s\n" % (zlib.crc32(text), text) + data.split(b"\n", 1)[1]
    with pytest.raises(StateError, match="format 2") as caught:
        decode(data, PLACE)
    assert "newer one" in caught.value.fix


def test_no_journal_is_an_empty_one() -> None:
    assert decode(b"", PLACE) == Journal(None, (), torn=False)
