"""The story of `init`: a project's first files, from what ships with deployer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.core.errors import UsageError
from deployer.modules.definition import Module
from deployer.modules.load import data_folder, library
from deployer.workflow.answers import Preset
from deployer.workflow.project import FOLDER, PRIVATE

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
REFERENCE = re.compile(r"\$\{([a-z][a-z0-9-]*)\.")
LATER = "this version of deployer cannot apply it yet"
TARGETS = ("local", "kubernetes", "aws", "gcp", "azure")

PRESETS: tuple[Preset, ...] = (
    Preset(
        "mlflow",
        "MLflow only",
        "Runs, metrics, models and a model registry behind one web page; one process, about 0.5 GB of memory.\n"
        "Suits one person or a small team that trains wherever it likes and wants to find everything again.",
        available=True,
    ),
    Preset(
        "mlops",
        "MLflow plus pipelines and serving",
        "Adds scheduled pipelines, notebooks and models answering over HTTP, still plain processes on one machine.\n"
        "Suits a team that brings models to production without running Kubernetes.",
        available=False,
    ),
    Preset(
        "kubeflow",
        "Kubeflow on Kubernetes",
        "Pipelines, notebooks, training, tuning and serving for many users, each in a namespace of their own.\n"
        "Suits an organisation that has a cluster, or a cloud account to make one in, and people who look after it.",
        available=False,
        target="kubernetes",
    ),
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new project shall be. `components` empty: all of the preset."""

    folder: Path
    name: str
    environment: str = "local"
    target: str = "local"
    preset: str = "mlflow"
    components: tuple[str, ...] = ()


def component_names(target: str) -> tuple[str, ...]:
    """The components one can choose from."""
    return tuple(item.component for item in library().all() if target in item.targets)


def suggested_name(folder: Path) -> str:
    """A platform's name made of the folder's."""
    name = re.sub(r"[^a-z0-9-]+", "-", folder.absolute().name.lower()).strip("-")[:40]
    return name if NAME.fullmatch(name) else "demo"


def start_project(wishes: Wishes) -> tuple[Path, ...]:
    """Writes the files and returns them. Raises `UsageError` rather than overwrite one, or promise what cannot be applied."""
    _check(wishes)
    files = _files(wishes)
    there = [str(file) for file in files if file.exists() and file.name not in ("README.md", ".gitignore")]
    if there:
        raise UsageError(f"{', '.join(there)} would be overwritten", fix="choose another folder, or remove what is there")
    written = []
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        if _put(file, text):
            written.append(file)
    return tuple(written)


def _check(wishes: Wishes) -> None:
    preset = next((item for item in PRESETS if item.name == wishes.preset), None)
    if preset is None:
        raise UsageError(f"there is no preset {wishes.preset!r}", fix=f"choose one of {', '.join(item.name for item in PRESETS)}")
    if not preset.available:
        ready = ", ".join(item.name for item in PRESETS if item.available)
        raise UsageError(f"{preset.title}: {LATER}", fix=f"available are {ready}")
    if wishes.target != "local":
        raise UsageError(f"the target {wishes.target}: {LATER}", fix="--target local")
    for name in (wishes.name, wishes.environment):
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name", why="a name has 1 to 40 lower-case letters, digits and dashes, a letter first")
    known = component_names(wishes.target)
    strange = [name for name in wishes.components if name not in known]
    if strange:
        raise UsageError(f"no component {', '.join(strange)}", fix=f"choose from {', '.join(known)}")


def _files(wishes: Wishes) -> Mapping[Path, str]:
    folder = wishes.folder / FOLDER
    environment = folder / f"{wishes.environment}.yaml"
    about = {
        wishes.folder / ".gitignore": f"{PRIVATE}/\n",
        wishes.folder / "README.md": README.format(name=wishes.name, environment=wishes.environment),
    }
    if wishes.components:
        return {environment: _generated(wishes), **about}
    named = re.sub(r"^platform: .*$", f"platform: {wishes.name}", _shipped("base"), count=1, flags=re.MULTILINE)
    return {folder / "base.yaml": named, environment: _shipped("local"), **about}


def _shipped(name: str) -> str:
    return (data_folder("environments") / f"{name}.yaml").read_text("utf-8")


def _generated(wishes: Wishes) -> str:
    """An environment of the components chosen and of what their modules need, each with its module's own words."""
    modules = {item.component: item for item in library().all() if wishes.target in item.targets}
    wanted, open_ = [], list(wishes.components)
    while open_:
        name = open_.pop(0)
        if name not in wanted:
            wanted.append(name)
            open_ += [need for need in _needs(modules[name]) if need in modules]
    lines = [f"  # {modules[name].summary}\n  {name}: {{module: {modules[name].name}}}" for name in modules if name in wanted]
    return HEAD.format(name=wishes.name, target=wishes.target) + "\n".join(lines) + "\n"


def _needs(module: Module) -> list[str]:
    """What the module asks for, and what the defaults of its inputs refer to."""
    defaults = [item.default for item in module.inputs.values() if isinstance(item.default, str)]
    return [*module.requires, *(name for default in defaults for name in REFERENCE.findall(default))]


def _put(file: Path, text: str) -> bool:
    """Writes a new file; an old .gitignore gets the line it lacks, an old README stays."""
    if not file.exists():
        file.write_text(text, "utf-8")
        return True
    if file.name != ".gitignore" or text.strip() in file.read_text("utf-8").splitlines():
        return False
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)
    return True


HEAD = """\
# yaml-language-server: $schema=../.deployer/schema.json
# `deployer modules COMPONENT` says what each component can be told.
version: 1
platform: {name}
target: {target}

components:
"""

README = """\
# {name}

A machine-learning platform, described by `environments/{environment}.yaml`.

    deployer plan {environment}       # what would change
    deployer apply {environment}      # make it so
    deployer verify {environment}     # use it as a client would
    deployer output {environment}     # where everything is
    deployer status {environment}     # how it is
    deployer destroy {environment}    # remove it; runs and models are kept

`deployer schema --write` gives editors completion for the environment files.
State, logs and data are under `.deployer/`, which git ignores.
"""
