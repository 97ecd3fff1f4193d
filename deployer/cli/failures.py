"""Errors into words, JSON and exit codes. The only place that knows the numbers."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress
from enum import IntEnum
from typing import Any

import click

from deployer.cli.text import Paint, paint_for
from deployer.cli.voice import document
from deployer.core import errors


class ExitCode(IntEnum):
    """What the shell gets."""

    DONE = 0
    ERROR = 1
    CHANGES = 2  # with --detailed-exitcode
    LOCKED = 3
    INTERRUPTED = 130


def exit_code(error: BaseException) -> int:
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case errors.LockHeldError():
            return ExitCode.LOCKED
        case click.Abort() | KeyboardInterrupt() | errors.InterruptedApplyError():
            return ExitCode.INTERRUPTED
        case _:
            return ExitCode.ERROR


def report(error: BaseException, command: str, *, as_json: bool) -> int:
    """Says what went wrong: words on stderr, or the one JSON document on stdout. Returns the exit code."""
    code = exit_code(error)
    if isinstance(error, click.exceptions.Exit):
        return code
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return _reader_left()
    with suppress(BrokenPipeError):
        if as_json:
            click.echo(document(command, "error", {"exit_code": code, **describe(error)}))
        else:
            click.echo(words(error, paint_for(sys.stderr)), err=True, color=True)
        return code
    return _reader_left()


def words(error: BaseException, paint: Paint) -> str:
    """For a person: the head in red, the way out below it."""
    head = paint("error:", "red", "bold")
    if isinstance(error, errors.DeployerError):
        return "\n".join(_explained(error, head))
    match error:
        case click.ClickException():
            ctx = getattr(error, "ctx", None)
            usage = f"\n  see: {ctx.command_path} --help" if ctx else ""
            return f"{head} {error.format_message()}{usage}"
        case click.Abort() | KeyboardInterrupt():
            return "interrupted"
        case OSError():
            return f"{head} {error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        case _:
            return f"{head} {_defect(error)}"


def _explained(error: errors.DeployerError, head: str) -> list[str]:
    match error:
        case errors.SpecError() | errors.PreflightError() | errors.ConfigError():
            return [f"{head} {problem}" for problem in error.problems]
        case errors.ApplyError():
            failed = [f"{head} {address}: {message}" for address, message in error.failures.items()]
            left = [f"  not started because of that: {', '.join(error.skipped)}"] if error.skipped else []
            told = any("\n  fix: " in message for message in error.failures.values())
            return [*failed, *left, *([] if told else [f"  fix: {error.fix}"])]
        case _:
            return [f"{head} {error}"]


def _defect(error: BaseException) -> str:
    """Ours, not the user's: where it happened. Values stay out, they may be secret; `DEPLOYER_DEBUG=1` shows all."""
    if os.environ.get("DEPLOYER_DEBUG"):
        return "".join(traceback.format_exception(error))
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return (
        f"a defect in deployer: {type(error).__name__}{where}\n"
        "  fix: nothing recorded is lost; run again with DEPLOYER_DEBUG=1 for the whole trace and report it"
    )


def describe(error: BaseException) -> dict[str, Any]:
    """The `error` object of the JSON schema."""
    if not isinstance(error, errors.DeployerError):
        code = (
            "usage" if isinstance(error, click.ClickException) else "interrupted" if exit_code(error) == ExitCode.INTERRUPTED else "defect"
        )
        return {"code": code, "message": words(error, Paint(on=False)).removeprefix("error: ")}
    facts: dict[str, Any] = {"code": error.code, "message": error.what, "why": error.why, "fix": error.fix, "origin": origin(error.origin)}
    match error:
        case errors.SpecError() | errors.PreflightError() | errors.ConfigError():
            facts["problems"] = [problem_document(problem) for problem in error.problems]
        case errors.ApplyError():
            facts |= {"failures": error.failures, "skipped": list(error.skipped)}
        case errors.DataLossError():
            facts["addresses"] = list(error.addresses)
        case errors.LockHeldError():
            facts["holder"] = error.holder
        case _:
            pass
    return {key: value for key, value in facts.items() if value not in ("", None)}


def problem_document(problem: errors.Problem) -> dict[str, Any]:
    parts = {
        "what": problem.what,
        "path": problem.path,
        "origin": origin(problem.origin),
        "value": problem.value,
        "allowed": problem.allowed,
        "suggestion": problem.suggestion,
    }
    return {key: value for key, value in parts.items() if value not in ("", None)}


def origin(where: errors.Origin | None) -> dict[str, Any] | None:
    return {"file": where.file, "line": where.line, "column": where.column} if where else None


def _reader_left() -> int:
    """The reader of our stdout has gone (`| head`): quiet, and nothing more is flushed into the closed pipe at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.ERROR
