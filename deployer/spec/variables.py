"""`${env:NAME}`: values of environment variables, in the sections that are read before any module is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deployer.core.errors import Problem
from deployer.core.values import Path, Value, show_path
from deployer.spec.places import Places

# Sections whose text may hold `${env:NAME}` and no other reference; components and resources are the modules' to resolve.
SECTIONS = ("settings", "secrets", "modules", "state")
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variable(name: str, environ: Mapping[str, str]) -> str | Problem:
    """The variable's value; a `Problem` without place when it is not set. Values never stand in problems."""
    if not _NAME.fullmatch(name):
        return Problem(f"{name!r} is not the name of an environment variable", allowed="letters, digits and underscores, no digit first")
    if name not in environ:
        near = _close(name, environ)
        return Problem(f"the environment variable {name} is not set", allowed=f"set it, e.g. export {name}=...", suggestion=near)
    return environ[name]


def _close(name: str, environ: Mapping[str, str]) -> str:
    import difflib  # noqa: PLC0415 - a cold path

    found = difflib.get_close_matches(name, environ, n=1)
    return f"${{env:{found[0]}}}" if found else ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Fills in variables; collects what goes wrong with its place."""

    places: Places
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def sections(self) -> dict[str, Value]:
        """The spec's data with the variables of `SECTIONS` filled in."""
        return {key: self._tree(value, (key,)) if key in SECTIONS else value for key, value in self.places.data.items()}

    def _tree(self, value: Value, path: Path) -> Value:
        if isinstance(value, dict):
            return {key: self._tree(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._tree(item, (*path, index)) for index, item in enumerate(value)]
        return "".join(self._parts(value, path)) if isinstance(value, str) and "${" in value else value

    def _parts(self, text: str, path: Path) -> Iterator[str]:
        end = 0
        for found in _REFERENCE.finditer(text):
            yield text[end : found.start()]
            yield self._part(found, path)
            end = found.end()
        yield text[end:]

    def _part(self, found: re.Match[str], path: Path) -> str:
        written, inner = found[0], found[1]
        if inner is None:
            return "${"
        if not inner.startswith("env:") or not written.endswith("}"):
            shown = "this reference" if path[0] == "secrets" else f"the reference {written}"
            return self._problem(Problem(f"{shown} cannot stand here", allowed="${env:NAME}, or $${ for a plain ${"), path)
        value = variable(inner.removeprefix("env:"), self.environ)
        return self._problem(value, path) if isinstance(value, Problem) else value

    def _problem(self, problem: Problem, path: Path) -> str:
        origin = self.places.origin(path)
        self.problems.append(Problem(problem.what, show_path(path), origin, None, problem.allowed, problem.suggestion))
        return ""
