"""`deployer apply ENV|FILE`."""

from __future__ import annotations

from dataclasses import replace

import click

from deployer.cli.documents import output_documents, plan_document
from deployer.cli.failures import ExitCode
from deployer.cli.options import allowing_loss, approving, changing, environments, speaking
from deployer.cli.partner import Terminal
from deployer.cli.tables import outputs_text
from deployer.cli.text import Paint, count, duration, width
from deployer.cli.voice import Voice
from deployer.workflow.answers import Applied, Options, Where


@click.command("apply")
@click.argument("environment", metavar="ENV|FILE", shell_complete=environments)
@approving
@allowing_loss
@changing
@speaking
def command(voice: Voice, environment: str, options: Options, *, yes: bool, allowed: tuple[str, ...]) -> None:
    """Make ENV as its spec says, or execute exactly the saved plan FILE.

    Checks the machine, takes the lock, plans, shows the plan, asks, applies, waits until everything works, and prints the outputs.

    Ctrl-C once: nothing new starts and what runs is finished and recorded; twice: leaves at once. Either way the next apply goes on.

    Exit code 1 also when the answer was no.
    """
    from deployer.workflow.apply import apply_environment, apply_saved  # noqa: PLC0415 - the verb's own imports
    from deployer.workflow.saved import is_saved_plan  # noqa: PLC0415 - the verb's own imports

    options = replace(options, allowed=allowed)
    terminal, file = Terminal(voice, yes=yes), voice.folder / environment
    if is_saved_plan(file):
        done = apply_saved(file, options, terminal)
    else:
        done = apply_environment(Where(voice.folder, environment), options, terminal)
    answer = {
        "applied": done.changed,
        "plan": plan_document(done.plan),
        "outputs": output_documents(done.outputs),
        "seconds": round(done.seconds, 3),
    }
    voice.answer(answer, _text(done, voice.paint))
    if not done.agreed:
        voice.leave(ExitCode.ERROR)


def _text(done: Applied, paint: Paint) -> str:
    if not done.agreed:
        return "Nothing was changed."
    head = paint(f"Done: {count(len(done.plan.steps), 'step')} in {duration(done.seconds)}.", "green", "bold") if done.changed else ""
    return "\n".join(part for part in (head, outputs_text(done.outputs, paint, width())) if part)
