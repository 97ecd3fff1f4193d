"""A state as bytes and back: one versioned JSON document, one object per line, a checksum over all and one per object."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer import __version__
from deployer.core.errors import StateError
from deployer.core.state import Pending, State, StateObject
from deployer.state.upgrade import FORMAT, STEPS, Document, Step, upgrade

_HEAD = re.compile(rb'\{"checksum": "([0-9a-f]{64})",\n')
_LINE = re.compile(rb'\{"check":"([0-9a-f]{8})",(.*)\}(,?)')
_ADDRESS = re.compile(rb'"address":"((?:[^"\\]|\\.)*)"')
_OBJECT_LINE = b'{"check":"'


def _mapping(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not JSON, so not for the state: {type(value).__name__}")


# Escapes keep file names that are not UTF-8 (lone surrogates) writable.
dump = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=_mapping).encode
_PENDING = {pending.value: pending for pending in Pending}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a state came from, for messages: the backend's URL and the environment's name."""

    url: str
    environment: str

    @property
    def way_out(self) -> str:
        return f"`deployer recover {self.environment}` rebuilds it from what exists (the file is kept as a copy), or put a kept copy back"


def to_json(item: StateObject) -> dict[str, Any]:
    """The object's fields, empty ones left out."""
    fields: dict[str, Any] = {"address": item.address, "id": item.id, "kind": item.kind}
    if item.digest:
        fields["digest"] = item.digest
    if item.edges:
        fields["edges"] = item.edges
    if item.outputs:
        fields["outputs"] = item.outputs
    if item.pending:
        fields["pending"] = item.pending.value
    if item.prevent_destroy:
        fields["prevent_destroy"] = True
    return fields


def from_json(fields: Mapping[str, Any]) -> StateObject:
    """The opposite of `to_json`. Raises `KeyError`, `TypeError` or `ValueError` when it is not an object of ours."""
    return StateObject(
        fields["address"],
        fields["kind"],
        fields["id"],
        fields.get("digest", ""),
        tuple(fields.get("edges", ())),
        dict(fields.get("outputs", ())),
        _PENDING[fields.get("pending", "")],
        bool(fields.get("prevent_destroy", False)),
    )


def encode(state: State) -> bytes:
    """The document; equal states give equal bytes. About 10 microseconds an object."""
    head = {
        "format": FORMAT,
        "writer": __version__,
        "lineage": state.lineage,
        "serial": state.serial,
        "platform": state.platform,
        "environment": state.environment,
        "applied": state.applied,
    }
    parts = [f'"{name}": {dump(value)}' for name, value in head.items()]
    parts.append(_section("objects", (state.objects[address] for address in sorted(state.objects))))
    parts.append(_section("deposed", state.deposed))
    body = (",\n".join(parts) + "\n}\n").encode("ascii")
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode("ascii") + body


def decode(data: bytes, place: Place, steps: Mapping[int, Step] = STEPS, newest: int = FORMAT) -> State:
    """The state in the bytes, upgraded when it is an older one. Raises `StateError` naming the damaged entry and the way out."""
    document = upgrade(document_of(data, place), steps, newest)
    try:
        return _state(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(
            f"the state at {place.url} is not one of ours", why=f"{type(error).__name__} {error}", fix=place.way_out
        ) from error


def document_of(data: bytes, place: Place) -> Document:
    """The checked document, in whatever format it is. One that names a newer format is let through for `upgrade` to refuse."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(data, place, getattr(error, "pos", len(data))) from error
    if not isinstance(document, dict):
        raise _damaged(data, place, 0)
    found = document.get("format")
    newer = isinstance(found, int) and found > FORMAT
    head = _HEAD.match(data)
    if not newer and (head is None or hashlib.sha256(data[head.end() :]).hexdigest().encode() != head[1]):
        raise _damaged(data, place, None)
    return document


def _section(name: str, items: Iterable[StateObject]) -> str:
    lines = ",\n".join(map(_line, items))
    return f'"{name}": [\n{lines}\n]' if lines else f'"{name}": []'


def _line(item: StateObject) -> str:
    text = dump(to_json(item))[1:-1]
    return f'{{"check":"{zlib.crc32(text.encode("ascii")):08x}",{text}}}'


def _state(document: Document) -> State:
    objects = [from_json(fields) for fields in document["objects"]]
    return State(
        lineage=document["lineage"],
        platform=document["platform"],
        environment=document["environment"],
        serial=int(document["serial"]),
        objects={item.address: item for item in objects},
        deposed=tuple(from_json(fields) for fields in document["deposed"]),
        applied=tuple(document["applied"]),
    )


def _damaged(data: bytes, place: Place, position: int | None) -> StateError:
    """What is wrong, as near as it can be said: the entry whose own check fails, else the place where reading stopped."""
    if not data.strip(b"\0 \n"):
        return StateError(f"the state at {place.url} is empty ({len(data)} bytes)", fix=place.way_out)
    for number, offset, line in _object_lines(data):
        found = _LINE.fullmatch(line)
        if found is None or b"%08x" % zlib.crc32(found[2]) != found[1]:
            address = _ADDRESS.search(line)
            name = address[1].decode("utf-8", "replace") if address else "an object whose address is unreadable"
            where = f"line {number}, byte {offset}"
            return StateError(
                f"the state at {place.url} is damaged at entry {name} ({where})", why="its check does not match", fix=place.way_out
            )
    if position is not None:
        why = f"it is truncated or damaged at byte {position} of {len(data)}"
    else:
        why = "its checksum does not match: it was changed by hand, or damaged outside the objects"
    return StateError(f"the state at {place.url} cannot be used", why=why, fix=place.way_out)


def _object_lines(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith(_OBJECT_LINE) or (_ADDRESS.search(line) and number > 1):
            yield number, offset, line
        offset += len(line) + 1
