"""A file that defines resources, with what names mean in it: the spec, or a module's target file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.core.errors import Problem
from deployer.modules.definition import Locate
from deployer.modules.evaluate import Evaluator, Guard, Scope
from deployer.modules.shape import Definition


@dataclass(frozen=True, slots=True)
class Place:
    """`owner` is the component, or `resources`. In both kinds of file the definitions stand under the key `resources`."""

    owner: str
    definitions: Mapping[str, Definition]
    locate: Locate
    scope: Scope

    def evaluator(self, problems: list[Problem], guard: Guard) -> Evaluator:
        return Evaluator(self.scope, self.locate, problems, guard)
