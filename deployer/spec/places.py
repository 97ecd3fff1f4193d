"""Where every value of a merged spec stands, packed into flat arrays so that ten thousand resources stay cheap."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from deployer.core.errors import Origin
from deployer.core.values import Value

# One unsigned 64-bit number per position: 10 bits of file, 27 of line, 27 of column; 27 hold any place in the largest file we read.
_BITS = 27
_MASK = (1 << _BITS) - 1


def pack(file: int, line: int, column: int) -> int:
    """One number for a position; `line` and `column` count from 1."""
    return file << 2 * _BITS | line << _BITS | column


def file_of(packed: int) -> int:
    """The number of the file a position lies in."""
    return packed >> 2 * _BITS


def unpack(packed: int) -> tuple[int, int]:
    """Line and column of a position."""
    return packed >> _BITS & _MASK, packed & _MASK


@dataclass(frozen=True, slots=True)
class Places:
    """Plain data, and the positions of its nodes in the order a walk meets them: a container before its children.

    `at` holds where the value stands, `keys` where its key does (0 for list items and the root), `sizes` how many nodes it spans.
    """

    data: Value
    files: tuple[str, ...]  # as shown to people
    at: array[int]
    keys: array[int]
    sizes: array[int]
    # Offsets of a container's children by the container's own offset, made when first asked for.
    _children: dict[int, dict[str | int, int]] = field(default_factory=dict, compare=False, repr=False)

    def origin(self, path: Sequence[str | int]) -> Origin:
        """Where the value at `path` stands, or its nearest ancestor; maps and lists stand where their key does."""
        index, value = self._find(path)
        packed = self.keys[index] if isinstance(value, dict | list) else 0
        return self._origin(packed or self.at[index])

    def key_origin(self, path: Sequence[str | int]) -> Origin:
        """Where the key at `path` stands, or its nearest ancestor's."""
        index, _ = self._find(path)
        return self._origin(self.keys[index] or self.at[index])

    def written(self, path: Sequence[str | int]) -> Value:
        """What the files say at `path`, references still as text; else at its nearest ancestor."""
        return self._find(path)[1]

    def file_number(self, path: Sequence[str | int]) -> int:
        """The number of the file that says the value at `path`."""
        index, _ = self._find(path)
        return file_of(self.at[index])

    def _origin(self, packed: int) -> Origin:
        return Origin(self.files[file_of(packed)], *unpack(packed))

    def _find(self, path: Sequence[str | int]) -> tuple[int, Value]:
        index, value = 0, self.data
        for step in path:
            child = self._offsets(index, value).get(step) if isinstance(value, dict | list) else None
            if child is None:
                break
            index, value = child, value[step]
        return index, value

    def _offsets(self, index: int, container: dict[str, Value] | list[Value]) -> dict[str | int, int]:
        known = self._children.get(index)
        if known is None:
            starts = [index + 1]
            for _ in container:
                starts.append(starts[-1] + self.sizes[starts[-1]])
            steps: Sequence[str | int] = list(container) if isinstance(container, dict) else range(len(container))
            known = self._children[index] = dict(zip(steps, (start for start, _ in pairwise(starts)), strict=True))
        return known
