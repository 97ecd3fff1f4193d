"""Finds modules in folders and reads their files; every mistake comes with file, line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from deployer.core.errors import Origin, Problem, SpecError
from deployer.modules.definition import MODULE_FILE, Module, Target
from deployer.modules.references import meant, one_of
from deployer.modules.template import Texts
from deployer.spec.files import Shown, shower

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """The shipped `modules`, `templates` or `environments`: inside an installed package, else beside it in a source checkout."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


class Library:
    """The modules of `folders`; the first folder that has a module wins. Files are read when first asked for, and once."""

    def __init__(self, folders: Sequence[Path], templates: Sequence[Path], shown: Shown = str) -> None:
        """`templates` are searched after a module folder's own `templates`; `shown` names files in messages."""
        self._folders, self._templates, self._shown = tuple(folders), tuple(templates), shown
        self._modules: dict[tuple[str, str], Module] = {}
        self._targets: dict[tuple[str, str, str], Target] = {}

    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Every component with its modules, sorted; no file is opened."""
        found: dict[str, set[str]] = {}
        for folder in self._folders:
            for file in folder.glob(f"*/*/{MODULE_FILE}"):
                found.setdefault(file.parent.parent.name, set()).add(file.parent.name)
        return {component: tuple(sorted(found[component])) for component in sorted(found)}

    def get(self, component: str, module: str, origin: Origin | None = None, path: str = "") -> Module:
        """The module, asked for at `origin` and `path`. Raises `SpecError`: no such module, or every mistake in its file."""
        if (component, module) not in self._modules:
            folder = next((folder for folder in self._candidates(component, module) if (folder / MODULE_FILE).is_file()), None)
            if folder is None:
                problem = self._unknown(component, module)
                raise SpecError([replace(problem, origin=origin, path=path)])
            from deployer.modules import files  # noqa: PLC0415 - YAML and pydantic only where there is a file to read

            self._modules[component, module] = files.read_module(folder, self._shown)
        return self._modules[component, module]

    def all(self) -> tuple[Module, ...]:
        """Every module. Raises `SpecError` with the mistakes of all files."""
        modules: list[Module] = []
        problems: list[Problem] = []
        for component, names in self.names().items():
            for name in names:
                try:
                    modules.append(self.get(component, name))
                except SpecError as error:
                    problems += error.problems
        if problems:
            raise SpecError(problems)
        return tuple(modules)

    def target(self, module: Module, target: str) -> Target | None:
        """What the module makes on a target; None when it has no file for it. Raises `SpecError` with every mistake in the file."""
        key = (module.component, module.name, target)
        if key not in self._targets:
            if target not in module.targets:
                return None
            from deployer.modules import files  # noqa: PLC0415 - as above

            self._targets[key] = files.read_target(module, target, self._shown)
        return self._targets[key]

    def texts(self, module: Module | None) -> Texts:
        """The templates a module sees: those beside it, and the shared ones. The spec itself (None) sees those of all folders."""
        own = [module.folder.parent.parent] if module else self._folders
        folders = [*(folder / "templates" for folder in own), *self._templates]
        return Texts([folder for folder in folders if folder.is_dir()], self._shown)

    def _candidates(self, component: str, module: str) -> Iterator[Path]:
        if "/" not in component + module and ".." not in (component, module):
            yield from (folder / component / module for folder in self._folders)

    def _unknown(self, component: str, module: str) -> Problem:
        names = self.names()
        if component not in names:
            return Problem(f"there is no component {component}", allowed=one_of(names), suggestion=meant(component, names))
        known = names[component]
        return Problem(f"the component {component} has no module {module}", allowed=one_of(known), suggestion=meant(module, known))


def library(extra: Sequence[Path] = (), project: Path | None = None) -> Library:
    """The user's own module folders first, then the shipped modules. Files inside `project` are named relative to it."""
    return Library([*extra, data_folder("modules")], [data_folder("templates")], shower(project) if project else str)
