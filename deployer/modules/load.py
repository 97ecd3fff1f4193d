"""Finds modules in folders and reads their files; every mistake comes with file, line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from deployer.core.errors import Origin, Problem, SpecError
from deployer.core.values import Path as TreePath
from deployer.core.values import Value
from deployer.modules.definition import Locate, Module, Target
from deployer.modules.files import ModuleModel, TargetModel, complaints_of, input_of, output_of, reserved, resource_of, tree, verify_of
from deployer.modules.inputs import Complaint
from deployer.modules.references import meant, one_of
from deployer.modules.template import Texts
from deployer.spec.files import Shown, shower
from deployer.spec.places import unpack
from deployer.spec.source import Node, parse

_PACKAGE = Path(__file__).resolve().parent.parent
_MODULE_FILE = "module.yaml"
_LARGEST = 4_000_000
ModelT = TypeVar("ModelT", bound=BaseModel)


def data_folder(name: str) -> Path:
    """The shipped `modules`, `templates` or `environments`: inside an installed package, else beside it in a source checkout."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


@dataclass(frozen=True, slots=True)
class _File:
    """One YAML file read: its tree, and where each part stands."""

    shown: str
    tree: Mapping[str, Value]
    locate: Locate


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
            for file in folder.glob(f"*/*/{_MODULE_FILE}"):
                found.setdefault(file.parent.parent.name, set()).add(file.parent.name)
        return {component: tuple(sorted(found[component])) for component in sorted(found)}

    def get(self, component: str, module: str, origin: Origin | None = None, path: str = "") -> Module:
        """The module, asked for at `origin` and `path`. Raises `SpecError`: no such module, or every mistake in its file."""
        if (component, module) not in self._modules:
            folder = next((folder for folder in self._candidates(component, module) if (folder / _MODULE_FILE).is_file()), None)
            if folder is None:
                problem = self._unknown(component, module)
                raise SpecError([replace(problem, origin=origin, path=path)])
            self._modules[component, module] = self._read_module(folder)
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
            self._targets[key] = self._read_target(module, target)
        return self._targets[key]

    def texts(self, module: Module) -> Texts:
        """The templates the module sees."""
        folders = (module.folder.parent.parent / "templates", *self._templates)
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

    def _read_module(self, folder: Path) -> Module:
        file = self._read(folder / _MODULE_FILE)
        model = _checked(ModuleModel, file)
        problems: list[Problem] = []

        def complain(complaint: Complaint) -> None:
            problems.append(complaint.problem((), file.locate))

        for key, written, expected in (("component", model.component, folder.parent.name), ("module", model.module, folder.name)):
            if written != expected:
                complain(Complaint((key,), "is not the name of its folder", written, f"the folder is {expected}"))
        if reserved(model.component):
            complain(
                Complaint(("component",), "has a meaning of its own in references, so no component can have this name", model.component)
            )
        inputs = {name: input_of(item, ("inputs", name), complain) for name, item in model.inputs.items()}
        outputs = {name: output_of(item) for name, item in model.outputs.items()}
        targets = tuple(sorted(path.stem for path in folder.glob("*.yaml") if path.name != _MODULE_FILE))
        if problems:
            raise SpecError(problems)
        texts = (model.description, model.versions, model.requires)
        return Module(model.component, model.module, model.summary, folder, file.locate, *texts, inputs, outputs, targets)

    def _read_target(self, module: Module, target: str) -> Target:
        file = self._read(module.folder / f"{target}.yaml")
        model = _checked(TargetModel, file)
        problems = [complaint.problem((), file.locate) for complaint in _target_complaints(module, model)]
        if problems:
            raise SpecError(problems)
        resources = {name: resource_of(name, item) for name, item in model.resources.items()}
        return Target(resources, model.outputs, file.locate, model.service, verify_of(model.verify) if model.verify else None)

    def _read(self, path: Path) -> _File:
        shown = self._shown(path)
        try:
            if path.stat().st_size > _LARGEST:
                raise SpecError([Problem(f"the file is larger than {_LARGEST // 1_000_000} MB", "", Origin(shown))])
            text = path.read_bytes()
        except OSError as error:
            raise SpecError([Problem(f"cannot be read: {error.strerror}", "", Origin(shown))]) from None
        source = parse(text, shown)
        if source.problems:
            raise SpecError(source.problems)
        root = source.root or Node({}, 0)
        return _File(shown, tree(_plain(root)), _locator(root, shown))


def library(extra: Sequence[Path] = (), project: Path | None = None) -> Library:
    """The user's own module folders first, then the shipped modules. Files inside `project` are named relative to it."""
    return Library([*extra, data_folder("modules")], [data_folder("templates")], shower(project) if project else str)


def _checked(model: type[ModelT], file: _File) -> ModelT:
    try:
        return model.model_validate(file.tree)
    except ValidationError as error:
        raise SpecError([complaint.problem((), file.locate) for complaint in complaints_of(error, model)]) from None


def _target_complaints(module: Module, model: TargetModel) -> Iterator[Complaint]:
    for name in model.outputs:
        if name not in module.outputs:
            allowed, suggestion = one_of(module.outputs), meant(name, module.outputs)
            yield Complaint(("outputs", name), f"module.yaml declares no output {name}", None, allowed, suggestion)
    for name in module.outputs:
        if name not in model.outputs:
            yield Complaint(("outputs",), f"the output {name} that module.yaml declares has no value here")
    if model.service is not None and model.service not in model.resources:
        allowed, suggestion = one_of(model.resources), meant(model.service, model.resources)
        yield Complaint(("service",), f"there is no resource {model.service}", None, allowed, suggestion)
    if model.verify and not (module.folder / model.verify.script).is_file():
        yield Complaint(("verify", "script"), f"there is no file {model.verify.script} in the module's folder")


def _plain(node: Node) -> Value:
    if isinstance(node.value, dict):
        return {key: _plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def _below(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _locator(root: Node, shown: str) -> Locate:
    def locate(path: TreePath) -> Origin:
        node = root
        for step in path:
            below = _below(node, step)
            if below is None:
                break
            node = below
        packed = (node.key_at if isinstance(node.value, dict | list) else 0) or node.at
        return Origin(shown, *unpack(packed)) if packed else Origin(shown)

    return locate
