"""What shapes alone cannot say: names that must exist, folders that must be there, addresses that must agree."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deployer.core.errors import Origin, Problem
from deployer.core.values import Path as Steps
from deployer.core.values import Value, show_path
from deployer.spec.files import Shown, absolute
from deployer.spec.places import Places
from deployer.spec.words import closest, shown

_URL = re.compile(r"[a-z][a-z0-9+.-]*://.+")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,39}")
_UNSAFE = re.compile(r"[^a-z0-9-]+")
_WAYS = ("env", "file", "command")


@dataclass(frozen=True, slots=True)
class Checks:
    """Looks at data whose shape may still be wrong, so that every mistake is told at once; wrong shapes are passed over."""

    file: Path
    files: tuple[Path, ...]
    data: Mapping[str, Value]
    places: Places
    name: Shown

    def problems(self) -> list[Problem]:
        checks: tuple[Callable[[], Iterator[Problem]], ...] = (
            self._environment,
            self._bind,
            self._sources,
            self._dependencies,
            self._folders,
            self._state,
            self._moves,
        )
        return [problem for check in checks for problem in check()]

    def folder(self, written: str, path: Steps) -> Path:
        """A path of the spec, relative to the file that says it."""
        return absolute(Path(written), self.files[self.places.file_number(path)].parent)

    def _map(self, key: str) -> Mapping[str, Value]:
        section = self.data.get(key)
        return section if isinstance(section, dict) else {}

    def _environment(self) -> Iterator[Problem]:
        stem = self.file.stem
        if not _ENVIRONMENT.fullmatch(stem):
            safe = _UNSAFE.sub("-", stem.lower()).strip("-0123456789")[:40]
            allowed = "1 to 40 lower-case letters, digits and dashes, a letter first"
            suggestion = self.name(self.file.with_stem(safe)) if safe else ""
            yield Problem("the file's name cannot name an environment", "", Origin(self.name(self.file)), shown(stem), allowed, suggestion)

    def _bind(self) -> Iterator[Problem]:
        bind = self._map("settings").get("bind")
        if not isinstance(bind, str) or bind == "localhost":
            return
        try:
            ipaddress.ip_address(bind)
        except ValueError:
            yield self._problem("is not an address to listen on", ("settings", "bind"), "an IP address, or localhost")

    def _sources(self) -> Iterator[Problem]:
        for name, source in self._map("secrets").items():
            if isinstance(source, dict) and sum(source.get(way) is not None for way in _WAYS) != 1:
                yield self._problem("must have exactly one source", ("secrets", name), "one of env, file, command")

    def _dependencies(self) -> Iterator[Problem]:
        components = self._map("components")
        for name, component in components.items():
            wanted = component.get("depends_on") if isinstance(component, dict) else None
            for index, other in enumerate(wanted if isinstance(wanted, list) else ()):
                path = ("components", name, "depends_on", index)
                if other == name:
                    yield self._problem("a component cannot wait for itself", path)
                elif isinstance(other, str) and other not in components:
                    yield self._problem("no such component", path, f"one of {', '.join(components)}", closest(other, components))

    def _folders(self) -> Iterator[Problem]:
        folders = self.data.get("modules")
        for index, folder in enumerate(folders if isinstance(folders, list) else ()):
            path = ("modules", index)
            if isinstance(folder, str) and folder and not _is_folder(self.folder(folder, path)):
                yield self._problem("no such folder", path, "a folder of modules, relative to this file")

    def _state(self) -> Iterator[Problem]:
        state = self.data.get("state")
        if not isinstance(state, str):
            return
        local = state.startswith("file:")
        if not _URL.fullmatch(state) or (local and (not state.startswith("file:///") or "\0" in unquote(state))):
            yield self._problem("is not the URL of a backend", ("state",), "file:///folder, or a map with backend and path")

    def _moves(self) -> Iterator[Problem]:
        moved = self._map("moved")
        for old, new in moved.items():
            if not isinstance(new, str) or old.count("/") != 2 or new.count("/") != 2:  # noqa: PLR2004 - component/kind/name
                continue
            if old == new:
                yield self._problem("moves to where it is", ("moved", old), "another address")
            elif old.split("/")[1] != new.split("/")[1]:
                yield self._problem("a move keeps its kind", ("moved", old), f"an address with {old.split('/')[1]}")
        targets = [new for new in moved.values() if isinstance(new, str)]
        for old, new in moved.items():
            if isinstance(new, str) and targets.count(new) > 1:
                yield self._problem("several addresses move here", ("moved", old), "each new address once")

    def _problem(self, what: str, path: Steps, allowed: str = "", suggestion: str = "") -> Problem:
        return Problem(what, show_path(path), self.places.origin(path), shown(self.places.written(path), path), allowed, suggestion)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
