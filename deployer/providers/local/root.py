"""Whether an environment's root can hold what we put there: asked before the first change."""

# ruff: noqa: PTH112
# Ids are path strings; pathlib has no descriptors to keep symbolic links out, and costs time in bulk reads.

from __future__ import annotations

import errno
import os
import tempfile

from deployer.core.errors import Problem
from deployer.providers.local import marks
from deployer.providers.local.kind import standing, unwritable

WHERE = "settings.root"


def problems(root: str) -> list[Problem]:
    """Spaces in the path, a root that is no folder, not writable or without user attributes.

    Room is asked for by the kinds that will take some: an apply may be the one that makes room.
    """
    found: list[Problem] = []
    if any(character.isspace() for character in root):
        found.append(Problem(f"the root {root!r} has spaces in its path", WHERE, allowed=_SPACES))
    if os.path.lexists(root) and not os.path.isdir(root):
        return [*found, Problem(f"the root {root} is not a folder", WHERE, allowed="remove it or set settings.root to another path")]
    folder = standing(root)
    denied = unwritable(folder, WHERE)
    return [*found, *(denied or _without_attributes(folder))]


_SPACES = "programs that are started through a `#!` line cannot live there: set settings.root to a path without spaces"


def _without_attributes(folder: str) -> list[Problem]:
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.setxattr(probe.fileno(), marks.MARK, b"{}")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return []
        fix = "set settings.root to a folder on ext4, xfs, btrfs or tmpfs (Linux 6.6 or newer)"
        return [Problem(f"the file system of {folder} keeps no marks: {error.strerror}", WHERE, allowed=fix)]
    return []
