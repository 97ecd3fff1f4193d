"""A spec and its modules become resources: the third hop's input, and what `output`, `status` and `verify` want to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.core.errors import Problem, SpecError
from deployer.core.resource import Desired, Mark, Resource, Rules
from deployer.core.values import Value
from deployer.modules.dependencies import Dependencies
from deployer.modules.evaluate import DROPPED
from deployer.modules.load import Library
from deployer.modules.meaning import Known, spec_scope, unit_scope
from deployer.modules.mistakes import ExpandMistakesError
from deployer.modules.nodes import TOP, Node, Sort
from deployer.modules.places import Place
from deployer.modules.resources import resources_of
from deployer.modules.units import Unit, units
from deployer.modules.work import work_out
from deployer.spec.spec import Spec


@dataclass(frozen=True, slots=True)
class OutputValue:
    """One output of a component. `value` is a tree that may hold `Template` leaves; `env` is its variable, if it has one."""

    value: Value
    sensitive: bool = False
    env: str | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Verify:
    """How `deployer verify` uses a component. `script` is an absolute path; the rest may hold `Template` leaves."""

    python: Value
    script: str
    environment: Mapping[str, Value]
    secret_environment: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Expanded:
    """What an environment wants. The mappings' keys are names of components; `services` holds addresses."""

    desired: Desired
    outputs: Mapping[str, Mapping[str, OutputValue]]
    services: Mapping[str, str]
    verify: Mapping[str, Verify]
    versions: Mapping[str, Mapping[str, str]]


def expand(spec: Spec, library: Library, kinds: Mapping[str, Rules], environment: Mapping[str, str]) -> Expanded:
    """Makes resources of a spec's components. `environment` are the variables `${env:...}` sees; reads only module files.

    Raises `ExpandMistakesError` with every mistake in the spec and in the files of the modules it uses.
    """
    problems: list[Problem] = []
    try:
        expanded = _expanded(spec, library, kinds, environment, problems)
    except RecursionError:
        raise SpecError([Problem("the values of the spec and its modules are nested too deeply", "", spec.origin(()))]) from None
    if problems:
        raise ExpandMistakesError(sorted(dict.fromkeys(problems), key=_by_place), expanded.desired)
    return expanded


def _expanded(
    spec: Spec, library: Library, kinds: Mapping[str, Rules], environment: Mapping[str, str], problems: list[Problem]
) -> Expanded:
    known = Known(spec, units(spec, library, problems), kinds, environment)
    top = Place(TOP, spec.resources, spec.origin, spec_scope(known, library.texts(None)))
    places = {
        unit.name: Place(unit.name, unit.target.resources, unit.target.locate, unit_scope(known, unit)) for unit in known.units.values()
    }
    work_out(known, top, places, problems)
    found: dict[str, Resource] = {}
    dependencies = Dependencies(known)
    for place in (*places.values(), top):
        found |= {resource.address: resource for resource in resources_of(known, place, dependencies, problems)}
    desired = Desired(Mark(spec.platform, spec.environment), str(spec.target), found, spec.moved, spec.digest)
    verify = {name: made for name, place in places.items() if (made := _verify(known.units[name], place, problems))}
    outputs = {name: dict(_outputs(known, unit)) for name, unit in known.units.items()}
    services = {name: address for name, unit in known.units.items() if (address := _service(known, unit, problems))}
    return Expanded(desired, outputs, services, verify, {name: unit.module.versions for name, unit in known.units.items()})


def _outputs(known: Known, unit: Unit) -> Iterator[tuple[str, OutputValue]]:
    for name, declared in unit.module.outputs.items():
        found = known.values.get(Node(Sort.OUTPUT, unit.name, name))
        if found is not None and found.value is not DROPPED:
            yield name, OutputValue(found.value, declared.sensitive, declared.env, declared.doc)


def _service(known: Known, unit: Unit, problems: list[Problem]) -> str | None:
    name = unit.target.service
    shape = known.shape(unit.name, unit.target.resources[name]) if name else None
    if shape is None or not shape.present:
        return None
    if shape.items is not None:
        problems.append(Problem("a service is one resource, and this one has for_each", "service", unit.target.locate(("service",)), name))
    return shape.address


def _verify(unit: Unit, place: Place, problems: list[Problem]) -> Verify | None:
    definition = unit.target.verify
    if definition is None:
        return None
    evaluator = place.evaluator(problems, lambda path: path[1] == "secret_environment")
    python = evaluator.value(definition.python, ("verify", "python"))
    environment = evaluator.items(definition.environment, ("verify", "environment"))
    secret = evaluator.items(definition.secret_environment, ("verify", "secret_environment"))
    return Verify(python, str(unit.module.folder / definition.script), environment, secret)


def _by_place(problem: Problem) -> tuple[str, int, int, str, str]:
    origin = problem.origin
    return (origin.file, origin.line, origin.column, problem.path, problem.what) if origin else ("", 0, 0, problem.path, problem.what)
