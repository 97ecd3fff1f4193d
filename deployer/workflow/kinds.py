"""The rules of every kind by name, each looked up when a spec uses it: a kind nobody uses is never imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from deployer.core.resource import Rules
from deployer.providers.registry import kind_names, kind_rules


class KindRules(Mapping[str, Rules]):
    """Kind name -> its rules."""

    def __init__(self) -> None:
        self._rule = cache(kind_rules)
        self._names = frozenset(kind_names())

    def __getitem__(self, name: str) -> Rules:
        if name not in self._names:
            raise KeyError(name)
        return self._rule(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)
