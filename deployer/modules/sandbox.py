"""The one place that imports Jinja2: a sandbox in which undefined names are errors and maps have no hidden methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from deployer.modules.template import Placeholder, finalize

_LONGEST = 1_000_000


class _Sandbox(ImmutableSandboxedEnvironment):
    """Immutable values; a map's own keys before its methods; no operator that makes a small text huge."""

    intercepted_binops = frozenset({"*", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - Jinja2's signature
        if isinstance(obj, Placeholder):
            obj.refuse()
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja2's signature
        sizes = [len(side) if isinstance(side, str | list | tuple) else side for side in (left, right)]
        if operator == "**" or any(isinstance(size, int) and size > _LONGEST for size in sizes):
            msg = f"the operator {operator} is not allowed on values this large"
            raise SecurityError(msg)
        return super().call_binop(context, operator, left, right)


def sandbox(folders: Sequence[Path]) -> ImmutableSandboxedEnvironment:
    """An environment over the folders' templates. It writes configuration files, so nothing is escaped for HTML."""
    loader = FileSystemLoader([str(folder) for folder in folders], encoding="utf-8")
    options = {"undefined": StrictUndefined, "finalize": finalize, "keep_trailing_newline": True, "autoescape": False}
    return _Sandbox(loader=loader, **options)
