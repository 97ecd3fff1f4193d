"""`deployer validate ENV`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.options import environment, speaking
from deployer.cli.text import count, duration
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("validate")
@environment
@speaking
def command(voice: Voice, environment: str) -> None:
    """Check ENV's files, and report every mistake at once. Touches nothing."""
    from deployer.workflow.validate import validate  # noqa: PLC0415 - the verb's own imports stay off the help page

    seen = validate(Where(voice.folder, environment))
    parts = ", ".join(f"{component} ({module})" for component, module in seen.components.items()) or "no components"
    text = (
        f"{seen.file} is valid: {seen.platform}/{seen.environment} on {seen.target}; {parts}; "
        f"{count(seen.resources, 'resource')}. {duration(seen.seconds)}."
    )
    voice.answer({**asdict(seen), "components": dict(seen.components)}, text)
