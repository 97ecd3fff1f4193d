"""How a supervised program is doing: what supervisord, the guard's note, the port and the address say, as one judgement."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.core.protocols import Readiness
from deployer.core.resource import Failed, Ready, Waiting
from deployer.core.values import Json
from deployer.providers.local import guard, listeners, probe
from deployer.providers.local.program import Paths, ini
from deployer.providers.local.supervision import BACKOFF, EXITED, RUNNING, STARTING, STOPPING

GIVEN_UP = 3  # failures in a row after which waiting for a program is pointless
LIVED = 1.0  # seconds after which a program without a port counts as started: there is nothing else to go by
LOG_LINES = 3
STATES = {STARTING: "starting", RUNNING: "running", BACKOFF: "failing", STOPPING: "stopping", EXITED: "ended", 200: "failed"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One program as supervisord (`info`, empty when it does not know it) and its guard (`record`) see it.

    `up`: it runs, or is about to.
    """

    info: Mapping[str, Any]
    record: Mapping[str, Any]
    up: bool

    @property
    def guard(self) -> int:
        """The guard's pid, 0 when there is none."""
        return int(self.info.get("pid", 0)) if self.up else 0

    @property
    def start(self) -> str:
        """Changes with every start. A program that fails again and again has none worth holding a plan to."""
        return f"{self.info['start']}.{self.guard}" if self.up and not self.failures else ""

    @property
    def begun(self) -> bool:
        """Whether the program itself runs: its guard may still be clearing up, or pausing after a failure."""
        return self.guard != 0 and self.record.get("guard") == self.guard and not self.record.get("ended")

    @property
    def failures(self) -> int:
        """Ends in a row that nobody asked for."""
        return int(self.record.get("failures", 0)) if not self.record.get("stopped") else 0

    @property
    def last_exit(self) -> str:
        return str((self.record.get("last_exit") or {}).get("reason", ""))

    def digest(self) -> str | None:
        """Of what the program was started from; None when that cannot be said."""
        if self.begun:
            return str(self.record.get("digest"))
        if not self.guard or guard.guards(self.guard) is None:  # nothing runs, or supervisord has forked and not yet become the guard
            return None
        with suppress(OSError, IndexError):
            return Path(f"/proc/{self.guard}/cmdline").read_bytes().split(b"\0")[-2].decode()
        return None


def running(seen: Seen, written: Mapping[str, Any], paths: Paths, found: str) -> Json:
    """True, false, or what is wrong with how it runs, in words. `found` is supervisord's file as it is now."""
    if not seen.up:
        return False
    try:
        as_written = found == ini(paths, written)
    except (KeyError, TypeError):
        as_written = False
    if not as_written:
        return "with supervisord's file edited or missing"
    if not any(os.path.exists(log) for log in (paths.log, f"{paths.log}.1")):  # noqa: PTH110 - asked for every process in every plan
        return "with its log file removed"
    if not seen.begun and seen.failures >= GIVEN_UP:
        return "failing again and again"  # an apply starts it afresh: perhaps the cause is gone
    return True if seen.digest() in (None, guard.digest(dict(written))) else "with an older configuration"


def judge(seen: Seen, config: Mapping[str, Any], paths: Paths) -> Readiness:
    """Whether the program works now, and the root cause when it will not by itself."""
    if stranger := _stranger(seen, config, paths):
        return stranger
    if not seen.up:
        said = str(seen.info.get("spawnerr") or "") or seen.last_exit or "it was never started"
        return Failed(f"it does not run: {said}{_said(paths)}", f"see {paths.log}, mend the cause and apply again")
    if not seen.begun and seen.failures:
        often = f", {seen.failures} times in a row" if seen.failures > 1 else ""
        reason = f"{seen.last_exit}{often}{_said(paths)}"
        if seen.failures >= GIVEN_UP:
            return Failed(reason, f"see {paths.log}, mend the cause and apply again; it is tried again every {guard.LONGEST_DELAY:.0f} s")
        return Waiting(reason)
    lived = time.time() - float(seen.record["began"]) if seen.begun else 0.0
    if not seen.begun or (config.get("port") is None and 0 <= lived < LIVED):
        return Waiting("starting")
    return _function(config, paths)


def _stranger(seen: Seen, config: Mapping[str, Any], paths: Paths) -> Readiness | None:
    """Somebody else on our port: the reason for whatever else is wrong."""
    port, bind = config.get("port"), str(config.get("bind"))
    if not isinstance(port, int) or not listeners.listening(port, bind):
        return None
    held = probe.stranger_on(port, bind, probe.family(seen.guard) if seen.guard else set())
    if held is None:
        return None
    if held.belongs(paths.root):
        return Waiting(f"port {port} is still held by {held}, which this environment started before")
    return Failed(f"port {port} on {bind} is held by {held}", f"stop it ({held.stop}) or choose another port")


def _function(config: Mapping[str, Any], paths: Paths) -> Readiness:
    port, bind, health = config.get("port"), str(config.get("bind")), config.get("health")
    if isinstance(port, int) and not listeners.listening(port, bind):
        return Waiting(f"not listening on port {port} yet{_said(paths, 1)}")
    if isinstance(port, int) and health and (wrong := probe.answer(url(bind, port), health)):
        return Waiting(f"{wrong}{_said(paths, 1)}")
    return Ready()


def _said(paths: Paths, count: int = LOG_LINES) -> str:
    lines = probe.last_lines(paths.log, count)
    return f"; last in its log: {' | '.join(lines)}" if lines else ""


def url(bind: str, port: int) -> str:
    """Where this machine reaches the program."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared with, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def status(seen: Seen) -> dict[str, Json]:
    """For people: `since` in seconds since 1970, `memory` in bytes of the whole tree, guard included."""
    state = STATES.get(seen.info.get("state", 0), "stopped")
    if seen.up and not seen.begun:
        state = "failing" if seen.failures else "starting"
    since = seen.record.get("began") if seen.begun else seen.info.get("stop") or None
    return {
        "state": state,
        "pid": seen.record.get("program") if seen.begun else None,
        "since": since,
        "uptime": round(time.time() - float(since), 1) if seen.begun and since else None,
        "restarts": int(seen.record.get("restarts", 0)),
        "memory": probe.memory(probe.family(seen.guard)) if seen.guard else 0,
        "last_exit": seen.record.get("last_exit"),
    }
