"""local.directory: a folder, below the root or anywhere; with `data: true` what is in it counts, and goes with it."""

# ruff: noqa: PTH106, PTH108, PTH112, PTH114, PTH115, PTH117, PTH118, PTH119, PTH120, PTH208
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from deployer.core.errors import Problem, ProviderError
from deployer.core.resource import Change, Live, Mark, Rules, Want
from deployer.core.values import Json, Value
from deployer.providers.local import marks, whole
from deployer.providers.local.client import Found, explaining, half
from deployer.providers.local.kind import LocalKind, path_problem, size_text
from deployer.providers.local.marks import Marked
from deployer.providers.parse import Config, refuse

COUNTED = 2000  # entries we look at to say how much data there is; a plan must not walk a whole artifact store
NAMED = 5  # names of foreign content in a message


def _path(value: str) -> str:
    if problem := (None if os.path.isabs(value) and ".." not in value.split("/") else path_problem(value)):
        refuse(*problem)
    normal = os.path.normpath(value)
    if normal == "/":
        refuse("is the whole machine", "name a folder")
    return normal


def mode_of_a_folder(value: str) -> str:
    """`700` and `0700` are the same; the owner must be able to list, write and enter."""
    digits = value.removeprefix("0")
    if len(digits) != 3 or not set(digits) <= set("01234567") or digits[0] != "7":  # noqa: PLR2004 - a number that speaks for itself
        refuse("is not a mode a folder can have", 'three octal digits in quotes, the first a 7, like "0700" or "0755"')
    return f"0{digits}"


class DirectoryConfig(Config):
    """`path` is relative to the root, or absolute."""

    path: Annotated[str, AfterValidator(_path), Field(description="Where it lies.")]
    mode: Annotated[str, AfterValidator(mode_of_a_folder), Field(description="Permissions, octal, in quotes.")] = "0700"
    data: Annotated[bool, Field(description="Its content is data, and goes only with --allow-data-loss.")] = False


