"""The story of `verify`: each component's own script uses it as a client would, in the platform's own Python."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

from deployer.core.errors import UsageError
from deployer.core.events import Event, EventType
from deployer.core.values import Json, Value, plain
from deployer.engine.values import Resolver, unknown
from deployer.modules.expand import Verify
from deployer.workflow.answers import Listener, Proof, Where
from deployer.workflow.environment import opening
from deployer.workflow.output import resolver_for

LIMIT = 900.0  # seconds a script may take
TOLD = 20  # last lines of stderr that explain a failure
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


def verify(where: Where, components: Sequence[str], listener: Listener) -> tuple[Proof, ...]:
    """Runs the scripts of the components named, or of all that have one, one after the other."""
    with opening(where) as environment:
        known = environment.expanded.verify
        strange = [name for name in components if name not in known]
        if strange:
            raise UsageError(f"{', '.join(strange)} cannot be verified", why=f"components that can be: {', '.join(known) or 'none'}")
        chosen = {name: item for name, item in known.items() if not components or name in components}
        trees = [[item.python, item.environment, item.secret_environment] for item in chosen.values()]
        resolver = resolver_for(trees, environment.tools.state(), environment.tools, live=True)
        return tuple(_prove(name, item, resolver, listener) for name, item in chosen.items())


def _prove(component: str, item: Verify, resolver: Resolver, listener: Listener) -> Proof:
    started = time.monotonic()
    tree: Value = resolver.tree({"python": item.python, "variables": {**item.environment, **item.secret_environment}})
    if unknown(tree):
        return Proof(component, ok=False, steps=(), seconds=0.0, detail="it is not applied yet; run deployer apply")
    told = plain(tree)
    assert isinstance(told, dict)  # noqa: S101 - the shape built three lines above
    listener.event(Event(EventType.STARTED, component, "verify"))
    code, steps, errors = _run(component, [str(told["python"]), item.script], _variables(told["variables"]), listener)
    seconds = time.monotonic() - started
    ok = code == 0 and all(step.get("ok", True) for step in steps)
    detail = "" if ok else (_cause(steps, errors) or f"the script ended with exit code {code}")
    listener.event(Event(EventType.DONE if ok else EventType.FAILED, component, "verify", "\n".join(errors) if not ok else "", seconds))
    return Proof(component, ok, tuple(steps), round(seconds, 3), detail)


def _cause(steps: Sequence[Mapping[str, Json]], errors: Sequence[str]) -> str:
    failed = [step for step in steps if not step.get("ok", True)]
    if failed:
        return ": ".join(str(failed[0][key]) for key in ("check", "detail") if failed[0].get(key))
    return errors[-1] if errors else ""


def _variables(told: Json) -> dict[str, str]:
    """A small clean environment, and in it what the module says; secrets go this way only, never in arguments."""
    wanted = {name: str(value) for name, value in told.items() if value is not None} if isinstance(told, dict) else {}
    return {**{name: os.environ[name] for name in PASSED_ON if name in os.environ}, "PYTHONUNBUFFERED": "1", **wanted}


def _run(
    component: str, command: list[str], variables: Mapping[str, str], listener: Listener
) -> tuple[int, list[Mapping[str, Json]], list[str]]:
    """(exit code, the steps it printed as JSON lines, its last lines on stderr)."""
    steps: list[Mapping[str, Json]] = []
    errors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="deployer-verify-") as home:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**variables, "HOME": home},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        with process:
            reader = threading.Thread(target=_collect, args=(process.stderr, errors), daemon=True)
            timer = threading.Timer(LIMIT, process.kill)
            reader.start()
            timer.start()
            try:
                for line in process.stdout or ():
                    _hear(component, line.rstrip("\n"), steps, listener)
            except BaseException:
                process.kill()
                raise
            finally:
                timer.cancel()
            process.wait()
            reader.join(5)
    return process.returncode, steps, errors[-TOLD:]


def _collect(stream: IO[str] | None, lines: list[str]) -> None:
    lines.extend(line.rstrip("\n") for line in stream or () if line.strip())


def _hear(component: str, line: str, steps: list[Mapping[str, Json]], listener: Listener) -> None:
    """A JSON object is a step; anything else is only passed on."""
    try:
        step = json.loads(line)
    except ValueError:
        step = None
    if not isinstance(step, dict):
        if line.strip():
            listener.note(f"{component}: {line}")
        return
    steps.append(step)
    name = str(step.get("check", step.get("step", "")))
    told = ": ".join(part for part in (name, str(step.get("detail", ""))) if part) or line
    seconds = step.get("seconds")
    kind = EventType.NOTE if step.get("ok", True) else EventType.FAILED
    listener.event(Event(kind, component, "", told, float(seconds) if isinstance(seconds, int | float) else 0.0))
