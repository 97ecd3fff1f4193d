"""The components of a spec, each with its module and target file: what the rest of the way works on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.core.errors import Problem, SpecError
from deployer.core.values import Value
from deployer.modules.definition import NAME, RESERVED, Input, Module, Target
from deployer.modules.inputs import names_of
from deployer.modules.load import Library
from deployer.modules.references import meant, one_of
from deployer.modules.template import Texts
from deployer.spec.spec import Spec, SpecComponent


@dataclass(frozen=True, slots=True)
class Unit:
    """One component in use. `given` are its inputs as the spec writes them, without the ones set to null."""

    name: str
    component: SpecComponent
    module: Module
    target: Target
    texts: Texts
    given: Mapping[str, Value]

    @property
    def inputs(self) -> Mapping[str, Input]:
        return self.module.inputs


def units(spec: Spec, library: Library, problems: list[Problem]) -> dict[str, Unit]:
    """Every component whose module could be read; what is wrong with the others goes to `problems`."""
    made: dict[str, Unit] = {}
    for name, component in spec.components.items():
        try:
            unit = _unit(spec, library, component)
        except SpecError as error:
            problems += error.problems
            continue
        problems += _mistakes(spec, unit)
        made[name] = unit
    return made


def _unit(spec: Spec, library: Library, component: SpecComponent) -> Unit:
    path = ("components", component.name)
    if component.name in RESERVED or not re.fullmatch(NAME, component.name):
        what = "this name has a meaning of its own" if component.name in RESERVED else "is not a name for a component"
        raise SpecError([Problem(what, ".".join(path), spec.origin(path), component.name, f"another name of the form {NAME}")])
    module = library.get(component.name, component.module, spec.origin((*path, "module")), ".".join(path))
    target = library.target(module, spec.target)
    if target is None:
        what = f"{module.title} does not run on {spec.target}"
        allowed = f"it runs on: {', '.join(module.targets) or 'nothing'}"
        raise SpecError([Problem(what, ".".join(path), spec.origin((*path, "module")), None, allowed)])
    given = {key: value for key, value in component.inputs.items() if value is not None}
    return Unit(component.name, component, module, target, library.texts(module), given)


def _mistakes(spec: Spec, unit: Unit) -> Iterator[Problem]:
    path = ("components", unit.name)
    for complaint in names_of(unit.component.inputs, unit.inputs):
        yield complaint.problem(path, spec.origin)
    for needed, why in unit.module.requires.items():
        if needed not in spec.components:
            what = f"{unit.module.title} needs the component {needed} ({why})"
            yield Problem(what, ".".join(path), spec.origin(path), None, f"add {needed} under components")
    for index, name in enumerate(unit.component.depends_on):
        if name not in spec.components or name == unit.name:
            others = [other for other in spec.components if other != unit.name]
            what = "a component cannot depend on itself" if name == unit.name else f"there is no component {name}"
            where = (*path, "depends_on", index)
            yield Problem(what, f"{'.'.join(path)}.depends_on[{index}]", spec.origin(where), None, one_of(others), meant(name, others))
