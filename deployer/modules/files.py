"""Reads module files: YAML with positions, checked by the models, into definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from deployer.core.errors import Origin, Problem, SpecError
from deployer.core.values import Path as TreePath
from deployer.core.values import Value
from deployer.modules.definition import MODULE_FILE, RESERVED, Locate, Module, Target
from deployer.modules.inputs import Complaint
from deployer.modules.models import ModuleModel, TargetModel, complaints_of, input_of, output_of, resource_of, verify_of
from deployer.modules.references import meant, one_of
from deployer.spec.files import Shown
from deployer.spec.places import unpack
from deployer.spec.source import Node, parse

_LARGEST = 4_000_000
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _File:
    """One YAML file read: its tree, and where each part stands."""

    shown: str
    tree: Mapping[str, Value]
    locate: Locate


def read_module(folder: Path, shown: Shown) -> Module:
    """The module of a folder. Raises `SpecError` with every mistake in its file."""
    file = _read(folder / MODULE_FILE, shown)
    model = _checked(ModuleModel, file)
    problems: list[Problem] = []

    def complain(complaint: Complaint) -> None:
        problems.append(complaint.problem((), file.locate))

    for key, written, expected in (("component", model.component, folder.parent.name), ("module", model.module, folder.name)):
        if written != expected:
            complain(Complaint((key,), "is not the name of its folder", written, f"the folder is {expected}"))
    if model.component in RESERVED:
        complain(Complaint(("component",), "has a meaning of its own in references, so no component can have this name", model.component))
    inputs = {name: input_of(item, ("inputs", name), complain) for name, item in model.inputs.items()}
    outputs = {name: output_of(item) for name, item in model.outputs.items()}
    targets = tuple(sorted(path.stem for path in folder.glob("*.yaml") if path.name != MODULE_FILE))
    if problems:
        raise SpecError(problems)
    texts = (model.description, model.versions, model.requires)
    return Module(model.component, model.module, model.summary, folder, file.locate, *texts, inputs, outputs, targets)


def read_target(module: Module, target: str, shown: Shown) -> Target:
    """What a module makes on a target it has a file for. Raises `SpecError` with every mistake in the file."""
    file = _read(module.folder / f"{target}.yaml", shown)
    model = _checked(TargetModel, file)
    problems = [complaint.problem((), file.locate) for complaint in _target_complaints(module, model)]
    if problems:
        raise SpecError(problems)
    resources = {name: resource_of(name, item) for name, item in model.resources.items()}
    return Target(resources, model.outputs, file.locate, model.service, verify_of(model.verify) if model.verify else None)


def _read(path: Path, shower: Shown) -> _File:
    shown = shower(path)
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
    return _File(shown, _map(_plain(root)), _locator(root, shown))


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


def _map(value: Value) -> Mapping[str, Value]:
    """An empty file is an empty map; so is a list, whose missing keys are then complained about."""
    return value if isinstance(value, Mapping) else {}
