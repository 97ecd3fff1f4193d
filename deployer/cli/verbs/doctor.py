"""`deployer doctor [ENV]`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.failures import ExitCode, problem_document
from deployer.cli.options import optional_environment, speaking
from deployer.cli.tables import checks_text
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("doctor")
@optional_environment
@speaking
def command(voice: Voice, environment: str | None) -> None:
    """Check this machine, and what ENV needs of it; each failure with its fix.

    Exit code 1 when something has to be mended.
    """
    from deployer.workflow.doctor import examine  # noqa: PLC0415 - the verb's own imports

    seen = examine(Where(voice.folder, environment) if environment else None)
    good = not seen.problems and all(check.ok or check.warning for check in seen.checks)
    answer = {
        "ok": good,
        "checks": [asdict(check) for check in seen.checks],
        "problems": [problem_document(problem) for problem in seen.problems],
    }
    voice.answer(answer, checks_text(seen, voice.paint))
    if not good:
        voice.leave(ExitCode.ERROR)
