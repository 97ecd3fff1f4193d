"""`deployer recover ENV`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.options import environment, locking, speaking
from deployer.cli.partner import Terminal
from deployer.cli.text import count
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("recover")
@environment
@locking
@speaking
def command(voice: Voice, environment: str, *, lock_timeout: float) -> None:
    """Rebuild ENV's lost state from the marks on the objects themselves. Objects are only read."""
    from deployer.workflow.recover import recover  # noqa: PLC0415 - the verb's own imports

    done = recover(Where(voice.folder, environment), lock_timeout, Terminal(voice))
    lines = [f"  {item.address}  {item.id}" for item in done.found]
    answer = {"environment": done.environment, "found": [asdict(item) for item in done.found]}
    voice.answer(answer, "\n".join([*lines, f"Recovered {count(len(done.found), 'object')}. See: deployer plan {environment}"]))
