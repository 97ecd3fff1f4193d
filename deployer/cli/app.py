"""The command: a table of verbs, of which only the asked-for one is imported."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from deployer import __version__
from deployer.cli.failures import report

# verb -> file under verbs/, what it does; the help page is made from this table alone
VERBS: Mapping[str, tuple[str, str]] = {
    "init": ("init", "Start a project: a commented environment, .gitignore and README."),
    "validate": ("validate", "Check an environment's files; every mistake at once."),
    "plan": ("plan", "Show what apply would do."),
    "apply": ("apply", "Make it so: an environment, or a saved plan."),
    "destroy": ("destroy", "Remove everything of an environment, with a receipt."),
    "status": ("status", "Health, URLs and the cause of anything unhealthy."),
    "verify": ("verify", "Use the platform as a client would."),
    "output": ("output", "Print URLs, URIs and settings for clients."),
    "logs": ("logs", "Print a component's log, and follow it."),
    "modules": ("modules", "List and describe what components can be made of."),
    "graph": ("graph", "Print the resources and their order (Mermaid, DOT)."),
    "schema": ("schema", "Print or write the JSON Schema for editors."),
    "state": ("state", "Look into the state and correct it."),
    "recover": ("recover", "Rebuild a lost state from the marks in the world."),
    "import": ("import_object", "Take an existing object under management."),
    "unlock": ("unlock", "Show who holds the lock; remove a dead holder's."),
    "doctor": ("doctor", "Check this machine, each failure with its fix."),
    "completion": ("completion", "Print the completion script for a shell."),
    "version": ("version", "Print the version."),
}
COMPLETE = "_DEPLOYER_COMPLETE"


class Verbs(click.Group):
    """Loads a verb's file when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"deployer.cli.verbs.{VERBS[cmd_name][0]}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - only for a verb that is none

            near = get_close_matches(args[0], VERBS, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no verb {args[0]!r}{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=Verbs, no_args_is_help=False, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The project's folder [default: here].")
@click.option("--version", is_flag=True, help="Print the version and leave.")
@click.pass_context
def root(ctx: click.Context, folder: Path | None, *, version: bool) -> None:
    """One file becomes a machine-learning platform: plan it, apply it, use it.

    ENV is a name under environments/ or the path of a file. Every verb takes --json.
    """
    ctx.obj = folder
    if version:
        click.echo(f"deployer {__version__}")
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    else:
        return
    ctx.exit()


def run(args: Sequence[str]) -> int:
    """Runs one command line; returns its exit code. Nothing below here exits."""
    instruction = os.environ.get(COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete  # noqa: PLC0415 - only the shell asks for it

        return shell_complete(root, {}, "deployer", COMPLETE, instruction)
    words = args[: args.index("--")] if "--" in args else args
    command = next((word for word in words if word in VERBS), "")
    try:
        with root.make_context("deployer", list(args)) as context:
            root.invoke(context)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where everything ends as an exit code
        return report(error, command, as_json="--json" in words)
    return 0
