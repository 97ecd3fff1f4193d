"""What `expand` refuses with. Apart from it, so that who only handles a refusal imports nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.core.errors import Problem, SpecError
from deployer.core.resource import Desired


class ExpandMistakesError(SpecError):
    """What is wrong with the values. `rest` are the resources without mistakes, for who can find others in them."""

    def __init__(self, problems: Sequence[Problem], rest: Desired) -> None:
        self.rest = rest
        super().__init__(problems)
