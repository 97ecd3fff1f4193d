"""The arguments many verbs share, said once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click
from click.shell_completion import CompletionItem

from deployer.cli.voice import Voice
from deployer.workflow.answers import Options
from deployer.workflow.project import FOLDER, project_of

F = TypeVar("F", bound=Callable[..., Any])
Decorator: TypeAlias = Callable[[F], F]


def speaking(body: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `-C` and `--json`, and hands the body a `Voice` as its first argument."""

    @click.option("-C", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The project's folder [default: here].")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout; events as JSON lines on stderr.")
    @click.pass_context
    @functools.wraps(body)
    def spoken(ctx: click.Context, /, *args: object, folder: Path | None, as_json: bool, **kwargs: object) -> None:
        above = ctx.find_root().obj
        whole = (above or Path()) / (folder or Path())
        voice = Voice(" ".join(ctx.command_path.split()[1:]), whole, as_json)
        _tell_project(voice, kwargs.get("environment"))
        body(voice, *args, **kwargs)

    return spoken


def _tell_project(voice: Voice, environment: object) -> None:
    """A project found below the folder we are in is worth a word, before anything is done to it."""
    if not isinstance(environment, str) or "/" in environment or (voice.folder / FOLDER).is_dir() or (voice.folder / environment).is_file():
        return
    project = project_of(voice.folder)
    if project != voice.folder.absolute():
        voice.say(f"project: {project}")


def environments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    folder = (ctx.find_root().params.get("folder") or Path()) / (ctx.params.get("folder") or Path())
    names = sorted(path.stem for path in (folder / "environments").glob("*.yaml"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def environment(body: F) -> F:
    return click.argument("environment", metavar="ENV", shell_complete=environments)(body)


def optional_environment(body: F) -> F:
    return click.argument("environment", metavar="[ENV]", required=False, shell_complete=environments)(body)


def approving(body: F) -> F:
    return click.option("-y", "--auto-approve", "yes", is_flag=True, help="Do not ask before changing anything.")(body)


def locking(body: F) -> F:
    return click.option(
        "--lock-timeout", metavar="SECONDS", type=click.FloatRange(min=0), default=0.0, help="Wait this long for a held lock."
    )(body)


def changing(body: Callable[..., Any]) -> Callable[..., Any]:
    """How an apply or a destroy is to be done, handed over as one `Options`."""

    @click.option("--parallelism", metavar="N", type=click.IntRange(1, 256), default=10, show_default=True, help="Steps at the same time.")
    @locking
    @functools.wraps(body)
    def told(*args: object, parallelism: int, lock_timeout: float, **kwargs: object) -> None:
        body(*args, options=Options(parallelism, lock_timeout), **kwargs)

    return told


def allowing_loss(body: F) -> F:
    return click.option(
        "--allow-data-loss",
        "allowed",
        metavar="ADDRESS",
        multiple=True,
        help="Let this object's data go (repeatable; `all`: every object's).",
    )(body)


def detailed(body: F) -> F:
    return click.option("--detailed-exitcode", "detailed", is_flag=True, help="Exit 2 when changes are pending.")(body)
