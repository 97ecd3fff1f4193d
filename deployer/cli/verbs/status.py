"""`deployer status ENV`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from deployer.cli.failures import ExitCode
from deployer.cli.options import environment, speaking
from deployer.cli.tables import status_text
from deployer.cli.text import table_width
from deployer.cli.voice import Voice
from deployer.workflow.answers import Health, Where


@click.command("status")
@environment
@speaking
def command(voice: Voice, environment: str) -> None:
    """Show health, URL, version and age of every component, and why something is unhealthy.

    Exit code 1 when anything is unhealthy.
    """
    from deployer.workflow.status import status  # noqa: PLC0415 - the verb's own imports

    seen = status(Where(voice.folder, environment))
    healthy = all(item.health is not Health.UNHEALTHY for item in seen.components)
    voice.answer({"healthy": healthy, **asdict(seen)}, status_text(seen, voice.paint, table_width(sys.stdout)))
    if not healthy:
        voice.leave(ExitCode.ERROR)
