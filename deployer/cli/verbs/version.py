"""`deployer version`."""

from __future__ import annotations

import platform

import click

from deployer import __version__
from deployer.cli.options import speaking
from deployer.cli.voice import Voice


@click.command("version")
@speaking
def command(voice: Voice) -> None:
    """Print the version."""
    python = platform.python_version()
    voice.answer({"version": __version__, "python": python}, f"deployer {__version__} (Python {python})")
