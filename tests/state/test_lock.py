from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.state import Holder
from deployer.state.lock import Here, Standing, describe, held, judge, lost

NOW = 1_700_000_000.0
BOOTED = NOW - 10_000
HERE = Here(host="h", boot="b/1", booted=BOOTED, now=NOW, started=lambda pid: 500.0 if pid == 42 else None)
HOLDER = Holder("ann", "h", 42, "deployer apply prod", NOW - 130, NOW - 3, 60, 5, process_started=500.0, boot="b/1")


@pytest.mark.parametrize(
    ("what", "changes", "standing"),
    [
        ("it runs and its heart beats", {}, Standing.ALIVE),
        ("its start is read a little differently", {"process_started": 500.5}, Standing.ALIVE),
        ("its process is gone", {"pid": 43}, Standing.DEAD),
        ("its pid is another process's now", {"process_started": 120.0}, Standing.DEAD),
        ("the machine started again since", {"boot": "a/1", "heartbeat": BOOTED - 5}, Standing.DEAD),
        ("another machine of the same name, at work", {"boot": "a/1", "pid": 43}, Standing.ALIVE),
        ("another machine of the same name, silent", {"boot": "a/1", "heartbeat": NOW - 61}, Standing.LAPSED),
        ("another container of the same name", {"boot": "b/2", "pid": 43}, Standing.ALIVE),
        ("it runs and was silent for a lease", {"heartbeat": NOW - 61}, Standing.LAPSED),
        ("it is elsewhere and its heart beats", {"host": "g", "pid": 43}, Standing.ALIVE),
        ("it is elsewhere, its clock may be behind", {"host": "g", "heartbeat": NOW - 80}, Standing.ALIVE),
        ("it is elsewhere and silent beyond any clock", {"host": "g", "heartbeat": NOW - 91}, Standing.LAPSED),
        ("it is elsewhere, its clock ahead", {"host": "g", "heartbeat": NOW + 3600}, Standing.ALIVE),
        ("our clock was set back", {"heartbeat": NOW + 3600}, Standing.ALIVE),
    ],
)
def test_what_a_holder_is_worth_when(what: str, changes: dict[str, str | int | float], standing: Standing) -> None:
    assert judge(replace(HOLDER, **changes), HERE) is standing  # type: ignore[arg-type]


def test_a_holder_is_described_for_people() -> None:
    expected = "ann on h (pid 42: deployer apply prod), since 2023-11-14 22:11:10 UTC (2 min), last heartbeat 3 s ago"
    assert describe(HOLDER, NOW) == expected


@pytest.mark.parametrize(("age", "shown"), [(-5, "(0 s)"), (90, "(90 s)"), (5000, "(83 min)"), (20_000, "(5 h)"), (300_000, "(3 days)")])
def test_ages_are_said_in_their_unit(age: float, shown: str) -> None:
    assert shown in describe(replace(HOLDER, since=NOW - age), NOW)


def test_a_command_cannot_play_with_the_terminal() -> None:
    assert "\x1b" not in describe(replace(HOLDER, command="x\x1b[2J\n"), NOW)


def test_the_refusal_names_the_holder_and_both_ways_out() -> None:
    error = held(HOLDER, NOW)
    assert error.holder["user"] == "ann"
    assert "--lock-timeout" in error.fix
    assert "deployer unlock" in error.fix


def test_the_fenced_hear_who_has_the_lock_now() -> None:
    assert "bob" in str(lost(HOLDER, replace(HOLDER, user="bob"), NOW))
    assert "given back or broken" in str(lost(HOLDER, None, NOW))
