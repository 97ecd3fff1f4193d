"""A project in a folder of its own, and the installed command to drive it with."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "deployer"
DATA = ("database/local.sqlite/store", "artifacts/local.directory/store")
LIMIT = 420  # seconds a command may take; the first one builds a Python environment of 600 MB


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - a document of any shape
        return json.loads(self.out)

    @property
    def result(self) -> Any:  # noqa: ANN401 - a document of any shape
        """What the `--json` document says of the matter."""
        return self.json["result"]

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass(slots=True)
class Project:
    """A folder with environments, and the command run in it."""

    folder: Path
    command: tuple[str, ...] = (str(COMMAND),)
    variables: dict[str, str] = field(default_factory=dict)

    def write(self, environment: str, text: str) -> None:
        file = self.folder / "environments" / f"{environment}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int | None = 0) -> Said:
        """Runs the command to its end; `code` is the exit code it must have, None for any."""
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False, timeout=LIMIT
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert code is None or said.code == code, f"deployer {' '.join(arguments)}: {said}"
        return said

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the command, in a session of its own as a shell would give it a process group."""
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment(),
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DEPLOYER_"))}
        return {**kept, **self.variables, "NO_COLOR": "1"}

    def root(self, environment: str = "local") -> Path:
        return self.folder / ".deployer" / environment / "root"

    def state(self, environment: str = "local") -> Path:
        return self.folder / ".deployer" / environment / "state"

    def outputs(self, environment: str = "local") -> dict[str, str]:
        """The variables `deployer output --format env` prints, secrets included."""
        lines = self.run("output", environment, "--format", "env", "--reveal").out.splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
        return {name: value.strip("'\"") for name, value in pairs}

    def processes(self) -> list[psutil.Process]:
        """Every process that has something to do with the folder."""
        return [process for process in psutil.process_iter() if _belongs(process, str(self.folder))]

    def clear(self) -> None:
        """Ends what still runs, whatever the test left."""
        ours = self.processes()
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(ours, timeout=10)


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        words = [*process.cmdline(), process.cwd()]
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
    return process.pid != os.getpid() and any(word.startswith(folder) or f"={folder}" in word for word in words)


def wait_for(truth: Callable[[], object], seconds: float, what: str) -> None:
    """Waits until `truth()`; fails naming `what`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if truth():
            return
        time.sleep(0.2)
    pytest.fail(f"waited {seconds} s for {what}")


def allowing(*addresses: str) -> list[str]:
    """The flags that let data go."""
    return [word for address in addresses or DATA for word in ("--allow-data-loss", address)]
