"""`deployer modules [COMPONENT[/MODULE]]`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from deployer.cli.options import speaking
from deployer.cli.tables import module_page, modules_table
from deployer.cli.text import table_width
from deployer.cli.voice import Voice


@click.command("modules")
@click.argument("name", metavar="[COMPONENT[/MODULE]]", required=False)
@speaking
def command(voice: Voice, name: str | None) -> None:
    """List what components can be made of, or describe one module: inputs, outputs, versions."""
    from deployer.workflow.modules import module_pages  # noqa: PLC0415 - the verb's own imports

    pages = module_pages(voice.folder, name)
    in_full = name is not None and (len(pages) == 1 or "/" in name)
    text = module_page(pages[0], voice.paint) if in_full else modules_table(pages, table_width(sys.stdout))
    voice.answer({"modules": [asdict(page) for page in pages]}, text)
