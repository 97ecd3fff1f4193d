"""One file over another: maps merge, lists replace, null removes. Positions follow each value to the file that says it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.core.values import Value
from deployer.spec.places import Places
from deployer.spec.source import Node


def merge(under: Node, over: Node) -> Node:
    """`over` laid on `under`; neither is changed.

    A null removes what `under` has at its key. Where `under` has nothing, what `over` says comes in as it is written, nulls included.
    """
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    merged = dict(under.value)
    for key, node in over.value.items():
        below = merged.get(key)
        if below is None:
            merged[key] = node
        elif node.value is None:
            del merged[key]
        else:
            merged[key] = merge(below, node)
    return Node(merged, over.at, over.key_at)


def stack(layers: Sequence[Node]) -> Node:
    """All layers as one, the lowest last, as a chain of `extends` lists them."""
    merged = layers[-1]
    for layer in reversed(layers[:-1]):
        merged = merge(merged, layer)
    return merged


def flatten(root: Node, files: Sequence[str]) -> Places:
    """The tree as plain data, and where everything in it stands. `files` are the names shown, by number."""
    walk = _Walk()
    data = walk.visit(root)
    return Places(data, tuple(files), walk.at, walk.keys, walk.sizes)


@dataclass(frozen=True, slots=True)
class _Walk:
    at: array[int] = field(default_factory=lambda: array("Q"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))

    def visit(self, node: Node) -> Value:
        index, value = len(self.at), node.value
        self.at.append(node.at)
        self.keys.append(node.key_at)
        self.sizes.append(1)
        data: Value = value
        if isinstance(value, dict):
            data = {key: self.visit(item) for key, item in value.items()}
        elif isinstance(value, list):
            data = [self.visit(item) for item in value]
        self.sizes[index] = len(self.at) - index
        return data
