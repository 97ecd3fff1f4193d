"""Works out every input, output and shape in an order in which all a node refers to is known before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from deployer.core.errors import Origin, Problem
from deployer.core.values import Path, Value, replace_leaves, show_path
from deployer.modules.definition import Input
from deployer.modules.evaluate import Found
from deployer.modules.inputs import conform
from deployer.modules.meaning import Known, secret_below
from deployer.modules.nodes import TOP, Node, Sort, graph_of, ordered
from deployer.modules.places import Place
from deployer.modules.references import plain_text
from deployer.modules.shape import shape_of


def work_out(known: Known, top: Place, places: Mapping[str, Place], problems: list[Problem]) -> None:
    """Fills `known`; every mistake, cycles with their whole path included, goes to `problems`."""
    graph = graph_of(known.spec, known.units)
    order, cycles = ordered(graph)
    for cycle in cycles:
        problems.append(_cycle(known, cycle))
        for node in cycle:
            _settle(known, node, None)
    for node in order:
        if known.failed(graph[node]):
            _settle(known, node, None)
            continue
        place = top if node.owner == TOP else places[node.owner]
        match node.sort:
            case Sort.RESOURCE:
                evaluator = place.evaluator(problems, _never)
                known.shapes[node] = shape_of(evaluator, place.definitions[node.name], _address(place, node.name))
            case Sort.INPUT:
                known.values[node] = _input(known, node, top, place, problems)
            case Sort.OUTPUT:
                _output(known, node, place, problems)


def _never(_: Path) -> bool:
    return False


def _address(place: Place, name: str) -> str:
    return f"{place.owner}/{place.definitions[name].kind}/{name}"


def _settle(known: Known, node: Node, found: Found | None) -> None:
    if node.sort is Sort.RESOURCE:
        known.shapes[node] = None
    else:
        known.values[node] = found


def _input(known: Known, node: Node, top: Place, place: Place, problems: list[Problem]) -> Found | None:
    """An input's value: what the spec gives in the spec's own words, else the default in the module's.

    Given may turn out as null, by a reference to an output that is left out; that reads as not given.
    """
    unit = known.units[node.owner]
    declared = unit.inputs[node.name]
    from_spec = (("components", unit.name, node.name), unit.given.get(node.name), replace(place, scope=top.scope, locate=top.locate))
    from_module = (("inputs", node.name, "default"), declared.default, replace(place, locate=unit.module.locate))
    if declared.required and node.name not in unit.given:
        return None  # told already
    for path, raw, source in (from_spec, from_module) if node.name in unit.given else (from_module,):
        evaluator = source.evaluator(problems, partial(_secret_field, declared, len(path)))
        evaluator.typed = True
        value = evaluator.value(raw, path)
        if evaluator.failed:
            return None
        if value is None and raw is not None and not declared.required and path[0] == "components":
            continue
        value, complaints = conform(value, replace(declared, default=None))
        problems += [complaint.problem(path, source.locate) for complaint in complaints]
        return None if complaints else Found(replace_leaves(value, plain_text))
    return None


def _secret_field(declared: Input, depth: int, path: Path) -> bool:
    return secret_below(declared, path[depth:], whole=False)


def _output(known: Known, node: Node, place: Place, problems: list[Problem]) -> None:
    unit = known.units[node.owner]
    secret = unit.module.outputs[node.name].sensitive
    evaluator = place.evaluator(problems, lambda _: secret)
    value: Value = evaluator.value_or_dropped(unit.target.outputs[node.name], ("outputs", node.name))
    known.values[node] = None if evaluator.failed else Found(value, secret)


def _cycle(known: Known, cycle: Sequence[Node]) -> Problem:
    """The whole path, each step with its line; it begins in the spec when it passes through it."""
    nodes = list(cycle[:-1])
    inside = [_in_spec(known, node) for node in nodes]
    start = inside.index(True) if True in inside else 0
    nodes = nodes[start:] + nodes[:start]
    steps = " -> ".join(f"{node} ({_origin(known, node)[1]})" for node in nodes)
    path, origin = _origin(known, nodes[0])
    return Problem(f"these refer to each other in a circle: {steps} -> {nodes[0]}", show_path(path), origin)


def _in_spec(known: Known, node: Node) -> bool:
    return node.owner == TOP or (node.sort is Sort.INPUT and node.name in known.units[node.owner].given)


def _origin(known: Known, node: Node) -> tuple[Path, Origin]:
    path: Path
    if _in_spec(known, node):
        path = ("resources", node.name) if node.owner == TOP else ("components", node.owner, node.name)
        return path, known.spec.origin(path)
    unit = known.units[node.owner]
    if node.sort is Sort.INPUT:
        path = ("inputs", node.name, "default")
        return path, unit.module.locate(path)
    path = ("outputs" if node.sort is Sort.OUTPUT else "resources", node.name)
    return path, unit.target.locate(path)
