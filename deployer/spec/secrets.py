"""Secrets' values, from the sources the spec names. No message ever holds one, or anything a source printed."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.errors import Problem, SpecError
from deployer.spec.files import open_regular
from deployer.spec.spec import SpecSecret

COMMAND_TIMEOUT = 30.0  # seconds
_MAX_BYTES = 1 << 20


class _UnreadableError(Exception):
    """A source gave no value: what happened, and what would."""

    def __init__(self, what: str, allowed: str) -> None:
        self.what, self.allowed = what, allowed
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class SecretReader:
    """The `Secrets` of a spec: each source is asked once, when its value is first wanted. Threads may share it.

    `folder` is where commands run; `environ` is where `env` sources look, and what commands inherit.
    """

    sources: Mapping[str, SpecSecret]
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    _values: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def __call__(self, name: str) -> str:
        """The value of the secret `name`; raises `SpecError` naming the source that failed, never what it gave."""
        source = self.sources.get(name)
        if source is None:
            raise SpecError([self.unknown(name)])
        with self._lock:
            if name not in self._values:
                self._values[name] = self._read(source)
            return self._values[name]

    def unknown(self, name: str) -> Problem:
        """The problem of a reference to a secret the spec does not declare, still without its place."""
        import difflib  # noqa: PLC0415 - a cold path

        close = difflib.get_close_matches(name, self.sources, n=1)
        suggestion = f"${{secret:{close[0]}}}" if close else ""
        return Problem(f"the secret {name} is not declared", allowed="one of those under `secrets`", suggestion=suggestion)

    def _read(self, source: SpecSecret) -> str:
        try:
            return _text(self._bytes(source))
        except _UnreadableError as error:
            what, allowed = error.what, error.allowed
        # Raised out here, so that no traceback carries the bytes of a value that could not be read.
        raise SpecError([Problem(what, f"secrets.{source.name}", source.origin, None, allowed)])

    def _bytes(self, source: SpecSecret) -> bytes:
        if source.env is not None:
            return self._variable(source.env)
        return _file(source.file) if source.file is not None else self._command(source.command)

    def _variable(self, name: str) -> bytes:
        value = self.environ.get(name)
        if value is None:
            raise _UnreadableError(f"the environment variable {name} is not set", f"set it, e.g. export {name}=...")
        return os.fsencode(value)

    def _command(self, command: tuple[str, ...]) -> bytes:
        program = command[0]
        try:
            # A session of its own, so that a late command goes with everything it started.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env=dict(self.environ),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "its arguments cannot be passed on"
            raise _UnreadableError(f"the command {program} cannot be run: {reason}", "a program and its arguments, no shell") from None
        with process:
            try:
                output = _output(process)
            except (subprocess.TimeoutExpired, TimeoutError):
                raise _UnreadableError(f"the command {program} took over {COMMAND_TIMEOUT:g} seconds", "a command that ends") from None
            finally:
                _kill(process)
        if process.returncode != 0:
            raise _UnreadableError(f"the command {program} ended with code {process.returncode}", "run it by hand to see why")
        return _one_line_end_less(output)


def _output(process: subprocess.Popen[bytes]) -> bytes:
    """What the command prints, no more than would be refused anyway; raises a timeout when it does not end."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    end, output = time.monotonic() + COMMAND_TIMEOUT, b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(output) <= _MAX_BYTES:
            if not selector.select(max(0.0, end - time.monotonic())):
                raise TimeoutError
            chunk = os.read(process.stdout.fileno(), 65_536)
            if not chunk:
                process.wait(max(0.0, end - time.monotonic()))
                return output
            output += chunk
    raise _UnreadableError("the source gives more than 1 MiB", "a shorter value")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a command that is still there, with everything it started. A reaped one's number may be somebody else's."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _file(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return _one_line_end_less(file.read(_MAX_BYTES + 2))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise _UnreadableError(f"the file {path} cannot be read: {reason}", "a file that holds the secret and nothing else") from None


def _one_line_end_less(value: bytes) -> bytes:
    return value.removesuffix(b"\n").removesuffix(b"\r") if value.endswith(b"\n") else value


def _text(value: bytes) -> str:
    if not value:
        raise _UnreadableError("the source gives an empty value", "a value of at least one character")
    if len(value) > _MAX_BYTES:
        raise _UnreadableError("the source gives more than 1 MiB", "a shorter value")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _UnreadableError("the source gives bytes that are not UTF-8", "text; encode other bytes, e.g. as base64") from None
