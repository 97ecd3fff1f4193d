"""The write-ahead record as lines: a header, then one entry a line, each with its serial number and its own checksum."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.core.errors import StateError
from deployer.core.state import Entry, EntryType, State
from deployer.state.document import Place, dump, from_json, to_json
from deployer.state.draft import Draft

FORMAT = 1
_TYPES = {kind.value: kind for kind in EntryType}
_CHECK = 9  # eight hexadecimal digits and a space


@dataclass(frozen=True, slots=True)
class Header:
    """Whose journal it is and the serial its first entry follows; base 0 means no state had ever been written."""

    lineage: str
    base: int
    platform: str
    environment: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with the serial the state has after it."""

    serial: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Journal:
    """`torn`: an append was cut off by a crash; what it left behind holds nothing that anybody was told is durable."""

    header: Header | None = None
    lines: tuple[Line, ...] = ()
    torn: bool = False


def encode_header(header: Header) -> bytes:
    return _sealed(
        {
            "format": FORMAT,
            "lineage": header.lineage,
            "base": header.base,
            "platform": header.platform,
            "environment": header.environment,
        }
    )


def encode(lines: Iterable[Line]) -> bytes:
    """Whole lines, ready to be appended."""
    return b"".join(map(_encoded, lines))


def decode(data: bytes, place: Place) -> Journal:
    """All entries. An unfinished append at the end is left out; damage before it raises `StateError` naming the line."""
    parts = data.split(b"\n")
    torn = bool(parts.pop())
    values: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        value = _opened(part)
        if value is None and _unwritten(parts[number - 1 :]):
            torn = True
            break
        if value is None:
            raise _damaged(place, number, "its checksum does not match")
        values.append(value)
    if not values:
        return Journal(torn=torn)
    header = _header(values[0], place)
    return Journal(header, tuple(_lines(values[1:], header.base, place)), torn)


def replay(state: State, lines: Iterable[Line]) -> State:
    """The state with the lines it does not hold yet."""
    draft = Draft(state)
    for line in lines:
        if line.serial > draft.serial:
            draft.add(line.entry)
    return draft.state()


def _encoded(line: Line) -> bytes:
    fields: dict[str, Any] = {"serial": line.serial, "type": line.entry.type.value}
    if line.entry.object is not None:
        fields["object"] = to_json(line.entry.object)
    if line.entry.source:
        fields["source"] = line.entry.source
    return _sealed(fields)


def _sealed(fields: dict[str, Any]) -> bytes:
    text = dump(fields).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _opened(part: bytes) -> dict[str, Any] | None:
    text = part[_CHECK:]
    if part[:_CHECK] != b"%08x " % zlib.crc32(text):
        return None
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def _unwritten(rest: Sequence[bytes]) -> bool:
    """After a power loss a file may be longer than what reached the disk; the missing pages read as zeros.

    Our lines hold no zero bytes, and such a hole ends the file: it lies in the append whose `fsync` never returned.
    """
    return b"\0" in rest[0] and not any(map(_opened, rest[1:]))


def _header(value: dict[str, Any], place: Place) -> Header:
    found = value.get("format")
    if not isinstance(found, int) or "base" not in value:
        raise _damaged(place, 1, "the journal does not begin with its header")
    if found > FORMAT:
        raise StateError(
            f"the journal at {place.url} is in format {found}",
            why=f"this version reads formats up to {FORMAT}",
            fix="finish with the deployer that wrote it, or a newer one; nothing was changed",
        )
    return Header(value["lineage"], value["base"], value["platform"], value["environment"])


def _lines(values: Sequence[dict[str, Any]], base: int, place: Place) -> Iterable[Line]:
    for number, value in enumerate(values, 2):
        expected = base + number - 1
        if value.get("serial") != expected:
            raise _damaged(place, number, f"its serial is {value.get('serial')} where {expected} follows")
        try:
            held = value.get("object")
            entry = Entry(_TYPES[value["type"]], None if held is None else from_json(held), value.get("source", ""))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(place, number, f"it is not an entry of ours ({type(error).__name__} {error})") from error
        yield Line(expected, entry)


def _damaged(place: Place, number: int, why: str) -> StateError:
    return StateError(f"the journal at {place.url} is damaged in line {number}", why=why, fix=place.way_out)
