"""Compiled Python environments, built once per machine by uv and then hard-linked into place.

A template lies in `<cache>/envs/<key>`; the key holds the lock's text and the interpreter. It is built beside under a lock that the
uv process itself also holds, so that a build whose deployer was killed ends before the next one clears its remains away.
"""

# ruff: noqa: PTH102, PTH112, PTH114, PTH119, PTH208
# Copying an environment touches 40,000 paths; pathlib would double its time.

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from deployer.core.errors import ProviderError
from deployer.core.values import Json
from deployer.providers.local.client import explaining

FORMAT = 2  # raise it when templates are built differently
NOTE = "deployer.json"  # written last: an environment without it is not complete
CONTENTS = "contents"  # in the note: what must be there
LOCK = "requirements.lock"
NAMED = 3  # missing packages in a message
LAST_LINES = 12  # of uv's output in an error
MEGABYTES_PER_PACKAGE = 10  # installed and compiled; 9.5 for MLflow's 87 packages
# Whatever would make uv's result depend on the shell deployer was called from.
DROPPED = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONHOME",
    "UV_PROJECT_ENVIRONMENT",
    "UV_SYSTEM_PYTHON",
)
TRANSIENT = re.compile(r"failed to fetch|timed? ?out|connection|dns error|error sending request|50[234]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an environment is made of. `python` is an interpreter's path or a version; None means deployer's own."""

    lock: str
    python: str | None

    @property
    def digest(self) -> str:
        """Follows from the recipe alone; with no interpreter named, the minor version of ours counts."""
        version = self.python or f"{sys.version_info.major}.{sys.version_info.minor}"
        return sha256(json.dumps([FORMAT, version, self.lock]).encode()).hexdigest()

    @property
    def packages(self) -> int:
        return sum("==" in line for line in self.lock.splitlines() if not line.startswith((" ", "#")))


def interpreter(python: str | None) -> str | None:
    """The path of the interpreter asked for, or None when this machine does not have it. Never downloads one."""
    if python is None:
        return os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    if "/" in python:
        return python if os.access(python, os.X_OK) else None
    found = subprocess.run([_uv(), "python", "find", "--system", python], env=_environment(), capture_output=True, text=True, check=False)
    return os.path.realpath(found.stdout.strip()) if found.returncode == 0 else None


def template(cache: Path, recipe: Recipe) -> Path:
    """The finished template for the recipe, built now if it is not there. Takes a second warm, up to minutes cold."""
    python = interpreter(recipe.python)
    if python is None:
        raise ProviderError(f"there is no Python {recipe.python} on this machine", fix=missing_fix(recipe.python))
    envs = cache / "envs"
    key = template_name(recipe, python)
    ready = envs / key
    with explaining("build a Python environment in", str(envs)):
        envs.mkdir(0o700, parents=True, exist_ok=True)
        if complete(ready):
            return ready
        with _lock(envs / f"{key}.lock") as held:
            if not complete(ready):
                _clear(envs / f"{key}.new", ready)
                _build(envs / f"{key}.new", recipe, python, held)
                os.sync()  # a power loss must not leave a finished name on unwritten files
                (envs / f"{key}.new").rename(ready)
    return ready


def template_name(recipe: Recipe, python: str) -> str:
    return sha256(f"{recipe.digest} {python}".encode()).hexdigest()[:24]


def missing_fix(python: str | None) -> str:
    if python and "/" in python:
        return "install one there, or name another interpreter in settings.python"
    return f"install Python {python}, or name another interpreter in settings.python (deployer never downloads one)"


def complete(folder: Path | str) -> bool:
    """Whether the environment was finished and nothing is missing."""
    return not damage(folder)


def damage(folder: Path | str) -> str:
    """What is wrong with an environment as far as a look at its top levels tells, without starting it; "" when nothing is."""
    if not isinstance(expected := note(folder).get(CONTENTS), list):
        return "not finished"
    if not os.access(f"{folder}/bin/python", os.X_OK):
        return "bin/python is missing"
    missing = sorted(set(map(str, expected)) - set(map(str, contents(folder))))
    return f"{len(missing)} missing: {', '.join(missing[:NAMED])}" if missing else ""


def contents(folder: Path | str) -> list[Json]:
    """Its packages and programs by name."""
    packages = [str(path) for path in Path(folder).glob("lib/python*/site-packages")]
    return [f"{os.path.basename(each)}/{name}" for each in (f"{folder}/bin", *packages) if os.path.isdir(each) for name in os.listdir(each)]


def note(folder: Path | str) -> dict[str, Json]:
    """What was noted when the environment was finished; empty when it was not."""
    with suppress(OSError, ValueError):
        found = json.loads(Path(folder, NOTE).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def write_note(folder: Path, note: Mapping[str, Json]) -> None:
    (folder / NOTE).write_text(json.dumps(note), encoding="utf-8")


def copy(source: Path, target: Path) -> None:
    """A copy by hard links; real copies where the file systems differ. The finishing note is written by the caller."""
    target.mkdir(0o700)
    for folder, names, files in os.walk(source):
        there = str(target) + folder[len(str(source)) :]
        for name in names:
            if not os.path.islink(f"{folder}/{name}"):
                os.mkdir(f"{there}/{name}", 0o700)
        for name in (*files, *(name for name in names if os.path.islink(f"{folder}/{name}"))):
            if (folder, name) != (str(source), NOTE):
                _link(f"{folder}/{name}", f"{there}/{name}")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _build(folder: Path, recipe: Recipe, python: str, held: int) -> None:
    lock = folder.with_suffix(".txt")
    lock.write_text(recipe.lock, encoding="utf-8")
    made = ("venv", "--relocatable", "--no-project", "--python", python, str(folder))
    filled = ("pip", "sync", "--require-hashes", "--compile-bytecode", "--python", f"{folder}/bin/python", str(lock))
    for arguments in (made, filled):
        _run(arguments, held, folder.parent)
    lock.replace(folder / LOCK)
    write_note(folder, {"digest": recipe.digest, "interpreter": python, CONTENTS: contents(folder)})


def _run(arguments: Sequence[str], held: int, folder: Path) -> None:
    """Runs uv. In a session of its own: Ctrl-C lets running work end."""
    command = [_uv(), *arguments, "--no-progress", "--color", "never"]
    done = subprocess.run(
        command, env=_environment(), cwd=folder, pass_fds=(held,), capture_output=True, text=True, check=False, start_new_session=True
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        fix, transient = _advice(said)
        raise ProviderError(f"uv {arguments[0]} failed (exit code {done.returncode})", why=said, fix=fix, transient=transient)


def _advice(said: str) -> tuple[str, bool]:
    """What to do about uv's words, and whether trying again may help."""
    if "os error 28" in said:
        return "the disk is full: free some space and run apply again", False
    if "hash" not in said.lower() and TRANSIENT.search(said):
        return "check the network and uv's index settings (a package that was fetched once is kept)", True
    return "mend the lock file: its packages must be pinned, hashed and made for this Python", False


def _uv() -> str:
    from uv import find_uv_bin  # noqa: PLC0415 - only when an environment is built

    return find_uv_bin()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return kept | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)


def _clear(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
