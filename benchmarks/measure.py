"""What one command costs: wall seconds, CPU seconds and peak memory, read from the kernel by a small process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

LIMIT = 900  # seconds


@dataclass(frozen=True, slots=True)
class Cost:
    """`cpu` counts user and system time of the command and its children.

    `memory` is the peak of the largest single process, `engine` that of the command's own (0 where it cannot be read), in MB.
    """

    wall: float
    cpu: float
    memory: float
    engine: float
    code: int
    busy: bool = False  # others wanted more than all processors meanwhile, so `wall` says little


class CommandFailedError(Exception):
    """A measured command ended otherwise than it should; carries what it said."""


def measure(command: Sequence[str], folder: Path, variables: Mapping[str, str], code: int = 0) -> Cost:
    """Runs the command to its end. Raises `CommandFailedError` unless it exits with `code`."""
    # A process starts out with its parent's peak memory, so the parent is a bare interpreter of 9 MB.
    runner = [sys.executable, "-I", "-S", __file__, *command]
    done = subprocess.run(
        runner, cwd=folder, env={**_surroundings(), **variables}, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    if done.returncode:
        raise CommandFailedError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    said, _, cost = done.stdout.rstrip("\n").rpartition("\n")
    found = Cost(**json.loads(cost))
    if found.code != code:
        raise CommandFailedError(f"{' '.join(command)}: exit code {found.code} where {code} was due\n{said[-2000:]}{done.stderr[-2000:]}")
    return replace(found, busy=os.getloadavg()[0] > (os.cpu_count() or 1) + 1)


def _surroundings() -> dict[str, str]:
    """Our own variables, less what would make every start of Python compile its imports anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def best(run: Callable[[], Cost], times: int) -> Cost:
    """The least time of several runs, for the rest is the machine's noise, and the most memory."""
    costs = [run() for _ in range(times)]
    wall, cpu = min(cost.wall for cost in costs), min(cost.cpu for cost in costs)
    memory, engine = max(cost.memory for cost in costs), max(cost.engine for cost in costs)
    return replace(costs[0], wall=wall, cpu=cpu, memory=memory, engine=engine, busy=all(cost.busy for cost in costs))


def main(command: list[str]) -> None:
    """Runs the command in this very process's child and prints its cost as the last line."""
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(child, peak), daemon=True)
    watcher.start()
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    cpu, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    code = os.waitstatus_to_exitcode(status)
    print("\n" + json.dumps({"wall": wall, "cpu": cpu, "memory": memory, "engine": peak[0], "code": code}))


def _watch(child: int, peak: list[float]) -> None:
    """Keeps the child's own peak memory (Linux), which the kernel tells only while it runs."""
    file = Path(f"/proc/{child}/status")
    while True:
        try:
            found = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("VmHWM:")]
        except OSError:
            return
        if found:
            peak[0] = int(found[0]) / 1024
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