class DirectoryKind(LocalKind):
    """A folder. One outside the root is linked from `<root>/outside/`, so that `find` sees it; the link is part of the mark."""

    name = "local.directory"
    model = DirectoryConfig
    rules: ClassVar[Rules] = Rules(immutable=("path",))
    outputs: ClassVar[Mapping[str, str]] = {"path": "The absolute path."}

    def parse(self, config: Mapping[str, Value]) -> dict[str, Value]:
        parsed = self.checked(config)
        if isinstance(path := parsed["path"], str):
            parsed["path"] = self.checked({**parsed, "path": self.client.relative(path)})["path"]
        return parsed

    def identify(self, address: str, config: Mapping[str, Value]) -> str | None:  # noqa: ARG002 - the signature is the contract's
        path = config["path"]
        return self.client.absolute(path) if isinstance(path, str) else None

    def predict(self, object_id: str, config: Mapping[str, Value]) -> Mapping[str, Value]:  # noqa: ARG002 - the signature is the contract's
        return {"path": object_id}

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        # A parent made by the way is nobody's resource: for whoever wants the folder itself, it is not there yet.
        return {
            path: None if found is None or self.client.made_by_the_way(path) else self._live(found)
            for path, found in self.client.look(ids, 0)
        }

    def create(self, want: Want) -> Live:
        with self._place(want) as (parent, name):
            self.client.refuse_foreign(self._there(want.id), want.address)
            if self._there(want.id) is None and not self.client.made_by_the_way(want.id):
                new = half(name)
                whole.discard(parent, new)
                os.mkdir(new, 0o700, dir_fd=parent)
                _stamp(parent, new, self._marked(want), want)
                os.rename(new, name, src_dir_fd=parent, dst_dir_fd=parent)
            _stamp(parent, name, self._marked(want), want)
        return self.one(want.id)

    def update(self, live: Live, want: Want, changes: Sequence[Change]) -> Live:  # noqa: ARG002 - the signature is the contract's
        with self._place(want) as (parent, name):
            found = self._there(want.id)
            self.client.refuse_foreign(found, want.address, adopt=True)
            if found is None or not stat.S_ISDIR(found.stat.st_mode):
                why = found.note if found else "it is gone"
                raise ProviderError(f"{want.id} is no folder any more", why=why, fix="move away what stands there and apply again")
            _stamp(parent, name, self._marked(want), want)
        return self.one(want.id)

    def delete(self, live: Live) -> None:
        found = self._there(live.id)
        if found is not None:
            self.client.refuse_foreign(found, "", adopt=True)
            with explaining("remove the folder", live.id):
                self._remove(live, found)
        self.client.prune(os.path.dirname(live.id))
        if not self.client.inside(live.id):
            self.client.remove(self._link(live.id))

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        missing = [
            Problem(f"the folder {parent} does not exist", want.address, allowed=f"make it first: mkdir -p {parent}")
            for want, _ in wants
            if not self.client.inside(want.id) and not os.path.isdir(parent := os.path.dirname(want.id))
        ]
        return [*missing, *super().check(wants)]

    def mark_of(self, found: Found) -> Mark | None:
        """The owner; a folder elsewhere whose link from the root is gone has lost half its mark, and an update restores it."""
        mark = super().mark_of(found)
        if mark is None or self.client.inside(found.path) or not self.client.mark.owns(mark):
            return mark
        try:
            return mark if os.readlink(self._link(found.path)) == found.path else None
        except OSError:
            return None

    # Glue.

    @contextmanager
    def _place(self, want: Want) -> Iterator[tuple[int, str]]:
        """The parent open and locked, with the folder's name; the link of a folder elsewhere comes first."""
        if not self.client.inside(want.id):
            link = self._link(want.id)
            with explaining("link", link), self.client.locked(os.path.dirname(link)) as opened:
                with suppress(FileNotFoundError):
                    os.unlink(os.path.basename(link), dir_fd=opened)
                os.symlink(want.id, os.path.basename(link), dir_fd=opened)
                os.fsync(opened)
        parent, name = os.path.split(want.id)
        with explaining("make the folder", want.id), self.client.locked(parent) as opened:
            yield opened, name
            os.fsync(opened)

    def _there(self, path: str) -> Found | None:
        found = self.client.look_at(path, 0)
        return None if found is None or self.client.made_by_the_way(path) else found

    def _marked(self, want: Want) -> Marked:
        return self.marked(want, opaque=bool(want.config["data"]))

    def _link(self, path: str) -> str:
        return os.path.join(self.client.root, marks.OUTSIDE, sha256(path.encode()).hexdigest()[:12])

    def _live(self, found: Found) -> Live:
        folder = stat.S_ISDIR(found.stat.st_mode)
        data = found.marked.opaque if found.marked else False
        config: dict[str, Json] = {
            "path": self.client.relative(found.path),
            "mode": found.mode if folder else f"({found.note or 'a file'})",
            "data": data,
        }
        counts = folder and (data or found.marked is None)  # what nobody marked may hold anything
        return Live(found.path, config, {"path": found.path}, found.identity, self.mark_of(found), _data(found.path) if counts else None)

    def _remove(self, live: Live, found: Found) -> None:
        if not stat.S_ISDIR(found.stat.st_mode):
            raise ProviderError(f"{live.id} is no folder any more", why=found.note or "a file", fix="move away what stands there")
        if found.marked and found.marked.opaque:
            shutil.rmtree(live.id)
            return
        try:
            _sweep(live.id)
            os.rmdir(live.id)
        except OSError:
            foreign = self._foreign(live.id)
            if foreign or not self.client.inside(live.id):
                names = ", ".join(foreign[:NAMED]) + (f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else "")
                fix = "move it away, or set `data: true` and allow the data loss"
                raise ProviderError(f"the folder {live.id} is not empty", why=f"not ours in it: {names}", fix=fix) from None
            # Only things of ours are left; the last of them takes the folder along.
            os.setxattr(live.id, marks.MADE, self.client.made_label(), follow_symlinks=False)
            os.removexattr(live.id, marks.MARK, follow_symlinks=False)

    def _foreign(self, folder: str) -> list[str]:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not self._ours(entry.path))

    def _ours(self, path: str) -> bool:
        marked = marks.get(path)
        return self.client.mark.owns(marked.mark) if marked else self.client.made_by_the_way(path)


def _stamp(parent: int, name: str, marked: Marked, want: Want) -> None:
    opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        marks.put(opened, marked)
        with suppress(OSError):
            os.removexattr(opened, marks.MADE)
        os.fchmod(opened, int(str(want.config["mode"]), 8))
        os.fsync(opened)
    finally:
        os.close(opened)


def _sweep(folder: str) -> None:
    """Removes what a crash left half made in a folder that is going to go."""
    for name in [name for name in os.listdir(folder) if name.startswith(marks.HALF)]:
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def _data(path: str) -> str | None:
    """What deleting the folder would lose; None when it is empty."""
    sizes = list(islice(_sizes(path), COUNTED + 1))
    if not sizes:
        return None
    more = "more than " if len(sizes) > COUNTED else ""
    return f"folder {path} ({more}{min(len(sizes), COUNTED)} entries, {more}{size_text(sum(sizes))})"


def _sizes(folder: str) -> Iterator[int]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield 0
                    yield from _sizes(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:  # removed meanwhile or not ours to read: then it counts as one entry
        yield 0
