"""The first hop: an environment's files become one `Spec`, or every mistake in them at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from deployer.core.errors import Origin, Problem, SpecError
from deployer.core.values import Value
from deployer.spec import cache as kept
from deployer.spec.cache import Merged
from deployer.spec.files import Shown, absolute, shower
from deployer.spec.spec import Spec, SpecComponent, SpecResource, SpecSecret, SpecSettings, SpecState

if TYPE_CHECKING:
    from deployer.spec.checks import Checks
    from deployer.spec.platform import PlatformModel, StateModel

# Sections whose entries may be null, which means the same as not written.
_MAPS = ("settings", "secrets", "components", "resources", "state", "moved")
_OURS = ("module", "depends_on", "prevent_destroy")


def load(file: Path, *, project: Path, cache: Path | None) -> Spec:
    """Reads an environment's file and what it extends; `cache` is a folder to keep parsed specs in, or None.

    Relative paths: `extends`, `modules` and secret files start at the file that says them, `settings.root` and `state.path`
    at `project`. Raises `SpecMistakesError` with every mistake in all files, in the order of their places.
    """
    file, project = absolute(file, Path.cwd()), absolute(project, Path.cwd())
    shown = shower(project)
    merged = kept.fetch(cache, file, shown) if cache else None
    problems: list[Problem] = []
    whole = True
    if merged is None:
        merged, problems, whole = _read(file, shown)
        if cache and not problems:
            kept.keep(cache, file, merged)
    return _check(merged, _Where(file, project, shown), problems, whole=whole)


class SpecMistakesError(SpecError):
    """What is wrong with the files. `rest` is the spec without that, for who can find mistakes there too; None when nothing is left."""

    def __init__(self, problems: Iterable[Problem], rest: Spec | None = None) -> None:
        self.rest = rest
        super().__init__(sorted(problems, key=lambda problem: (problem.origin or Origin(""), problem.path, problem.what)))


@dataclass(frozen=True, slots=True)
class _Where:
    file: Path
    project: Path
    shown: Shown


def _read(file: Path, shown: Shown) -> tuple[Merged, list[Problem], bool]:
    from deployer.spec import chain, overlay  # noqa: PLC0415 - YAML is not imported while a kept spec will do

    read = chain.read_chain(file, shown)
    if read.newer or not read.layers:
        raise SpecMistakesError(problem for problem in read.problems if not read.newer or problem.path == "version")
    places = overlay.flatten(overlay.stack(read.layers), [shown(path) for path in read.paths])
    merged = Merged(places, tuple(read.paths), tuple(kept.digest(content) for content in read.contents))
    return merged, read.problems, read.whole


def _check(merged: Merged, where: _Where, found: list[Problem], *, whole: bool) -> Spec:
    from pydantic import ValidationError  # noqa: PLC0415 - not before there is something to check

    from deployer.spec import checks, platform, variables, words  # noqa: PLC0415 - as above

    expansion = variables.Expansion(merged.places, os.environ)
    data = _written(expansion.sections())
    check = checks.Checks(where.file, merged.paths, data, merged.places, where.shown)
    url = data["state"] if isinstance(data.get("state"), str) else None
    shape = {**data, "state": {}} if url is not None else data
    model: PlatformModel | None
    try:
        model, mistakes = platform.PlatformModel.model_validate(shape), []
    except ValidationError as error:
        model = platform.without(shape, error)
        errors = [detail for detail in error.errors(include_url=False) if whole or detail["type"] != "missing"]
        mistakes = _not_told(words.translate(errors, merged.places, platform.known_keys, platform.PATTERNS), [*found, *expansion.problems])
    problems = [*found, *expansion.problems, *mistakes]
    problems += _not_told(check.problems() if whole else (), problems)
    if problems or model is None:
        rest = None
        if model is not None and whole:
            with suppress(ValueError):  # a path or URL that was told already
                rest = _spec(model, url, merged, where, check)
        raise SpecMistakesError(problems, rest)
    return _spec(model, url, merged, where, check)


def _not_told(later: Iterable[Problem], told: Iterable[Problem]) -> list[Problem]:
    """Those at other places and paths than what was told: a value that could not be read is not also of the wrong type."""
    places = {seen for problem in told for seen in (problem.origin, problem.path)} - {""}
    return [problem for problem in later if not places & {problem.origin, problem.path}]


def _written(data: Mapping[str, Value]) -> dict[str, Value]:
    """The data without what stands there as null: `components:` with nothing under it is no mistake."""
    said = {key: value for key, value in data.items() if value is not None}
    for key in _MAPS:
        section = said.get(key)
        if isinstance(section, dict):
            said[key] = {name: _entry(key, value) for name, value in section.items() if value is not None}
    return said


def _entry(section: str, value: Value) -> Value:
    if not isinstance(value, dict) or None not in value.values():
        return value
    return {key: item for key, item in value.items() if item is not None or (section == "components" and key not in _OURS)}


def _spec(model: PlatformModel, url: str | None, merged: Merged, where: _Where, check: Checks) -> Spec:
    environment = where.file.stem
    home = where.project / ".deployer" / environment
    settings = model.settings
    return Spec(
        file=where.file,
        project=where.project,
        environment=environment,
        platform=model.platform,
        target=model.target,
        settings=SpecSettings(
            absolute(Path(settings.root), where.project) if settings.root else home / "root",
            settings.python,
            settings.bind,
            settings.ready_timeout,
        ),
        secrets=_secrets(model, merged, check),
        components=_components(model),
        resources=_resources(model),
        modules=tuple(check.folder(folder, ("modules", index)) for index, folder in enumerate(model.modules)),
        state=_state(model.state, url, home, where.project),
        moved=model.moved,
        digest=hashlib.sha256("".join(merged.digests).encode()).hexdigest(),
        files=merged.paths,
        data=merged.places.data,
        places=merged.places,
    )


def _secrets(model: PlatformModel, merged: Merged, check: Checks) -> dict[str, SpecSecret]:
    return {
        name: SpecSecret(
            name,
            merged.places.origin(("secrets", name)),
            source.env,
            check.folder(source.file, ("secrets", name, "file")) if source.file else None,
            tuple(source.command or ()),
        )
        for name, source in model.secrets.items()
    }


def _components(model: PlatformModel) -> dict[str, SpecComponent]:
    return {
        name: SpecComponent(name, part.module, part.model_extra or {}, tuple(part.depends_on), part.prevent_destroy)
        for name, part in model.components.items()
    }


def _resources(model: PlatformModel) -> dict[str, SpecResource]:
    return {
        name: SpecResource(name, part.kind, part.config, part.for_each, tuple(part.depends_on), part.when, part.prevent_destroy)
        for name, part in model.resources.items()
    }


def _state(model: StateModel, url: str | None, home: Path, project: Path) -> SpecState:
    if url is not None and not url.startswith("file:"):
        return SpecState(url)
    written = unquote(urlsplit(url).path) if url is not None else model.path
    path = absolute(Path(written), project) if written else home / "state"
    return SpecState(path.as_uri(), path)
