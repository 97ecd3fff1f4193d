"""The shapes that are measured, as environment files for deployer and as configurations for Terraform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ENVIRONMENT = "bench"
SMALL = 1_000
DEPTH = 10  # layers, whatever the size: wide and deep enough for both tools' graphs

Lines: TypeAlias = Iterator[str]

_HEAD = "version: 1\nplatform: bench\ntarget: local\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of N resources in both languages."""

    name: str
    deployer: Callable[[int], Lines]
    terraform: Callable[[int], Lines]


def _flat(size: int) -> Lines:
    yield "resources:\n"
    for number in range(size):
        yield f'  f{number}:\n    kind: local.file\n    config:\n      path: flat/f{number}.txt\n      content: "file number {number}\\n"\n'


def _flat_terraform(size: int) -> Lines:
    for number in range(size):
        yield f'resource "terraform_data" "f{number}" {{\n  input = "file number {number}\\n"\n}}\n'


def _before(number: int, width: int) -> tuple[int, int]:
    """The two resources of the layer above that this one refers to."""
    first = number - width
    return first, first // width * width + (first + 1) % width


def _layers(size: int) -> Lines:
    width = max(1, size // DEPTH)
    yield "resources:\n"
    for number in range(size):
        text = "the first layer"
        if number >= width:
            one, two = _before(number, width)
            text = f"${{resource.f{one}.path}} ${{resource.f{two}.path}}"
        yield f'  f{number}:\n    kind: local.file\n    config:\n      path: layers/f{number}.txt\n      content: "{text}\\n"\n'


def _layers_terraform(size: int) -> Lines:
    width = max(1, size // DEPTH)
    for number in range(size):
        text = "the first layer"
        if number >= width:
            one, two = _before(number, width)
            text = f"${{terraform_data.f{one}.output}} ${{terraform_data.f{two}.id}}"
        yield f'resource "terraform_data" "f{number}" {{\n  input = "{text}"\n}}\n'


def _each(size: int) -> Lines:
    yield "resources:\n  parts:\n    kind: local.file\n    for_each:\n"
    for number in range(size):
        yield f"      k{number}: {number}\n"
    yield '    config:\n      path: "parts/${each.key}.txt"\n      content: "part ${each.value}\\n"\n'


def _each_terraform(size: int) -> Lines:
    # Terraform's range() ends at 1,024, so a for_each of more has to be written out; `count` is how it says this.
    yield f'resource "terraform_data" "parts" {{\n  count = {size}\n  input = "part ${{count.index}}\\n"\n}}\n'


FLAT = Shape("flat", _flat, _flat_terraform)
LAYERS = Shape("layers", _layers, _layers_terraform)
EACH = Shape("for_each", _each, _each_terraform)
SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in (FLAT, LAYERS, EACH)}


def write_deployer(shape: Shape, size: int, folder: Path) -> Path:
    """A project with the shape as its environment `bench`."""
    return write_environment((_HEAD, *shape.deployer(size)), folder)


def write_environment(text: tuple[str, ...], folder: Path) -> Path:
    file = folder / "environments" / f"{ENVIRONMENT}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(text), encoding="utf-8")
    return folder


def write_terraform(shape: Shape, size: int, folder: Path) -> Path:
    """A root module with the shape."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.tf").write_text("".join(shape.terraform(size)), encoding="utf-8")
    return folder


def write_component(folder: Path) -> Path:
    """A project with one component."""
    return write_environment((_HEAD, "components:\n  artifacts: {module: directory}\n"), folder)
