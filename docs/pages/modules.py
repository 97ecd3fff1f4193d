"""docs/modules/: a page for each module, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.modules.describe import describe, index, markdown
from deployer.modules.load import library

TAIL = """
A module of your own needs no Python: [writing-modules.md](../writing-modules.md).
"""


def pages() -> Iterator[tuple[str, str]]:
    """(file under modules/, text)."""
    modules = [describe(module) for module in library().all()]
    yield "README.md", index(modules) + TAIL
    for module in modules:
        yield f"{module.component}-{module.module}.md", markdown(module)
