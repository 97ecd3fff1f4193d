"""What references mean: the lookups of each place, over values that are worked out in `nodes` order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from deployer.core.errors import Problem
from deployer.core.resource import Rules
from deployer.core.values import OutputRef, SecretRef, Template, Value, matches
from deployer.modules.definition import Input
from deployer.modules.evaluate import DROPPED, Found, Lookup, Scope
from deployer.modules.nodes import TOP, Node, Sort
from deployer.modules.references import EnvironmentText, Key, Reference, Refused, Step, descend, meant, one_of, output_steps
from deployer.modules.shape import Definition, Shape
from deployer.modules.template import Texts
from deployer.modules.types import TypeName
from deployer.modules.units import Unit
from deployer.spec.spec import Spec
from deployer.spec.variables import variable

_HEADS = ("input", "resource", "platform", "settings", "module", "each")


@dataclass(slots=True)
class Known:
    """Everything known so far. What was worked out without success is None: its problem was reported then."""

    spec: Spec
    units: Mapping[str, Unit]
    kinds: Mapping[str, Rules]
    environment: Mapping[str, str]
    values: dict[Node, Found | None] = field(default_factory=dict)
    shapes: dict[Node, Shape | None] = field(default_factory=dict)

    def failed(self, nodes: Iterable[Node]) -> bool:
        return any(self.values.get(node, node) is None or self.shapes.get(node, node) is None for node in nodes)

    def shape(self, owner: str, definition: Definition) -> Shape | None:
        """A resource's shape; one without `when` and `for_each` has no node of its own."""
        address = f"{owner}/{definition.kind}/{definition.name}"
        if definition.when is None and definition.for_each is None:
            return Shape(address)
        return self.shapes.get(Node(Sort.RESOURCE, owner, definition.name))

    def definitions(self, owner: str) -> Mapping[str, Definition]:
        return self.spec.resources if owner == TOP else self.units[owner].target.resources


def spec_scope(known: Known, texts: Texts) -> Scope:
    """What names mean in the spec."""
    nowhere = {"input": partial(_only, "input", "in module files"), "module": partial(_only, "module", "in module files")}
    settings: Mapping[str, Value] = _globals(known)
    return Scope({**_lookups(known, TOP), **nowhere}, lambda: settings, texts, known.spec.file.parent, inside=False)


def unit_scope(known: Known, unit: Unit) -> Scope:
    """What names mean in the files of a component's module."""
    module: Mapping[str, Value] = {"path": str(unit.module.folder), "component": unit.name, "name": unit.module.name}
    own: dict[str, Lookup] = {"input": partial(_input, known, unit), "module": partial(_tree, "module", module)}
    return Scope({**_lookups(known, unit.name), **own}, partial(_context, known, unit), unit.texts, unit.module.folder)


def _lookups(known: Known, owner: str) -> dict[str, Lookup]:
    own: dict[str, Lookup] = {name: partial(_tree, name, tree) for name, tree in _globals(known).items()}
    return {
        **own,
        "each": partial(_only, "each", "in a resource with for_each"),
        "resource": partial(_resource, known, owner),
        "env:": partial(_environment, known.environment),
        "secret:": partial(_secret, known.spec),
        "": partial(_component, known),
    }


def _globals(known: Known) -> dict[str, Mapping[str, Value]]:
    platform = {"name": known.spec.platform, "environment": known.spec.environment, "target": str(known.spec.target)}
    return {"platform": platform, "settings": known.spec.settings.as_json()}


def _context(known: Known, unit: Unit) -> Mapping[str, Value]:
    """What expressions see. Silent when an input failed: its own mistake was reported."""
    nodes = {name: Node(Sort.INPUT, unit.name, name) for name in unit.inputs}
    if known.failed(nodes.values()):
        raise Refused
    inputs = {name: found.value for name, node in nodes.items() if (found := known.values.get(node))}
    return {"input": inputs, **_globals(known)}


def _only(name: str, where: str, _: Reference) -> Found:
    raise Refused(f"{name} has a meaning only {where}")


def _tree(name: str, tree: Mapping[str, Value], reference: Reference) -> Found:
    if len(reference.steps) == 1:
        raise Refused(f"{name} is not a value by itself", allowed=one_of(tree))
    return Found(descend(tree, reference.steps[1:], name))


def _environment(environment: Mapping[str, str], reference: Reference) -> Found:
    value = variable(reference.head, environment)
    if isinstance(value, Problem):
        raise Refused(value.what, allowed=value.allowed, suggestion=value.suggestion)
    return Found(EnvironmentText(value))


