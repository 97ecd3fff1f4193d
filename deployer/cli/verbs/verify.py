"""`deployer verify ENV`."""

from __future__ import annotations

from dataclasses import asdict

import click

from deployer.cli.failures import ExitCode
from deployer.cli.options import environment, speaking
from deployer.cli.partner import Terminal
from deployer.cli.text import Paint, duration
from deployer.cli.voice import Voice
from deployer.workflow.answers import Proof, Where


@click.command("verify")
@environment
@click.argument("components", metavar="[COMPONENT]...", nargs=-1)
@speaking
def command(voice: Voice, environment: str, components: tuple[str, ...]) -> None:
    """Use the platform as a client would, in its own Python environment.

    Exit code 1 when a component does not work.
    """
    from deployer.workflow.verify import verify  # noqa: PLC0415 - the verb's own imports

    terminal = Terminal(voice)
    with terminal.watching():
        proofs = verify(Where(voice.folder, environment), components, terminal)
    good = all(proof.ok for proof in proofs)
    voice.answer({"ok": good, "components": [asdict(proof) for proof in proofs]}, proofs_text(proofs, voice.paint))
    if not good:
        voice.leave(ExitCode.ERROR)


def proofs_text(proofs: tuple[Proof, ...], paint: Paint) -> str:
    if not proofs:
        return "Nothing to verify: no component of this environment says how."
    return "\n".join(
        f"{paint('✓', 'green') if proof.ok else paint('✗', 'red')} {proof.component}: "
        f"{'works' if proof.ok else f'does not work: {proof.detail}'}, {len(proof.steps)} steps in {duration(proof.seconds)}"
        for proof in proofs
    )
