"""Merged specs kept on disk, by the content of every file that took part. Anything odd about a kept one, and it is not there."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import sys
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer import __version__
from deployer.spec.files import Shown, open_regular, read_bytes
from deployer.spec.places import Places

FORMAT = 1
# A kept spec speaks of this writer only: another format, version or byte order is as good as none.
_WRITER = f"deployer-spec {FORMAT} {__version__} {sys.byteorder} {array('Q').itemsize} {array('I').itemsize}"
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Merged:
    """A chain of files, merged: plain data with its positions, and the files with their digests."""

    places: Places
    paths: tuple[Path, ...]
    digests: tuple[str, ...]  # sha256 (hex) of each file's bytes


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetch(folder: Path, file: Path, shown: Shown) -> Merged | None:
    """What is kept for `file`, if every file it came from still has the same bytes; else None."""
    try:
        body = _body(_place(folder, file))
        if body is None:
            return None
        merged = _decode(json.loads(body), shown)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return merged if merged.paths[:1] == (file,) and _fresh(merged, shown) else None


def keep(folder: Path, file: Path, merged: Merged) -> None:
    """Keeps it for next time, readable by us alone. A folder that cannot be written costs time, nothing else."""
    body = json.dumps(_encode(merged), separators=(",", ":")).encode()
    with contextlib.suppress(OSError):
        _make(folder)
        _write(_place(folder, file), f"{_WRITER} {digest(body)}\n".encode() + body)


def _place(folder: Path, file: Path) -> Path:
    return folder / f"{digest(os.fsencode(file))[:32]}.json"


def _make(folder: Path) -> None:
    """The folder and those above it, ours alone: `Path.mkdir` would open the upper ones to everybody."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _write(place: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".spec-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
        Path(name).replace(place)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _body(place: Path) -> bytes | None:
    with open_regular(place, os.O_NOFOLLOW) as file:
        status = os.fstat(file.fileno())
        ours = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if not ours or status.st_size > _MAX_BYTES:
            return None
        head, body = file.readline(200), file.read()
    return body if head == f"{_WRITER} {digest(body)}\n".encode() else None


def _fresh(merged: Merged, shown: Shown) -> bool:
    for path, expected in zip(merged.paths, merged.digests, strict=True):
        content = read_bytes(path, shown)
        if not isinstance(content, bytes) or digest(content) != expected:
            return False
    return True


def _encode(merged: Merged) -> dict[str, Any]:
    places = merged.places
    return {
        "files": [[str(path), digest_] for path, digest_ in zip(merged.paths, merged.digests, strict=True)],
        "data": places.data,
        **{key: base64.b64encode(column.tobytes()).decode() for key, column in _columns(places)},
    }


def _columns(places: Places) -> Iterator[tuple[str, array[int]]]:
    yield from (("at", places.at), ("keys", places.keys), ("sizes", places.sizes))


def _decode(kept: dict[str, Any], shown: Shown) -> Merged:
    paths = tuple(Path(path) for path, _ in kept["files"])
    columns = {key: array(code) for key, code in (("at", "Q"), ("keys", "Q"), ("sizes", "I"))}
    for key, column in columns.items():
        column.frombytes(base64.b64decode(kept[key], validate=True))
    places = Places(kept["data"], tuple(shown(path) for path in paths), columns["at"], columns["keys"], columns["sizes"])
    if not isinstance(kept["data"], dict) or {len(column) for column in columns.values()} != {places.sizes[0]}:
        raise ValueError("positions and data do not belong together")
    return Merged(places, paths, tuple(digest_ for _, digest_ in kept["files"]))
