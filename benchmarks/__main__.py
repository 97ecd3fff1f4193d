"""`python -m benchmarks`: measures, prints a table, writes benchmarks/results/<time>.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import terraform
from benchmarks.measure import CommandFailedError, Cost
from benchmarks.ours import Deployer, installed
from benchmarks.shapes import SMALL
from benchmarks.table import Result, document, table
from benchmarks.terraform import Terraform
from benchmarks.works import LARGE, Work, works
from deployer import __version__

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options, begin, load = _options(), time.monotonic(), os.getloadavg()[0]
    if not installed():
        print("deployer does not run here: make install", file=sys.stderr)
        return 1
    with_terraform = bool(terraform.program()) and not options.no_terraform
    chosen = [work for work in works(options.small, options.large) if any(part in work.name for part in options.only or [""])]
    with tempfile.TemporaryDirectory(prefix="deployer-bench-", dir=options.folder) as folder:
        results = list(_results(chosen, Path(folder), with_terraform=with_terraform))
    print(table(results))
    if not with_terraform:
        print("\nterraform is not on this machine or was left out: no ratios")
    about = _about(with_terraform=with_terraform) | {"load": round(load, 2), "seconds": round(time.monotonic() - begin)}
    print(f"\nthe least time and the most memory of several runs each; {about['seconds']} s in all, load {about['load']} at the start")
    print(f"written to {_save(document(results, about), options.out)}")
    return 1 if any(result.failed for result in results) else 0


def _results(chosen: list[Work], folder: Path, *, with_terraform: bool) -> Iterator[Result]:
    for name in ("deployer", "terraform"):
        (folder / name).mkdir()
    ours, theirs = Deployer(folder / "deployer"), Terraform(folder / "terraform")
    for work in chosen:
        print(f"{work.name} ...", file=sys.stderr, flush=True)
        cost, failed = _tried(partial(work.ours, ours))
        other, _ = _tried(partial(work.theirs, theirs)) if work.theirs and with_terraform else (None, "")
        yield Result(work, cost, other, failed)


def _tried(call: Callable[[], Cost]) -> tuple[Cost | None, str]:
    """The cost, or why there is none."""
    try:
        return call(), ""
    except (CommandFailedError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return None, str(error)


def _about(*, with_terraform: bool) -> dict[str, Any]:
    return {
        "format": 1,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "deployer": __version__,
        "terraform": terraform.version() if with_terraform else None,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
    }


def _save(found: dict[str, Any], out: Path | None) -> Path:
    file = out or RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return file


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What deployer's commands cost, beside Terraform's.")
    parser.add_argument("--small", type=int, default=SMALL, metavar="N", help="resources in the small shapes (default 1000)")
    parser.add_argument("--large", type=int, default=LARGE, metavar="N", help="resources in the large shapes (default 10000)")
    parser.add_argument("--only", action="append", metavar="TEXT", help="works with this in their name (repeatable)")
    parser.add_argument("--no-terraform", action="store_true", help="do not measure Terraform, though it is here")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where to work (default: the system's temporary folder)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the JSON (default benchmarks/results/<time>.json)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
