"""`deployer unlock ENV`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.options import approving, environment, speaking
from deployer.cli.tables import holder_text
from deployer.cli.voice import Voice
from deployer.core.errors import UsageError
from deployer.workflow.answers import Where


@click.command("unlock")
@environment
@approving
@click.option("--force", is_flag=True, help="Remove the lock of a holder that seems to live; its next write is refused.")
@speaking
def command(voice: Voice, environment: str, *, yes: bool, force: bool) -> None:
    """Show who holds ENV's lock, and remove the lock when the holder is dead."""
    from deployer.workflow.unlock import break_lock, lock_report  # noqa: PLC0415 - the verb's own imports

    where = Where(voice.folder, environment)
    found = lock_report(where)
    if found.holder is None:
        voice.answer({"holder": None, "removed": False}, "Nobody holds the lock.")
        return
    told = holder_text(found.holder)
    if found.alive and not force:
        raise UsageError(f"the lock is held by {told}", why="the holder lives", fix="wait for it, or pass --force")
    voice.say(f"The lock is held by {told}{', which seems to live' if found.alive else ', which is dead'}.")
    if not yes and not voice.confirm("remove the lock?"):
        raise UsageError("nothing was changed")
    break_lock(where, found.holder)
    voice.answer({"holder": asdict(found.holder), "alive": found.alive, "removed": True}, "The lock is removed.")
