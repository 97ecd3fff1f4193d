"""`deployer schema`."""

from __future__ import annotations

import json

import click

from deployer.cli.options import speaking
from deployer.cli.voice import Voice


@click.command("schema")
@click.option("--write", is_flag=True, help="Write it to .deployer/schema.json, where the environments' first line points.")
@speaking
def command(voice: Voice, *, write: bool) -> None:
    """Print the JSON Schema of environment files, every component's inputs included."""
    from deployer.workflow.schema import schema, write_schema  # noqa: PLC0415 - the verb's own imports

    if write:
        file = write_schema(voice.folder)
        voice.answer({"file": str(file)}, f"written: {file}")
    else:
        content = schema(voice.folder)
        voice.answer({"schema": content}, json.dumps(content, indent=2, ensure_ascii=False))
