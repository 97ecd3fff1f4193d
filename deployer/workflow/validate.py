"""The story of `validate`: read every file, work everything out, touch nothing."""

from __future__ import annotations

import time

from deployer.core.errors import SpecError
from deployer.workflow.answers import Validated, Where
from deployer.workflow.environment import expanded_spec, rehearsal


def validate(where: Where) -> Validated:
    """Raises `SpecError` with every mistake in all files."""
    started = time.monotonic()
    spec, expanded = expanded_spec(where)
    problems = rehearsal(spec, expanded.desired)
    if problems:
        raise SpecError(problems)
    return Validated(
        environment=spec.environment,
        platform=spec.platform,
        target=spec.target.value,
        file=str(spec.file.relative_to(spec.project) if spec.file.is_relative_to(spec.project) else spec.file),
        components={name: component.module for name, component in spec.components.items()},
        resources=len(expanded.desired.resources),
        seconds=time.monotonic() - started,
    )
