"""Our ownership label on files and folders: an extended attribute that travels with the object through a rename."""

# ruff: noqa: PTH115, PTH118
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from deployer.core.resource import Mark

MARK = "user.deployer.mark"
MADE = "user.deployer.made"  # on a parent folder we made by the way; it goes with the last thing in it
OUTSIDE = "outside"  # <root>/outside/<digest> -> a folder of ours that lies elsewhere
HALF = ".deployer-"  # names beginning so are half made and nobody's


@dataclass(frozen=True, slots=True)
class Marked:
    """What the attribute says. `opaque`: what lies inside is not ours to look at (data, package environments)."""

    mark: Mark
    kind: str
    opaque: bool = False

    def encode(self) -> bytes:
        words = {"platform": self.mark.platform, "environment": self.mark.environment, "address": self.mark.address, "kind": self.kind}
        return json.dumps(words | ({"opaque": True} if self.opaque else {}), separators=(",", ":")).encode()


def decode(data: bytes) -> Marked | None:
    """None for anything that is not a mark of ours, however it came there."""
    try:
        words = json.loads(data)
        mark = Mark(str(words["platform"]), str(words["environment"]), str(words["address"]))
        return Marked(mark, str(words["kind"]), bool(words.get("opaque", False)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def raw(target: int | str, name: str = MARK) -> bytes:
    """The attribute's bytes, b"" when there is none. A path's last link is not followed."""
    try:
        return os.getxattr(target, name, follow_symlinks=isinstance(target, int))
    except OSError:
        return b""


def get(target: int | str) -> Marked | None:
    data = raw(target)
    return decode(data) if data else None


def put(target: int | str, marked: Marked) -> None:
    """Marks an open file or a path. Raises `OSError` where the file system has no user attributes."""
    os.setxattr(target, MARK, marked.encode(), follow_symlinks=isinstance(target, int))


def find(root: str) -> Iterator[tuple[str, Marked]]:
    """Every marked path below `root` and behind `<root>/outside`, absolute; does not look inside opaque folders."""
    yield from _below(root)
    try:
        with os.scandir(os.path.join(root, OUTSIDE)) as links:
            targets = sorted(os.readlink(link.path) for link in links if link.is_symlink())
    except OSError:
        return
    for target in targets:
        if marked := get(target):
            yield target, marked


def _below(folder: str) -> Iterator[tuple[str, Marked]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:  # gone meanwhile, or not ours to read: then nothing of ours is in it
        return
    for entry in entries:
        if entry.is_symlink() or entry.name.startswith(HALF):
            continue
        marked = get(entry.path)
        if marked:
            yield entry.path, marked
        if entry.is_dir(follow_symlinks=False) and not (marked and marked.opaque):
            yield from _below(entry.path)
