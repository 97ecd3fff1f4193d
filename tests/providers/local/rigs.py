"""What the tests of the local kinds share: an open provider, wants, other users, small disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.core.protocols import Kind
from deployer.core.resource import Live, Mark, Want
from deployer.core.values import Json
from deployer.providers.local.client import Client
from deployer.providers.registry import Options, open_provider

MARK = Mark("demo", "test")
NOBODY = 65534


def options(root: Path, mark: Mark = MARK) -> Options:
    return Options(root, mark, root.parent / "cache")


def client(root: Path, mark: Mark = MARK) -> Client:
    return Client(options(root, mark))


def kind(name: str, root: Path, mark: Mark = MARK) -> Kind:
    return open_provider("local", options(root, mark)).kinds[name]


def want(made: Kind, config: Mapping[str, Json], name: str = "thing", mark: Mark = MARK) -> Want:
    address = f"test/{made.name}/{name}"
    parsed = made.parse(config)
    object_id = made.identify(address, parsed)
    assert object_id is not None
    return Want(address, object_id, mark.at(address), parsed)


def create(made: Kind, config: Mapping[str, Json], name: str = "thing") -> Live:
    return made.create(want(made, config, name))


def there(made: Kind, object_id: str) -> Live:
    live = made.read([object_id])[object_id]
    assert live is not None
    return live


@contextmanager
def mounted(folder: Path, kind_of: str, *flags: str) -> Iterator[Path]:
    """A file system of its own; the test fails, and says why, where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", kind_of, *flags, kind_of, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"this test needs to mount a {kind_of}: run it as root ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def somebody_else() -> Iterator[Path]:
    """A folder of a user without rights, and us being that user meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="deployer-test-", dir="/tmp"))
    if os.geteuid() != 0:
        yield folder
        shutil.rmtree(folder)
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
