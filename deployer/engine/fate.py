"""Decides what becomes of each wanted resource: left alone, made, changed, replaced, adopted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from deployer.core.errors import OwnershipError
from deployer.core.plan import Action, Drift, Impact
from deployer.core.resource import Change, Live, Mark, Rules
from deployer.core.state import Pending, StateObject
from deployer.core.values import Path, Seal, show_path
from deployer.engine.diff import changes, forcing, impact, split_drift
from deployer.engine.survey import Wanted

SHOWN_PATHS = 3


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one wanted resource. `action` None: nothing. `old` is the object a replacement removes."""

    wanted: Wanted
    action: Action | None = None
    reason: str = ""
    impact: Impact = Impact.NONE
    changes: tuple[Change, ...] = ()
    live: Live | None = None  # the object that has the wanted id now
    old: StateObject | None = None
    old_live: Live | None = None
    drift: Drift | None = None
    create_first: str = ""
    clears: str = ""  # the address whose object stands in its place, and goes first
    rules: Rules = field(default_factory=Rules)

    @property
    def address(self) -> str:
        return self.wanted.resource.address

    @property
    def replaces(self) -> bool:
        return self.old is not None

    @property
    def can_create_first(self) -> bool:
        """Two objects with one id cannot stand at the same time."""
        return (
            self.old is not None
            and self.wanted.id is not None
            and (self.wanted.id, self.wanted.resource.kind) != (self.old.id, self.old.kind)
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """All that one decision looks at.

    `old_live` is the recorded object when it is not the wanted one; `known`: the wanted one is recorded, here or at another address.
    """

    wanted: Wanted
    recorded: StateObject | None
    live: Live | None
    old_live: Live | None
    rules: Rules
    mark: Mark
    known: bool = False
    clears: str = ""  # the address that leaves, and whose object has the place


def decide(situation: Situation, seal: Seal) -> Fate:
    """The fate of one resource. Raises `OwnershipError` for an object somebody else owns."""
    recorded, wanted = situation.recorded, situation.wanted
    fate = Fate(wanted, live=situation.live, rules=situation.rules, clears=situation.clears)
    same = recorded is not None and (recorded.kind, recorded.id) == (wanted.resource.kind, wanted.id)
    _require_ours(situation, known=same or situation.known)
    if recorded is None or same:
        return _absent(fate, recorded) if situation.live is None else _present(fate, situation, seal)
    return _elsewhere(fate, situation, recorded, seal)


def _require_ours(situation: Situation, *, known: bool) -> None:
    live, mark = situation.live, situation.mark
    if live is None or mark.owns(live.mark) or (known and live.mark is None):
        return
    resource = situation.wanted.resource
    owner = f"it belongs to {live.mark}" if live.mark is not None else "nobody marked it as ours"
    raise OwnershipError(
        f"{resource.address}: {live.id} exists already",
        why=owner,
        fix=f"choose another name or place for it, or take it over: deployer import {mark.environment} '{resource.address}' '{live.id}'",
        origin=resource.origin,
    )


def _absent(fate: Fate, recorded: StateObject | None) -> Fate:
    if recorded is None:
        return replace(fate, action=Action.CREATE, reason="not there yet")
    if recorded.pending in (Pending.CREATE, Pending.DELETE):
        return replace(fate, action=Action.CREATE, reason=f"an interrupted apply had begun to {recorded.pending} it")
    drift = Drift(fate.address, recorded.kind, gone=True)
    return replace(fate, action=Action.CREATE, reason="it was made before and is gone", drift=drift)


def _present(fate: Fate, situation: Situation, seal: Seal) -> Fate:
    wanted, live, recorded = fate.wanted, situation.live, situation.recorded
    assert live is not None  # noqa: S101 - the caller looked
    found = changes(wanted.config, live.config, situation.rules, seal)
    if not found:
        return _unchanged(fate, live, recorded)
    drifted = split_drift(found, recorded.digest, wanted.config, seal) if recorded is not None and recorded.digest else ()
    drift = Drift(fate.address, wanted.resource.kind, drifted) if drifted else None
    fate = replace(fate, changes=found, drift=drift)
    forced = forcing(found, situation.rules)
    if forced:
        return _made_anew(fate, live, recorded, f"cannot be changed in place: {_paths(forced)}")
    return replace(fate, action=Action.UPDATE, reason=_update_reason(found, drifted, recorded), impact=impact(found, situation.rules))


def _made_anew(fate: Fate, live: Live, recorded: StateObject | None, reason: str) -> Fate:
    """The object with the wanted id goes, and another one with that id comes."""
    old = recorded or StateObject(fate.address, fate.wanted.resource.kind, live.id)
    return replace(fate, action=Action.CREATE, reason=reason, impact=Impact.REPLACE, old=old, old_live=live, live=None)


def _update_reason(found: tuple[Change, ...], drifted: tuple[Change, ...], recorded: StateObject | None) -> str:
    paths = _paths([change.path for change in found])
    if recorded is None:
        return f"ours by its mark, and differs from the spec: {paths}"
    if len(drifted) == len(found):
        return f"changed behind our back: {paths}"
    if not recorded.digest:
        story = "an interrupted apply left it unfinished" if recorded.pending else "imported as it was, and differs from the spec"
        return f"{story}: {paths}"
    return f"the spec changed: {paths}"


def _unchanged(fate: Fate, live: Live, recorded: StateObject | None) -> Fate:
    mark_reason = _mark_reason(live, fate.address)
    if mark_reason:
        return replace(fate, action=Action.UPDATE, reason=mark_reason, impact=Impact.IN_PLACE)
    if recorded is None:
        return replace(fate, action=Action.ADOPT, reason="ours by its mark, and as wanted; only the record is missing")
    if recorded.pending is not Pending.NONE:
        return replace(fate, action=Action.WAIT, reason=f"an earlier apply ended before it was ready (during {recorded.pending})")
    if (set(recorded.edges), recorded.prevent_destroy) != (set(fate.wanted.edges), fate.wanted.resource.prevent_destroy):
        return replace(fate, action=Action.ADOPT, reason="as wanted; only its recorded dependencies or protection change")
    return fate


def _mark_reason(live: Live, address: str) -> str:
    if live.mark is None:
        return "its ownership mark is gone and is put back"
    return "" if live.mark.address == address else f"its mark still names {live.mark.address}"


def _elsewhere(fate: Fate, situation: Situation, recorded: StateObject, seal: Seal) -> Fate:
    """The address is recorded with another object: that one goes, the wanted one comes (or is there already)."""
    wanted_id = fate.wanted.id or "one known after apply"
    reason = (
        f"its id changes from {recorded.id} to {wanted_id}" if recorded.kind == fate.wanted.resource.kind else f"it was a {recorded.kind}"
    )
    if situation.old_live is not None:
        fate = replace(fate, impact=Impact.REPLACE, old=recorded, old_live=situation.old_live)
    if fate.live is None:
        return replace(fate, action=Action.CREATE, reason=reason)
    found = changes(fate.wanted.config, fate.live.config, situation.rules, seal)
    forced = forcing(found, situation.rules)
    if forced and fate.old is None:
        return _made_anew(replace(fate, changes=found), fate.live, None, f"{reason}, and cannot be changed in place: {_paths(forced)}")
    return replace(
        fate, action=Action.UPDATE, reason=f"{reason}; ours and there already", impact=impact(found, situation.rules), changes=found
    )


def made_again(fate: Fate, owner: str) -> Fate:
    """It wants the object of another address, `owner`: when that cannot be changed in place, it goes first."""
    forced = forcing(fate.changes, fate.rules)
    if fate.action is not Action.UPDATE or not forced:
        return fate
    reason = f"{fate.reason}, as {owner}, and cannot be changed in place: {_paths(forced)}"
    return replace(fate, action=Action.CREATE, reason=reason, impact=Impact.REPLACE, live=None, clears=owner)


def handed_over(fate: Fate, heir: str) -> Fate:
    """Its old object is `heir`'s from now on, and stays."""
    stays = impact(fate.changes, fate.rules) if fate.action is Action.UPDATE else Impact.NONE
    return replace(fate, old=None, old_live=None, impact=stays, reason=f"{fate.reason}; the old one is {heir} now")


def _paths(paths: tuple[Path, ...] | list[Path]) -> str:
    shown = ", ".join(show_path(path) for path in paths[:SHOWN_PATHS])
    return shown if len(paths) <= SHOWN_PATHS else f"{shown} and {len(paths) - SHOWN_PATHS} more"
