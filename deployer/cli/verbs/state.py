"""`deployer state list|show|rm|mv`."""

from __future__ import annotations

import json
import sys

import click

from deployer.cli.options import approving, environment, locking, speaking
from deployer.cli.tables import state_table
from deployer.cli.text import table_width
from deployer.cli.voice import Voice
from deployer.core.errors import UsageError
from deployer.workflow.answers import Where


@click.group("state")
def command() -> None:
    """Look into the state and correct it. The objects themselves are never touched."""


@command.command("list")
@environment
@speaking
def list_objects(voice: Voice, environment: str) -> None:
    """List every object in the state."""
    from deployer.workflow.state import read_state, state_document  # noqa: PLC0415 - the verb's own imports

    state = read_state(Where(voice.folder, environment))
    voice.answer(state_document(state), state_table(state, table_width(sys.stdout)))


@command.command("show")
@environment
@click.argument("address")
@speaking
def show(voice: Voice, environment: str, address: str) -> None:
    """Show one object as the state has it."""
    from deployer.workflow.state import find_object, object_document, read_state  # noqa: PLC0415 - the verb's own imports

    document = object_document(find_object(read_state(Where(voice.folder, environment)), address))
    voice.answer(document, json.dumps(document, indent=2, ensure_ascii=False))


@command.command("rm")
@environment
@click.argument("address")
@approving
@locking
@speaking
def remove(voice: Voice, environment: str, address: str, *, yes: bool, lock_timeout: float) -> None:
    """Forget an object; it goes on existing, and the next apply adopts it if the spec still wants it."""
    from deployer.workflow.state import forget  # noqa: PLC0415 - the verb's own imports

    if not yes and not voice.confirm(f"forget {address}?"):
        raise UsageError("nothing was changed")
    gone = forget(Where(voice.folder, environment), address, lock_timeout)
    voice.answer({"forgotten": gone.address, "id": gone.id}, f"forgotten: {gone.address} ({gone.id})")


@command.command("mv")
@environment
@click.argument("source")
@click.argument("address")
@locking
@speaking
def move(voice: Voice, environment: str, source: str, address: str, *, lock_timeout: float) -> None:
    """Give the object at SOURCE the address ADDRESS."""
    from deployer.workflow.state import move as rename  # noqa: PLC0415 - the verb's own imports

    moved = rename(Where(voice.folder, environment), source, address, lock_timeout)
    voice.answer({"source": source, "address": moved.address, "id": moved.id}, f"moved: {source} -> {moved.address}")
