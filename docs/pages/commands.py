"""docs/cli.md: every verb with its arguments and options, as click has them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from deployer.cli.app import VERBS, root
from pages.tables import grid

HEAD = """\
# The command

`deployer [-C DIR] VERB ...`. ENV is a name under `environments/` or the path of a file. `-C DIR` names the project's folder (also after the
verb), `--json` makes stdout one JSON document ([output-schema.md](output-schema.md)) and `-h` explains a verb; all verbs take them.

## Exit codes

| code | meaning |
|---|---|
| 0 | done, or nothing to do |
| 1 | an error, or what the verb's text below says |
| 2 | changes are pending, with `--detailed-exitcode` |
| 3 | somebody else holds the lock |
| 130 | interrupted |

## Environment variables

| variable | |
|---|---|
| `NO_COLOR` | no colours, whatever the terminal can do |
| `XDG_CACHE_HOME` | where finished Python environments and parsed specs are kept for all projects (default `~/.cache`) |

"""
EVERYWHERE = frozenset({"folder", "as_json", "help"})


def pages() -> Iterator[tuple[str, str]]:
    """(file under docs/, text)."""
    context = click.Context(root, info_name="deployer")
    verbs = [_verb(root.get_command(context, name), context, name) for name in VERBS]
    yield "cli.md", HEAD + "## Verbs\n\n" + ", ".join(f"[{name}](#{name})" for name in VERBS) + "\n" + "".join(verbs)


def _verb(command: click.Command | None, context: click.Context, name: str) -> str:
    if command is None:
        raise KeyError(name)
    inner = click.Context(command, info_name=name, parent=context)
    if isinstance(command, click.Group):
        below = [_verb(command.commands[verb], inner, verb) for verb in command.commands]
        return f"\n### {name}\n\n{_help(command)}\n" + "".join(text.replace("\n### ", f"\n### {name} ", 1) for text in below)
    usage = " ".join([inner.command_path, *(piece for piece in command.collect_usage_pieces(inner) if piece != "[OPTIONS]")])
    return f"\n### {name}\n\n```\n{usage}\n```\n\n{_help(command)}\n{_options(command, inner)}"


def _help(command: click.Command) -> str:
    """The text without click's sign for lines that stay as they are; those become a block of code."""
    text = inspect.cleandoc(command.help or "")
    return re.sub(r"\x08\n((?:.+\n?)+)", lambda found: f"```\n{found[1].rstrip()}\n```", text)


def _options(command: click.Command, context: click.Context) -> str:
    told = [item for item in command.params if isinstance(item, click.Option) and item.name not in EVERYWHERE]
    records = [item.get_help_record(context) for item in told]
    rows = [(f"`{record[0]}`", record[1].replace("  [", " [")) for record in records if record is not None]
    return grid(("option", ""), rows) if rows else ""
