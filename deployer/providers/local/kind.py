"""What the local kinds have in common, and the path a configuration may name."""

# ruff: noqa: PTH112, PTH116, PTH117, PTH118, PTH119, PTH120
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from deployer.core.errors import ConfigError, Problem, ProviderError
from deployer.core.protocols import Readiness
from deployer.core.resource import Live, Mark, Ready, Rules, Want
from deployer.core.values import Template, Unknown, Value
from deployer.providers.local import marks
from deployer.providers.local.client import Client, Found
from deployer.providers.local.marks import Marked

if TYPE_CHECKING:
    from deployer.providers.parse import Config

ENOUGH = 64 * 2**20  # bytes that must be free where we write
LATER = Unknown(Template(()))  # an output nobody knows before the object is made


class LocalKind:
    """Reads, marks and finds; a kind adds what it makes. Ids are absolute paths."""

    name: ClassVar[str]
    model: ClassVar[type[Config]]
    rules: ClassVar[Rules] = Rules()
    outputs: ClassVar[Mapping[str, str]]  # name -> what it is, for people

    def __init__(self, client: Client) -> None:
        self.client = client

    def place(self, object_id: str) -> str:  # noqa: ARG002 - the signature is the contract's
        return ""

    def read(self, ids: Sequence[str]) -> Mapping[str, Live | None]:
        raise NotImplementedError

    def ready(self, live: Live) -> Readiness:  # noqa: ARG002 - the signature is the contract's
        return Ready()

    def find(self, mark: Mark) -> Iterable[Live]:
        """Everything of the kind below the root that `mark`'s environment owns."""
        paths = [path for path, marked in marks.find(self.client.root) if marked.kind == self.name and mark.owns(marked.mark)]
        return [live for live in self.read(paths).values() if live]

    def check(self, wants: Sequence[tuple[Want, Live | None]]) -> Sequence[Problem]:
        """Folders we cannot write to, and disks that are full (each disk once)."""
        problems: list[Problem] = []
        full: set[int] = set()
        for want, _ in wants:
            folder = standing(os.path.dirname(want.id))
            problems += self._blocked(folder, want)
            problems += unwritable(folder, want.address)
            device = os.stat(folder).st_dev
            if device not in full and (found := no_space(folder, want.address)):
                full.add(device)
                problems.append(found)
        return problems

    def _blocked(self, folder: str, want: Want) -> list[Problem]:
        """What stands on the way down to the object and is no folder."""
        below = os.path.relpath(want.id, folder).split("/")
        blocking = os.path.join(folder, below[0])
        if len(below) == 1 or not os.path.lexists(blocking):
            return []
        marked = marks.get(blocking)
        whose = f"it is {marked.mark.address or marked.mark}" if marked else "nobody marked it"
        what = f"{blocking} is no folder, and {os.path.basename(want.id)} is to be made below it ({whose})"
        return [Problem(what, want.address, allowed="choose another path for one of them, or move it away")]

    # For the kinds themselves.

    def checked(self, config: Mapping[str, Value]) -> dict[str, Value]:
        from deployer.providers.parse import parse  # noqa: PLC0415 - imported only when it is needed

        return parse(self.model, config, self.rules.sensitive)

    def inner_path(self, config: Mapping[str, Value]) -> Mapping[str, Value]:
        """The configuration with its `path` normalised, an absolute one below the root made relative. Raises `ConfigError`."""
        path = config.get("path")
        if not isinstance(path, str) or not path:
            return config
        normal = os.path.normpath(path) if ".." not in path.split("/") else path
        if not os.path.isabs(normal):
            return {**config, "path": normal}
        if not self.client.inside(normal):
            allowed = f"a path relative to settings.root, or below {self.client.root}"
            raise ConfigError([Problem("lies outside the environment's root", "path", value=path, allowed=allowed)])
        return {**config, "path": self.client.relative(normal)}

    def marked(self, want: Want, *, opaque: bool = False) -> Marked:
        return Marked(want.mark, self.name, opaque)

    def mark_of(self, found: Found) -> Mark | None:
        """The owner; another kind's object at our place counts as foreign."""
        marked = found.marked
        return marked.mark if marked and marked.kind == self.name else None

    def one(self, object_id: str) -> Live:
        """The object just written, read again."""
        live = self.read([object_id])[object_id]
        if live is None:
            raise ProviderError(f"{object_id} disappeared right after it was written", fix="find what removes it, and apply again")
        return live

    def default_path(self, folder: str, address: str) -> str:
        """`<root>/<folder>/<component>/<name>` for objects whose place nobody chose."""
        component, _, rest = address.partition("/")
        return os.path.join(self.client.root, folder, safe_name(component), safe_name(rest.partition("/")[2] or rest))


def safe_name(text: str) -> str:
    """Any text as one file name; different texts have different names."""
    from urllib.parse import quote  # noqa: PLC0415 - imported only when it is needed

    name = quote(text, safe="[]\"'=+,@ ")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def size_text(size: int) -> str:
    """Bytes as people write them."""
    number, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:  # noqa: PLR2004 - a number that speaks for itself
        number, units = number / 1000, units[1:]
    return f"{number:.1f} {units[0]}" if units[0] != "bytes" else f"{size} bytes"


def standing(path: str) -> str:
    """The nearest parent that exists."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def unwritable(folder: str, where: str) -> list[Problem]:
    if os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return []
    return [Problem(f"the folder {folder} is not writable", where, allowed="give your user write permission there, or choose another root")]


def no_space(folder: str, where: str) -> Problem | None:
    free = shutil.disk_usage(folder).free
    if free > ENOUGH:
        return None
    need = f"at least {ENOUGH // 2**20} MiB are needed: free some space"
    return Problem(f"the disk under {folder} is full, {free // 2**20} MiB are left", where, allowed=need)


def path_problem(path: str) -> tuple[str, str] | None:
    """What is wrong with a path relative to the root, and what is allowed; None when nothing is."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if "\0" in path or not _encodable(path):
        return "holds characters no file name can have", "name it with printable characters"
    if ".." in parts:
        return "leads out of the environment's root", "leave out `..`: paths are relative to settings.root"
    if not parts:
        return "names the environment's root itself", "name something inside it"
    if parts[0] == marks.OUTSIDE or any(part.startswith(marks.HALF) for part in parts):
        return f"is reserved for deployer ({marks.OUTSIDE}/ and {marks.HALF}*)", "choose another name"
    if any(len(part.encode()) > 255 for part in parts) or len(path.encode()) > 3000:  # noqa: PLR2004 - a number that speaks for itself
        return "is too long", "one name may have 255 bytes, the whole path 3000"
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
