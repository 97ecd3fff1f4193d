"""`deployer destroy ENV`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from deployer.cli.documents import plan_document
from deployer.cli.failures import ExitCode
from deployer.cli.options import allowing_loss, approving, changing, environment, speaking
from deployer.cli.partner import Terminal
from deployer.cli.text import Paint, duration
from deployer.cli.voice import Voice
from deployer.workflow.answers import Options, Receipt, Where


@click.command("destroy")
@environment
@approving
@click.option("--keep-data", is_flag=True, help="Keep what holds data without asking.")
@allowing_loss
@changing
@speaking
def command(voice: Voice, environment: str, options: Options, *, yes: bool, **flags: Any) -> None:  # noqa: ANN401 - the two flags below
    """Remove everything of ENV, then look again: "0 left", or exactly what is.

    What holds data is kept, with what it stands on, and a later apply adopts it. To let it go too, name it with
    --allow-data-loss, or type the environment's name when asked; --keep-data keeps it without asking.
    """
    from deployer.workflow.destroy import destroy  # noqa: PLC0415 - the verb's own imports

    options = replace(options, keep_data=flags["keep_data"], allowed=flags["allowed"])
    receipt = destroy(Where(voice.folder, environment), options, Terminal(voice, yes=yes))
    answer = {
        "destroyed": receipt.agreed,
        "plan": plan_document(receipt.plan),
        "deleted": list(receipt.deleted),
        "kept": [asdict(item) for item in receipt.kept],
        "left": [asdict(item) for item in receipt.left],
        "seconds": round(receipt.seconds, 3),
    }
    voice.answer(answer, receipt_text(receipt, voice.paint))
    if receipt.left or not receipt.agreed:
        voice.leave(ExitCode.ERROR)


def receipt_text(receipt: Receipt, paint: Paint) -> str:
    """The receipt's last lines; "0 left" is what people and scripts look for."""
    if not receipt.agreed:
        return "Nothing was changed."
    lines = [f"  kept  {item.address}  {item.id}" for item in receipt.kept]
    lines += [paint(f"  left  {item.address or '(no address)'}  {item.kind}  {item.id}", "red") for item in receipt.left]
    kept = f", {len(receipt.kept)} kept" if receipt.kept else ""
    if receipt.kept:
        lines.append("  data is kept, and a later apply adopts it; to let it go: --allow-data-loss all")
    head = f"Destroyed: {len(receipt.deleted)} gone{kept}, {len(receipt.left)} left. {duration(receipt.seconds)}."
    return "\n".join([*lines, paint(head, "red" if receipt.left else "green", "bold")])
