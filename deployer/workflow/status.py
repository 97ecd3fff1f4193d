"""The story of `status`: every component now, and the root cause of what is not well."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from deployer.core.protocols import Kind
from deployer.core.resource import Failed, Waiting
from deployer.core.state import State
from deployer.core.values import Json, templates
from deployer.engine.survey import World
from deployer.workflow.answers import ComponentStatus, Health, Status, Where
from deployer.workflow.environment import Environment, opening
from deployer.workflow.output import outputs_of
from deployer.workflow.unlock import lock_report


@runtime_checkable
class Reporting(Protocol):
    """A kind whose objects run."""

    def status(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Json]]:
        """Of each: `since` in seconds since 1970, `restarts`, `memory` in bytes; None where there is nothing to say."""


URLS = ("url", "uri", "path")  # what a component is reached by, the first it has


def status(where: Where) -> Status:
    """Reads every object of the environment in bulk and asks what is there whether it works."""
    with opening(where) as environment:
        tools = environment.tools
        state = tools.state()
        world = World(tools.kinds, lambda _event: None)
        world.read((item.kind, item.id) for item in state.objects.values())
        urls = _urls(environment)
        components = tuple(replace(_component(name, environment, state, world), url=urls.get(name, "")) for name in _names(environment))
        lock = lock_report(where)
        return Status(environment.spec.environment, components, lock.holder if lock.alive else None, time.time())


def _names(environment: Environment) -> list[str]:
    """The spec's components, and whatever else resources stand under (`resources` itself)."""
    heads = (address.split("/")[0] for address in environment.expanded.desired.resources)
    return list(dict.fromkeys((*environment.spec.components, *heads)))


def _urls(environment: Environment) -> dict[str, str]:
    found: dict[str, dict[str, Json]] = {}
    for item in outputs_of(environment.expanded.outputs, environment.tools, reveal=False):
        if item.known and item.value is not None:
            found.setdefault(item.component, {})[item.name] = item.value
    return {name: str(next((values[key] for key in URLS if key in values), "")) for name, values in found.items()}


def _component(name: str, environment: Environment, state: State, world: World) -> ComponentStatus:
    spec, expanded = environment.spec, environment.expanded
    addresses = _addresses(name, environment)
    module = spec.components[name].module if name in spec.components else ""
    blank = ComponentStatus(name, module, Health.ABSENT, version=_version(expanded.versions.get(name, {})))
    made = [address for address in addresses if address in state.objects]
    if not made and addresses:
        return replace(blank, fix=f"deployer apply {spec.environment}")
    service = expanded.services.get(name, "")
    told = [_judged(address, state, world, environment.tools.kinds) for address in made]
    worst = max(told, key=lambda item: (_RANK[item[0]], item[1] == service), default=(Health.HEALTHY, "", "", ""))
    facts = _running(service, state, environment.tools.kinds)
    cause = f"{worst[1].partition('/')[2]}: {worst[2]}" if worst[2] else ""
    return replace(blank, health=worst[0], cause=cause, fix=worst[3], **facts)


def _addresses(name: str, environment: Environment) -> list[str]:
    """The component's own resources; one without any is as well as what its outputs come from."""
    expanded = environment.expanded
    own = [address for address in expanded.desired.resources if address.split("/")[0] == name]
    trees = [item.value for item in expanded.outputs.get(name, {}).values()]
    return own or sorted({ref.address for tree in trees for template in templates(tree) for ref in template.refs})


_RANK: Mapping[Health, int] = {Health.HEALTHY: 0, Health.ABSENT: 1, Health.STARTING: 2, Health.UNHEALTHY: 3}


def _judged(address: str, state: State, world: World, kinds: Mapping[str, Kind]) -> tuple[Health, str, str, str]:
    """(health, address, cause, fix) of one object."""
    item = state.objects[address]
    live = world.get(item.kind, item.id)
    if live is None:
        return Health.UNHEALTHY, address, f"{item.id} is gone", "apply makes it again"
    match kinds[item.kind].ready(live):
        case Failed(reason, fix):
            return Health.UNHEALTHY, address, reason, fix
        case Waiting(reason):
            return Health.STARTING, address, reason, ""
        case _:
            return Health.HEALTHY, address, "", ""


def _version(versions: Mapping[str, str]) -> str:
    return next(iter(versions.values()), "")


def _running(address: str, state: State, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """`since`, `restarts` and `memory` of a service, as far as its kind can tell."""
    item = state.objects.get(address)
    kind: object = kinds[item.kind] if item else None
    if item is None or not isinstance(kind, Reporting):
        return {}
    facts = kind.status([item.id]).get(item.id, {})
    return {name: facts.get(name) for name in ("since", "restarts", "memory")}
