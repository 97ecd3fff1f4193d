"""Results as a table for people and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measure import Cost
from benchmarks.works import Work

_POINTS = 3  # a tiny plan, a small one, a large one
HEAD = ("work", "ours: s", "CPU s", "MB", "Terraform: s", "CPU s", "MB", "to reach", "met", "times faster")
GROWTH = 1.15  # to reach


@dataclass(frozen=True, slots=True)
class Result:
    """One work measured. `failed` says why there is no cost."""

    work: Work
    ours: Cost | None = None
    theirs: Cost | None = None
    failed: str = ""

    @property
    def met(self) -> str:
        """ "yes", "NO", or "busy" when only the wall clock is over, on a machine too busy to judge by it; "" without a limit or a cost."""
        if self.ours is None:
            return ""
        cost, work = self.ours, self.work
        pairs = ((cost.wall, work.wall), (cost.cpu, work.cpu), (cost.memory, work.memory))
        over = [limit for measured, limit in pairs if limit is not None and measured > limit]
        if not over:
            return "" if {work.wall, work.cpu, work.memory} == {None} else "yes"
        return "busy" if cost.busy and over == [work.wall] and cost.cpu <= over[0] else "NO"


def document(results: Sequence[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON: what was measured, on what, and what each line cost."""
    lines = [
        {
            "work": result.work.name,
            "deployer": asdict(result.ours) if result.ours else None,
            "terraform": asdict(result.theirs) if result.theirs else None,
            "limits": {"wall": result.work.wall, "cpu": result.work.cpu, "memory": result.work.memory},
            "met": result.met,
            "failed": result.failed,
        }
        for result in results
    ]
    return {**about, "growth": growth(results), "results": lines}


def growth(results: Sequence[Result]) -> float | None:
    """The exponent of the first plan's CPU time from the small size to the large one, less what a tiny plan costs; 1 is linear."""
    plans = sorted((int(result.work.name.split()[2].replace(",", "")), result.ours.cpu) for result in _first_plans(results) if result.ours)
    if len(plans) != _POINTS:
        return None
    (_, start), (small, low), (large, high) = plans
    if low <= start:
        return None
    return round(math.log((high - start) / (low - start)) / math.log(large / small), 3)


def _first_plans(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.work.name.startswith("first plan")]


def table(results: Sequence[Result]) -> str:
    """Columns padded for a terminal, in Markdown."""
    rows = [HEAD, *map(_row, results)]
    exponent = growth(results)
    if exponent is not None:
        met = "yes" if exponent <= GROWTH else "NO"
        rows.append(("growth exponent of the first plan", str(exponent), *[""] * 5, f"{GROWTH}", met, ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _row(result: Result) -> tuple[str, ...]:
    faster = f"{result.theirs.wall / result.ours.wall:.1f}" if result.ours and result.theirs else ""
    failed = result.failed.splitlines()[0][:60] if result.failed else ""
    return (result.work.name, *_cost(result.ours), *_cost(result.theirs), failed or _limits(result), result.met, faster)


def _cost(cost: Cost | None) -> tuple[str, str, str]:
    return (f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.memory:.0f}") if cost else ("", "", "")


def _limits(result: Result) -> str:
    work, cost = result.work, result.ours
    parts = ((work.wall, "s"), (work.cpu, "s CPU"), (work.memory, "MB"))
    stated = ", ".join(f"{limit:g} {unit}" for limit, unit in parts if limit is not None)
    # The rest of the memory is what the command started: package tools, a database being made.
    started_others = cost is not None and 0 < cost.engine < cost.memory / 2
    return stated or (f"engine alone {cost.engine:.0f} MB" if cost and started_others else "")
