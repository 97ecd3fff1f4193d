"""`deployer plan ENV`."""

from __future__ import annotations

from pathlib import Path

import click

from deployer.cli.documents import plan_document
from deployer.cli.failures import ExitCode
from deployer.cli.options import detailed, environment, speaking
from deployer.cli.partner import Terminal
from deployer.cli.render import render_plan
from deployer.cli.text import width
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("plan")
@environment
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for `deployer apply FILE`.")
@click.option("--destroy", is_flag=True, help="Plan the removal of everything instead.")
@detailed
@speaking
def command(voice: Voice, environment: str, out: Path | None, *, destroy: bool, detailed: bool) -> None:
    """Show what apply would do, and why. Changes nothing and takes no lock."""
    from deployer.workflow.plan import plan_destruction, plan_environment  # noqa: PLC0415 - the verb's own imports

    out = voice.folder / out if out else None
    where, terminal = Where(voice.folder, environment), Terminal(voice)
    made = plan_destruction(where, terminal, out=out) if destroy else plan_environment(where, terminal, out=out)
    text = render_plan(made, voice.paint, width())
    if out:
        text += f"\nsaved: {out}; run it with: deployer apply {out}"
    voice.answer({"plan": plan_document(made), "saved": str(out) if out else None}, text)
    if detailed and not made.empty:
        voice.leave(ExitCode.CHANGES)
