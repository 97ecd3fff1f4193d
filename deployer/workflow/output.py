"""The story of `output`: what clients need to know, from what the state recorded; sensitive values only when revealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from deployer.core.state import State
from deployer.core.values import Json, Sensitive, Value, leaves, plain, templates
from deployer.engine.survey import World
from deployer.engine.values import Known, Resolver, unknown
from deployer.engine.values import outputs_of as sealed_outputs
from deployer.workflow.answers import Output, Where
from deployer.workflow.environment import Tools, opening

if TYPE_CHECKING:
    from deployer.modules.expand import OutputValue

Declared: TypeAlias = "Mapping[str, Mapping[str, OutputValue]]"


def outputs(where: Where, *, reveal: bool = False) -> tuple[Output, ...]:
    """Every output of every component, in the order of the spec."""
    with opening(where) as environment:
        return outputs_of(environment.expanded.outputs, environment.tools, reveal=reveal)


def outputs_of(declared: Declared, tools: Tools, *, reveal: bool) -> tuple[Output, ...]:
    """The values now. What was never applied is not known; what is sensitive stays None unless `reveal` (which reads the objects)."""
    state = tools.state()
    trees = [item.value for items in declared.values() for item in items.values()]
    resolver = resolver_for(trees, state, tools, live=reveal)
    return tuple(
        _output(
            Output(component, name, variable=item.env or "", doc=item.doc, sensitive=item.sensitive),
            resolver.tree(item.value),
            reveal=reveal,
        )
        for component, items in declared.items()
        for name, item in items.items()
    )


def resolver_for(trees: list[Value], state: State, tools: Tools, *, live: bool) -> Resolver:
    """What resolves these trees' references: recorded outputs, or with `live` the objects' own, sensitive ones sealed."""
    seal = tools.seal(make=False)
    needed = {ref.address for tree in trees for template in templates(tree) for ref in template.refs}
    recorded = {address: state.objects[address] for address in needed if address in state.objects}
    world = World(tools.kinds, lambda _event: None)
    if live:
        world.read((item.kind, item.id) for item in recorded.values())
    known: dict[str, Known] = {}
    for address, item in recorded.items():
        rules = tools.kinds[item.kind].rules
        found = world.get(item.kind, item.id)
        if live and found is not None:
            known[address] = Known(sealed_outputs(found.outputs, rules, seal))
        elif not live:
            hidden: dict[str, Value] = {name: Sensitive("", None) for name in rules.sensitive_outputs}
            known[address] = Known({**item.outputs, **hidden})
    return Resolver(known, tools.secrets, seal)


def _output(item: Output, tree: Value, *, reveal: bool) -> Output:
    hidden = item.sensitive or any(isinstance(leaf, Sensitive) for _, leaf in leaves(tree))
    if unknown(tree):
        return replace(item, known=False, sensitive=hidden)
    value: Json = None if hidden and not reveal else plain(tree)
    return replace(item, value=value, sensitive=hidden)
