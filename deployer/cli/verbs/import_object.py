"""`deployer import ENV ADDRESS ID`."""

from __future__ import annotations

import click

from deployer.cli.options import environment, locking, speaking
from deployer.cli.voice import Voice
from deployer.workflow.answers import Where


@click.command("import")
@environment
@click.argument("address")
@click.argument("object_id", metavar="ID")
@locking
@speaking
def command(voice: Voice, environment: str, address: str, object_id: str, *, lock_timeout: float) -> None:
    """Take the existing object ID under management as ADDRESS, which the spec must want."""
    from deployer.workflow.import_object import import_object  # noqa: PLC0415 - the verb's own imports

    taken = import_object(Where(voice.folder, environment), address, object_id, lock_timeout)
    text = f"imported: {taken.address} ({taken.id}). The next apply marks it. See: deployer plan {environment}"
    voice.answer({"address": taken.address, "id": taken.id, "kind": taken.kind}, text)
