"""The story of `modules`: what components can be made of, from the same words the documentation is made of."""

from __future__ import annotations

from pathlib import Path

from deployer.core.errors import UsageError
from deployer.modules.describe import ModuleText, describe
from deployer.modules.load import Library, library
from deployer.workflow.answers import Field, ModulePage
from deployer.workflow.project import project_of

OWN = "modules"  # a project's own module folder, seen when no environment is named


def library_of(folder: Path) -> Library:
    """The shipped modules and the project's own."""
    project = project_of(folder)
    own = project / OWN
    return library([own] if own.is_dir() else [], project)


def module_pages(folder: Path, name: str | None) -> tuple[ModulePage, ...]:
    """All modules, those of a component, or one (`component/module`). Raises `UsageError` naming what there is."""
    modules = library_of(folder).all()
    chosen = [item for item in modules if name in (None, item.component, item.title)]
    if not chosen:
        known = ", ".join(item.title for item in modules)
        raise UsageError(f"there is no module {name!r}", why=f"the modules are: {known}")
    return tuple(_page(describe(item)) for item in chosen)


def _page(text: ModuleText) -> ModulePage:
    inputs = tuple(
        Field(item.name, item.type, _with(item.doc, item.allowed), item.default, required=item.required, sensitive=item.sensitive)
        for item in text.inputs
    )
    outputs = tuple(Field(item.name, "", item.doc, sensitive=item.sensitive, variable=item.env) for item in text.outputs)
    head = (text.component, text.module, text.summary, text.description)
    return ModulePage(*head, dict(text.versions), dict(text.requires), text.targets, inputs, outputs)


def _with(doc: str, allowed: str) -> str:
    return f"{doc} ({allowed})" if allowed else doc
