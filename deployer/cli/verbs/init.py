"""`deployer init [DIR]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deployer.cli.options import speaking
from deployer.cli.voice import Voice
from deployer.workflow.answers import Preset


@click.command("init")
@click.argument("directory", metavar="[DIR]", required=False, default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The platform's name [default: the folder's].")
@click.option("--environment", default="local", show_default=True, help="The environment's name.")
@click.option("--target", help="Where it runs; local in this version.")
@click.option("--preset", help="mlflow, mlops or kubeflow [default: asked, or mlflow].")
@click.option("--components", help="Only these of the preset, with commas between.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
@speaking
def command(voice: Voice, directory: Path, *, yes: bool, components: str | None, **flags: Any) -> None:  # noqa: ANN401 - the flags above
    """Start a project in DIR: an environment with comments, .gitignore and README. Overwrites nothing."""
    from deployer.workflow.init import PRESETS, TARGETS, Wishes, start_project, suggested_name  # noqa: PLC0415 - the verb's own

    folder = voice.folder / directory
    wanted = {key: value for key, value in flags.items() if value is not None}
    wanted.setdefault("name", suggested_name(folder))
    if not yes and voice.can_ask() and "preset" not in wanted and components is None:
        voice.say(presets_text(PRESETS))
        wanted["preset"] = click.prompt("Which one", default="mlflow", type=click.Choice([item.name for item in PRESETS]), err=True)
        wanted["name"] = click.prompt("The platform's name", default=wanted["name"], err=True)
        if "target" not in wanted:
            wanted["target"] = click.prompt("Where it runs", default="local", type=click.Choice(TARGETS), err=True)
    chosen = tuple(part.strip() for part in (components or "").split(",") if part.strip())
    written = start_project(Wishes(folder, components=chosen, **wanted))
    here = "" if directory == Path() else f"cd {directory} && "
    environment = wanted["environment"]
    text = "\n".join([*(f"written: {file}" for file in written), f"next: {here}deployer plan {environment}"])
    voice.answer({"folder": str(folder), "files": [str(file) for file in written], "environment": environment}, text)


def presets_text(presets: tuple[Preset, ...]) -> str:
    """Each preset with the two lines that say whom it suits."""
    lines: list[str] = []
    for item in presets:
        lines.append(f"{item.name}: {item.title}{'' if item.available else ' (not yet: this version cannot apply it)'}")
        lines += [f"    {line}" for line in item.suits.splitlines()]
    return "\n".join(lines)
