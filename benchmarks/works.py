"""The works measured, with what to reach: the table of the engine's issue, one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.measure import Cost
from benchmarks.ours import Deployer
from benchmarks.shapes import EACH, FLAT, LAYERS, SMALL
from benchmarks.terraform import Terraform

TINY, LARGE = 10, 10_000


@dataclass(frozen=True, slots=True)
class Work:
    """One line. Budgets: seconds of wall or CPU time, MB of memory; None is not limited."""

    name: str
    ours: Callable[[Deployer], Cost]
    theirs: Callable[[Terraform], Cost] | None = None
    wall: float | None = None
    cpu: float | None = None
    memory: float | None = None


def works(small: int, large: int) -> Sequence[Work]:
    """All lines. Budgets are stated for 1,000 and 10,000; other sizes have none."""
    s, m = f"{small:,}", f"{large:,}"

    def at_small(limit: float) -> float | None:
        return limit if small == SMALL else None

    def at_large(limit: float) -> float | None:
        return limit if large == LARGE else None

    return (
        Work("--version", Deployer.start, Terraform.start, wall=0.10),
        Work("validate, one component", Deployer.validate, Terraform.validate, wall=0.25),
        Work(f"apply {s} flat, each recorded", lambda d: d.apply(FLAT, small), lambda t: t.apply(FLAT, small), cpu=at_small(2.5)),
        Work(
            f"no-op plan {s} flat",
            lambda d: d.noop_plan(FLAT, small, cached=True),
            lambda t: t.noop_plan(FLAT, small),
            wall=at_small(0.6),
            memory=at_small(100),
        ),
        Work(f"apply {m} flat, each recorded", lambda d: d.apply(FLAT, large), cpu=at_large(25)),
        Work(
            f"no-op plan {m} flat, spec cached",
            lambda d: d.noop_plan(FLAT, large, cached=True),
            lambda t: t.noop_plan(FLAT, large),
            wall=at_large(5),
            memory=at_large(400),
        ),
        Work(f"no-op plan {m} flat, not cached", lambda d: d.noop_plan(FLAT, large, cached=False), wall=at_large(9), memory=at_large(400)),
        Work(f"first plan {TINY} in layers", lambda d: d.first_plan(LAYERS, TINY), lambda t: t.first_plan(LAYERS, TINY)),
        Work(f"first plan {s} in layers", lambda d: d.first_plan(LAYERS, small), lambda t: t.first_plan(LAYERS, small)),
        Work(f"first plan {m} in layers", lambda d: d.first_plan(LAYERS, large), lambda t: t.first_plan(LAYERS, large), wall=at_large(8)),
        Work(
            f"no-op plan {m} by one for_each",
            lambda d: d.noop_plan(EACH, large, cached=True),
            lambda t: t.noop_plan(EACH, large),
            wall=at_large(6),
        ),
        Work("second apply while one runs", Deployer.refused, Terraform.refused, wall=0.2),
        Work("local platform up, warm cache", Deployer.platform),
    )
