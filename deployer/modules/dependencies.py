"""`depends_on` names into addresses: a resource of the same file, a component, or an address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from deployer.core.errors import Problem
from deployer.core.values import Path, show_path
from deployer.modules.meaning import Known
from deployer.modules.nodes import TOP
from deployer.modules.places import Place
from deployer.modules.references import Refused, meant, one_of
from deployer.modules.shape import Definition


@dataclass(slots=True)
class Dependencies:
    """Addresses by name, each worked out once."""

    known: Known
    _components: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _addresses: frozenset[str] = frozenset()

    def of_component(self, name: str) -> tuple[str, ...]:
        """All addresses of what a component depends on as a whole."""
        if name == TOP:
            return ()
        named = self.known.units[name].component.depends_on
        return _unique(address for other in named if other != name for address in self._all(other))

    def of_resource(self, place: Place, definition: Definition, problems: list[Problem]) -> tuple[str, ...]:
        """Addresses of the names in the definition's own `depends_on`."""
        found: list[str] = []
        for index, name in enumerate(definition.depends_on):
            try:
                if name.partition("[")[0] == definition.name:
                    raise Refused(f"{definition.name} cannot depend on itself")  # noqa: TRY301 - one place makes the problem
                found += self._named(place, name)
            except Refused as refused:
                at: Path = ("resources", definition.name, "depends_on", index)
                if refused.what:
                    problems.append(Problem(refused.what, show_path(at), place.locate(at), None, refused.allowed, refused.suggestion))
        return _unique(found)

    def _named(self, place: Place, name: str) -> Iterable[str]:
        known, definitions = self.known, place.definitions
        if name.partition("[")[0] in definitions:
            return self._in_file(place, name)
        if name in known.spec.components:
            if name == place.owner:
                raise Refused(f"{name} cannot depend on itself as a whole", allowed=one_of(definitions))
            return self._all(name)
        address = "/" in name and place.owner == TOP
        if address and name in self._every():
            return (name,)
        if place.owner != TOP and name in known.units[place.owner].module.requires:
            raise Refused  # that the component is missing was said already
        others = [*definitions, *(component for component in known.spec.components if component != place.owner)]
        candidates = [*others, *self._every()] if address else others
        raise Refused(f"there is no resource or component {name}", allowed=one_of(others), suggestion=meant(name, candidates))

    def _in_file(self, place: Place, name: str) -> tuple[str, ...]:
        stem, bracket, key = name.partition("[")
        shape = self.known.shape(place.owner, place.definitions[stem])
        if shape is None:
            raise Refused
        if not bracket:
            return shape.addresses
        if key.endswith("]") and key[:-1] in (shape.items or {}):
            return (f"{shape.address}[{key}",)
        raise Refused(f"the resource {stem} has no key {key.removesuffix(']')}", allowed=one_of(shape.items or {}))

    def _all(self, component: str) -> tuple[str, ...]:
        if component not in self.known.units:
            return ()
        if component not in self._components:
            self._components[component] = tuple(self._of_owner(component))
        return self._components[component]

    def _of_owner(self, owner: str) -> Iterable[str]:
        shapes = (self.known.shape(owner, definition) for definition in self.known.definitions(owner).values())
        return (address for shape in shapes if shape for address in shape.addresses)

    def _every(self) -> frozenset[str]:
        if not self._addresses:
            self._addresses = frozenset(address for owner in (*self.known.units, TOP) for address in self._of_owner(owner))
        return self._addresses


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(addresses))