def _secret(spec: Spec, reference: Reference) -> Found:
    name = reference.head
    if name not in spec.secrets:
        allowed = f"{one_of(spec.secrets)}; name its source under secrets" if spec.secrets else "name its source under secrets"
        raise Refused(f"there is no secret {name}", allowed=allowed, suggestion=meant(name, spec.secrets))
    return Found(Template((SecretRef(name),)), secret=True)


def _input(known: Known, unit: Unit, reference: Reference) -> Found:
    if len(reference.steps) == 1:
        raise Refused("input is not a value by itself", allowed=one_of(unit.inputs))
    name = str(reference.steps[1])
    if name not in unit.inputs:
        raise Refused(f"{unit.module.title} has no input {name}", allowed=one_of(unit.inputs), suggestion=meant(name, unit.inputs))
    found = known.values.get(Node(Sort.INPUT, unit.name, name))
    if found is None:
        raise Refused
    return Found(descend(found.value, reference.steps[2:], f"input.{name}"), secret_below(unit.inputs[name], reference.steps[2:]))


def secret_below(declared: Input, steps: tuple[Step, ...] | tuple[str | int, ...], *, whole: bool = True) -> bool:
    """Whether the value at `steps` is declared sensitive; with `whole`, also whether something below it is."""
    depth = 0
    kind = declared.type
    while kind.item:
        kind, depth = kind.item, depth + 1
    if declared.sensitive:
        return True
    below = steps[depth:]
    if below and kind.name is TypeName.OBJECT:
        named = declared.fields.get(str(below[0]))
        return named is not None and secret_below(named, below[1:], whole=whole)
    return whole and any(secret_below(item, ()) for item in declared.fields.values())


def _component(known: Known, reference: Reference) -> Found:
    name = reference.head
    if name not in known.units:
        if name in known.spec.components:
            raise Refused
        components = known.spec.components
        raise Refused(f"there is no component {name}", allowed=one_of(components), suggestion=meant(name, [*components, *_HEADS]))
    outputs = known.units[name].module.outputs
    if len(reference.steps) == 1:
        raise Refused(f"the component {name} is not a value by itself", allowed=f"its outputs are {one_of(outputs)}")
    output = str(reference.steps[1])
    if output not in outputs:
        raise Refused(f"{name} has no output {output}", allowed=one_of(outputs), suggestion=meant(output, outputs))
    node = Node(Sort.OUTPUT, name, output)
    found = known.values.get(node)
    if found is None:
        raise Refused
    if found.value is DROPPED:  # an output its `$when` leaves out reads as not given
        return Found(None)
    return Found(descend(found.value, reference.steps[2:], f"{name}.{output}"), found.secret)


def _resource(known: Known, owner: str, reference: Reference) -> Found:
    definitions = known.definitions(owner)
    if len(reference.steps) == 1:
        raise Refused("resource is not a value by itself", allowed="write ${resource.NAME.OUTPUT}")
    name, rest = str(reference.steps[1]), reference.steps[2:]
    if name not in definitions:
        raise Refused(f"there is no resource {name}", allowed=one_of(definitions), suggestion=meant(name, definitions))
    shape = known.shape(owner, definitions[name])
    if shape is None:
        raise Refused
    address, rest = _one(shape, name, rest)
    if not rest:
        raise Refused(f"the resource {name} is not a value by itself", allowed="name one of its outputs")
    rules = known.kinds.get(definitions[name].kind, Rules())
    output = output_steps(rest)
    if rules.outputs and output[0] not in rules.outputs:
        raise Refused(
            f"a {definitions[name].kind} has no output {output[0]}",
            allowed=one_of(rules.outputs),
            suggestion=meant(output[0], rules.outputs),
        )
    secret = any(matches(pattern, output) or matches(".".join(output), pattern.split(".")) for pattern in rules.sensitive_outputs)
    return Found(Template((OutputRef(address, ".".join(output)),)), secret)


def _one(shape: Shape, name: str, steps: tuple[Step, ...]) -> tuple[str, tuple[Step, ...]]:
    """The address of the one object meant, and the steps left."""
    key = steps[0].text if steps and isinstance(steps[0], Key) else None
    if shape.items is None:
        if key is not None:
            raise Refused(f"the resource {name} has no for_each, so it has no [{key}]")
        if not shape.present:
            raise Refused(f"the resource {name} is left out: its `when` does not hold")
        return shape.address, steps
    if key is None:
        raise Refused(
            f"the resource {name} has for_each", allowed=f"name one of its keys, {one_of([f'{name}[{item}]' for item in shape.items], 5)}"
        )
    if key not in shape.items:
        raise Refused(f"the resource {name} has no key {key}", allowed=one_of(shape.items), suggestion=meant(key, shape.items))
    return f"{shape.address}[{key}]", steps[1:]
