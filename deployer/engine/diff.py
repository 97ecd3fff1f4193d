"""Want against have, path by path, and which of the differences are drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.core.plan import Impact
from deployer.core.resource import ABSENT, Change, Rules
from deployer.core.values import Path, Seal, Sensitive, Unknown, Value, leaves, matches, replace_leaves

DIGEST_LENGTH = 12


def changes(want: Mapping[str, Value], have: Mapping[str, Value], rules: Rules, seal: Seal) -> tuple[Change, ...]:
    """Every differing path, sensitive sides sealed."""
    found = _compare((), want, have, seal)
    kept = (change for change in found if not _covered(change.path, rules.computed))
    return tuple(_sealed(change, rules, seal) for change in kept)


def _compare(path: Path, want: Value, have: Value, seal: Seal) -> Iterator[Change]:
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        for key in [*want, *(key for key in have if key not in want)]:
            yield from _compare((*path, key), want.get(key, ABSENT), have.get(key, ABSENT), seal)
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for index, (wanted, had) in enumerate(zip(want, have, strict=True)):
            yield from _compare((*path, index), wanted, had, seal)
    elif isinstance(want, Sensitive) and have is not ABSENT:
        sealed = Sensitive(seal(have))
        if sealed != want:
            yield Change(path, sealed, want)
    elif isinstance(want, Unknown) or _differ(want, have):
        yield Change(path, have, want)


def _differ(want: Value, have: Value) -> bool:
    # True == 1 and 1 == 1.0 in Python; to a configuration they are different.
    return want is not have and (type(want) is not type(have) or want != have)


def _covered(path: Path, patterns: Sequence[str]) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def _sealed(change: Change, rules: Rules, seal: Seal) -> Change:
    """Sensitive paths, and what stands opposite something sensitive, are shown as digests."""
    hidden = _covered(change.path, rules.sensitive) or any(isinstance(leaf, Sensitive) for _, leaf in leaves(change.after))
    inside = any(matches(".".join(map(str, change.path)), pattern.split(".")) for pattern in rules.sensitive)
    if not hidden and not inside:
        return change
    return Change(change.path, _hide(change.before, seal), _hide(change.after, seal))


def _hide(value: Value, seal: Seal) -> Value:
    def hidden(leaf: Value) -> Value:
        return leaf if leaf is ABSENT or isinstance(leaf, Sensitive | Unknown) else Sensitive(seal(leaf))

    return replace_leaves(value, hidden)


def impact(found: Sequence[Change], rules: Rules) -> Impact:
    """What carrying out these changes means for a user of the object."""
    if any(_covered(change.path, rules.immutable) for change in found):
        return Impact.REPLACE
    if any(_covered(change.path, rules.restart) for change in found):
        return Impact.RESTART
    return Impact.IN_PLACE


def forcing(found: Sequence[Change], rules: Rules) -> tuple[Path, ...]:
    """The changed paths that cannot be changed in place."""
    return tuple(change.path for change in found if _covered(change.path, rules.immutable))


def digest(config: Mapping[str, Value], seal: Seal) -> str:
    """A short keyed digest for each key of a configuration: enough to tell later which side of a difference moved."""
    return " ".join(f"{key}={seal(_digestible(value))[:DIGEST_LENGTH]}" for key, value in sorted(config.items()))


def _digestible(value: Value) -> Value:
    def flat(leaf: Value) -> Value:
        if isinstance(leaf, Sensitive):
            return leaf.digest
        return f"unknown {leaf.template}" if isinstance(leaf, Unknown) else leaf

    return replace_leaves(value, flat)


def split_drift(found: Sequence[Change], applied: str, want: Mapping[str, Value], seal: Seal) -> tuple[Change, ...]:
    """The changes under keys whose want is still what was applied last: those the world made."""
    recorded = dict(item.rsplit("=", 1) for item in applied.split(" ")) if applied else {}
    moved: dict[str, bool] = {}
    for key in {str(change.path[0]) for change in found}:
        now = seal(_digestible(want[key]))[:DIGEST_LENGTH] if key in want else None
        moved[key] = recorded.get(key) == now
    return tuple(change for change in found if moved[str(change.path[0])])
