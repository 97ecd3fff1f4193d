"""What people read about modules: one description, from which the command's answer and the documentation pages are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from deployer.core.values import Json, Value
from deployer.modules.definition import Input, Module


@dataclass(frozen=True, slots=True)
class InputText:
    """One input, or one field of an object with its dotted name. `default` is how YAML would write it, "" when there is none."""

    name: str
    type: str
    doc: str
    default: str
    required: bool
    sensitive: bool
    allowed: str


@dataclass(frozen=True, slots=True)
class OutputText:
    name: str
    doc: str
    env: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class ModuleText:
    """Everything there is to say about a module."""

    component: str
    module: str
    summary: str
    description: str
    targets: tuple[str, ...]
    versions: Mapping[str, str]
    requires: Mapping[str, str]
    inputs: tuple[InputText, ...]
    outputs: tuple[OutputText, ...]

    def as_json(self) -> dict[str, Json]:
        return {
            "component": self.component,
            "module": self.module,
            "summary": self.summary,
            "description": self.description,
            "targets": list(self.targets),
            "versions": dict(self.versions),
            "requires": dict(self.requires),
            "inputs": [{field: getattr(item, field) for field in InputText.__slots__} for item in self.inputs],
            "outputs": [{field: getattr(item, field) for field in OutputText.__slots__} for item in self.outputs],
        }


def describe(module: Module) -> ModuleText:
    """The module in words."""
    outputs = tuple(OutputText(name, item.doc.strip(), item.env or "", item.sensitive) for name, item in module.outputs.items())
    head = (module.component, module.name, module.summary, module.description.strip(), module.targets)
    return ModuleText(*head, module.versions, module.requires, tuple(_inputs(module.inputs, "")), outputs)


def _inputs(inputs: Mapping[str, Input], prefix: str) -> Iterator[InputText]:
    for name, item in inputs.items():
        default = "" if item.default is None else _yaml(item.default)
        yield InputText(prefix + name, str(item.type), item.doc.strip(), default, item.required, item.sensitive, _allowed(item))
        yield from _inputs(item.fields, f"{prefix}{name}.")


def _yaml(value: Value) -> str:
    plain = isinstance(value, str) and value and value == value.strip() and "\n" not in value
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _allowed(item: Input) -> str:
    said = [f"one of {', '.join(map(str, item.values))}"] if item.values else []
    said += [f"of the form {item.pattern}"] if item.pattern is not None else []
    said += [f"at least {item.minimum}"] if item.minimum is not None else []
    said += [f"at most {item.maximum}"] if item.maximum is not None else []
    return ", ".join(said)


def markdown(module: ModuleText) -> str:
    """The documentation page of one module."""
    blocks = [f"# {module.component}/{module.module}", module.summary, module.description]
    blocks += [f"Runs on: {', '.join(f'`{name}`' for name in module.targets) or 'nothing yet'}."]
    if module.versions:
        blocks += ["Versions: " + ", ".join(f"{name} {version}" for name, version in module.versions.items()) + "."]
    if module.requires:
        blocks += ["## Requires", "\n".join(f"- `{name}`: {why}" for name, why in module.requires.items())]
    blocks += ["## Example", f"```yaml\ncomponents:\n{example(module)}\n```"]
    blocks += ["## Inputs", _table(("input", "type", "default", "what it is"), [_input_row(item) for item in module.inputs])]
    blocks += ["## Outputs", _table(("output", "variable", "what it is"), [_output_row(item) for item in module.outputs])]
    return "\n\n".join(block for block in blocks if block) + "\n"


def example(module: ModuleText) -> str:
    """The shortest entry under `components:` that works: the module and what has no default."""
    needed = [item.name for item in module.inputs if item.required and "." not in item.name]
    return "\n".join([f"  {module.component}:", f"    module: {module.module}", *(f"    {name}: ..." for name in needed)])


def index(modules: Iterable[ModuleText]) -> str:
    """The documentation page that lists all modules."""
    rows = [(f"[{m.component}/{m.module}]({m.component}-{m.module}.md)", m.summary, ", ".join(m.targets)) for m in modules]
    return "\n\n".join(["# Modules", _table(("module", "what it is", "runs on"), rows)]) + "\n"


def _input_row(item: InputText) -> tuple[str, str, str, str]:
    default = "**required**" if item.required else (f"`{item.default}`" if item.default else "")
    marks = [f"({item.allowed})"] if item.allowed else []
    marks += ["*sensitive*"] if item.sensitive else []
    return f"`{item.name}`", item.type, default, " ".join([item.doc, *marks]).strip()


def _output_row(item: OutputText) -> tuple[str, str, str]:
    return f"`{item.name}`", f"`{item.env}`" if item.env else "", item.doc + (" *sensitive*" if item.sensitive else "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(head), _row(("---",) * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines) if len(lines) > 2 else "none"  # noqa: PLR2004 - the head alone is two lines


def _row(cells: tuple[str, ...]) -> str:
    # Markdown's cells end at a bar and at a line break.
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
