"""A spec file and what it extends, read from the top down; every mistake on the way is kept, none stops the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.errors import Origin, Problem
from deployer.spec.files import Shown, absolute, read_bytes
from deployer.spec.places import unpack
from deployer.spec.source import Node, parse

VERSION = 1
MAX_FILES = 32
_TOP = "a map with version, platform, target and more"


@dataclass(slots=True)
class Chain:
    """What was read. `whole` unless a file is missing, unreadable or broken: then what is absent proves nothing."""

    paths: list[Path] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    layers: list[Node] = field(default_factory=list)  # the file itself first
    problems: list[Problem] = field(default_factory=list)
    whole: bool = True
    newer: bool = False  # a file speaks a version we do not: its other mistakes mean nothing


def read_chain(file: Path, shown: Shown) -> Chain:
    """Follows `extends` to its end."""
    chain = Chain()
    path: Path | None = file
    asked: Origin | None = None
    while path is not None:
        content = _content(path, chain, shown, asked)
        if isinstance(content, Problem):
            chain.problems.append(content)
            chain.whole = False
            return chain
        chain.paths.append(path)
        chain.contents.append(content)
        root = _layer(content, shown(path), chain)
        path, asked = (None, None) if root is None else _extended(root, path, chain, shown)
    return chain


def _content(path: Path, chain: Chain, shown: Shown, asked: Origin | None) -> bytes | Problem:
    real = os.path.realpath(path) if "\0" not in str(path) else str(path)
    seen = [os.path.realpath(earlier) for earlier in chain.paths]
    if real in seen:
        circle = " -> ".join(shown(step) for step in (*chain.paths[seen.index(real) :], path))
        return Problem(f"files extend one another in a circle: {circle}", "extends", asked, None, "a chain that ends")
    if len(chain.paths) >= MAX_FILES:
        return Problem("the chain of files is too long", "extends", asked, None, f"at most {MAX_FILES} files")
    return read_bytes(path, shown, asked, "extends" if asked else "")


def _layer(content: bytes, name: str, chain: Chain) -> dict[str, Node] | None:
    """Reads one file into the chain; returns its top-level map, if it has one."""
    source = parse(content, name, len(chain.paths) - 1)
    chain.problems += source.problems
    chain.whole &= source.whole
    root = source.root
    if root is None or not isinstance(root.value, dict) or not root.value:
        if source.whole:
            chain.problems.append(_not_a_map(root, name))
        chain.whole = False
        return None
    if source.whole:
        chain.layers.append(root)
        _check_version(root.value, name, chain)
    return root.value


def _not_a_map(root: Node | None, name: str) -> Problem:
    if root is None or root.value is None or root.value == {}:
        return Problem("the file is empty", "", Origin(name), None, _TOP)
    what = "a list" if isinstance(root.value, list) else "a single value"
    return Problem(f"the file holds {what}", "", Origin(name, *unpack(root.at)), None, _TOP)


def _check_version(root: Mapping[str, Node], name: str, chain: Chain) -> None:
    node = root.get("version")
    if node is not None and type(node.value) is int and node.value > VERSION:
        origin = Origin(name, *unpack(node.at))
        allowed = f"version {VERSION}, or a newer deployer"
        chain.problems.append(Problem("written for a newer deployer", "version", origin, str(node.value), allowed))
        chain.newer = True


def _extended(root: Mapping[str, Node], path: Path, chain: Chain, shown: Shown) -> tuple[Path | None, Origin | None]:
    node = root.get("extends")
    if node is None or node.value is None:
        return None, None
    origin = Origin(shown(path), *unpack(node.at))
    if not isinstance(node.value, str) or not node.value:
        chain.problems.append(Problem("must be text", "extends", origin, None, "the path of one YAML file, relative to this file"))
        chain.whole = False
        return None, None
    return absolute(Path(node.value), path.parent), origin
