"""`deployer logs ENV COMPONENT`."""

from __future__ import annotations

import click

from deployer.cli.options import environment, speaking
from deployer.cli.voice import Voice
from deployer.core.errors import UsageError
from deployer.workflow.answers import Where


@click.command("logs")
@environment
@click.argument("component")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until Ctrl-C.")
@click.option("-n", "--lines", metavar="N", type=click.IntRange(min=0), default=100, show_default=True, help="How many of the last lines.")
@speaking
def command(voice: Voice, environment: str, component: str, lines: int, *, follow: bool) -> None:
    """Print the end of COMPONENT's log. COMPONENT may also be the address of a resource."""
    from deployer.workflow.logs import follow_log, last_lines, log_file  # noqa: PLC0415 - the verb's own imports

    if follow and voice.json:
        raise UsageError("--follow has no end, and --json is one document", fix="leave one of them out")
    file = log_file(Where(voice.folder, environment), component)
    if voice.json:
        voice.answer({"component": component, "file": str(file), "lines": last_lines(file, lines)}, "")
        return
    for line in follow_log(file, lines) if follow else last_lines(file, lines):
        voice.write(line)
