"""`deployer graph ENV`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.drawing import DRAWINGS
from deployer.cli.options import environment, speaking
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("graph")
@environment
@click.option("--format", "form", type=click.Choice(sorted(DRAWINGS)), default="mermaid", show_default=True)
@speaking
def command(voice: Voice, environment: str, form: str) -> None:
    """Print ENV's resources and what stands on what. An arrow points at what is needed first."""
    from deployer.workflow.graph import graph  # noqa: PLC0415 - the verb's own imports

    nodes = graph(Where(voice.folder, environment))
    drawing = DRAWINGS[form](nodes)
    voice.answer({"nodes": [asdict(node) for node in nodes], "format": form, "drawing": drawing}, drawing)
