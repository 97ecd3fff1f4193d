"""Where words go: the answer to stdout, everything else to stderr, both as JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from deployer.cli.text import Paint, is_terminal, paint_for
from deployer.core.errors import UsageError

SCHEMA = "deployer/1"


@dataclass(frozen=True, slots=True)
class Voice:
    """One command's way of speaking. `folder` is the project's (`-C`)."""

    command: str
    folder: Path
    json: bool = False

    @property
    def paint(self) -> Paint:
        return paint_for(sys.stdout)

    @property
    def aside(self) -> Paint:
        """The colours of stderr."""
        return paint_for(sys.stderr)

    def answer(self, result: Mapping[str, Any], text: str) -> None:
        """The answer: one JSON document, or text; nothing to say is not an empty line."""
        if self.json or text:
            self.write(document(self.command, "result", result) if self.json else text)

    def show(self, text: str) -> None:
        """Part of the answer that JSON carries elsewhere."""
        if not self.json:
            self.write(text)

    def write(self, text: str) -> None:
        """Text on stdout as it is."""
        click.echo(text, color=True)

    def say(self, text: str) -> None:
        """Progress. A broken stderr never stops the work."""
        with suppress(OSError, ValueError):
            click.echo(json.dumps({"schema": SCHEMA, "event": "note", "detail": text}) if self.json else text, err=True, color=True)

    def can_ask(self) -> bool:
        return not self.json and is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def confirm(self, question: str, *, flag: str = "-y") -> bool:
        """Asks a person; without one, an error that names the flag to pass."""
        if not self.can_ask():
            raise UsageError("nobody is there to answer", why=question, fix=f"pass {flag}")
        return click.confirm(question, default=False, err=True)

    def ask(self, question: str) -> str:
        """A line typed by a person."""
        answer: str = click.prompt(question, default="", show_default=False, err=True)
        return answer

    def leave(self, code: int) -> NoReturn:
        """Ends the command with an exit code other than 0."""
        raise click.exceptions.Exit(code)


def document(command: str, name: str, content: Mapping[str, Any]) -> str:
    """The one JSON document of a command, on one line."""
    return json.dumps({"schema": SCHEMA, "command": command, name: content}, ensure_ascii=False)
