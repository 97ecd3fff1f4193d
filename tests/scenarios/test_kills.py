"""kill -9 of a real apply, and of a real destroy, at random moments: the next run mends it without a hand."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.scenarios.project import Project, wait_for
from tests.scenarios.small import MARKER, listing, rows, spec, write_row

PROGRAMS = 3  # supervisord, a guard, the server


def settled(project: Project, expected: int) -> bool:
    return len(project.processes()) == expected


def lines(project: Project) -> list[str]:
    found = []
    for process in project.processes():
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


def kill_during(project: Project, *words: str, after: float) -> bool:
    """Starts the command and kills it after so many seconds; whether it was still running then."""
    running = project.start(*words)
    time.sleep(after)
    alive = running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.communicate()
    return alive


def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, set[str]], float]:
    """What the environment's folder holds after an undisturbed apply of each version, and how long an apply takes."""
    project = Project(tmp_path_factory.mktemp("r"))
    try:
        project.write("local", spec(1))
        project.run("apply", "local", "-y")
        first = listing(project.root())
        project.write("local", spec(2))
        started = time.monotonic()
        project.run("apply", "local", "-y")
        seconds = time.monotonic() - started
        second = listing(project.root())
        project.run("destroy", "local", "-y", "--allow-data-loss", "all")
    finally:
        project.clear()
    return {1: first, 2: second}, seconds


def check(project: Project, version: int, holds: set[str]) -> Counter[str]:
    """What is wrong after the mending apply: lost, duplicate and orphaned things, and repairs a person would have to make."""
    wrong: Counter[str] = Counter()
    wait_for(lambda: settled(project, PROGRAMS), 30, f"{PROGRAMS} processes, not {lines(project)}")
    found = listing(project.root())
    wrong["orphans"] += len(found - holds)
    wrong["lost"] += len(holds - found) + (MARKER not in rows(project))
    addresses = [item["address"] for item in project.run("state", "list", "local", "--json").result["objects"]]
    wrong["duplicates"] += len(addresses) - len(set(addresses))
    wrong["hand repairs"] += project.run("plan", "local", "--detailed-exitcode", code=None).code != 0
    if wrong.total():
        pytest.fail(f"version {version}: {dict(wrong)}; too much: {found - holds}; missing: {holds - found}")
    return wrong


def kills(project: Project, folders: pytest.TempPathFactory, count: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    holds, seconds = reference(folders)
    project.write("local", spec(1))
    project.run("apply", "local", "-y")
    write_row(project)
    password = secret(project)
    now, struck, tries = 1, 0, 0
    while struck < count:
        tries += 1
        assert tries <= 5 * count, "kills have to strike while the apply runs"
        project.write("local", spec(3 - now))
        struck += kill_during(project, "apply", "local", "-y", after=chance.uniform(0.15, seconds))
        now = chance.choice([1, 2])  # go on, or back to where it came from
        project.write("local", spec(now))
        project.run("apply", "local", "-y")
        check(project, now, holds[now])
        assert secret(project) == password
    print(f"\n{struck} kills in {tries} tries (an apply takes {seconds:.1f} s): lost 0, duplicates 0, orphans 0, hand repairs 0")  # noqa: T201


def secret(project: Project) -> bytes:
    return (project.root() / "secrets" / "resources" / "password").read_bytes()


def test_an_apply_killed_at_random_moments_is_mended_by_the_next_one(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    kills(project, tmp_path_factory, 8, seed=int(os.environ.get("DEPLOYER_TEST_SEED", "1")))


@pytest.mark.long
def test_fifty_kills_lose_duplicate_and_orphan_nothing(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    kills(project, tmp_path_factory, 50, seed=2)


MLFLOW = """\
version: 1
platform: killed
target: local
components:
  supervisor: {module: supervisord}
  database: {module: sqlite}
  artifacts: {module: directory}
  tracking: {module: mlflow, port: auto, allowed_hosts: [HOST.example.org]}
  registry: {module: mlflow}
"""


@pytest.mark.long
def test_a_real_mlflow_platform_killed_in_mid_apply_keeps_its_runs_and_models(project: Project) -> None:
    chance = random.Random(3)  # noqa: S311 - moments, not secrets
    project.write("local", MLFLOW)
    for after in (0.5, 2.0, 6.0):  # environment, database, server
        kill_during(project, "apply", "local", "-y", after=after)
    project.run("apply", "local", "-y")
    project.run("verify", "local")
    for number in range(5):
        project.write("local", MLFLOW.replace("HOST", f"host{number}"))
        kill_during(project, "apply", "local", "-y", after=chance.uniform(0.2, 6.0))
        project.run("apply", "local", "-y")
        project.run("plan", "local", "--detailed-exitcode")
        url = project.outputs()["MLFLOW_TRACKING_URI"]
        found = httpx.get(f"{url}/api/2.0/mlflow/registered-models/search", timeout=20).raise_for_status().json()
        assert [model["name"] for model in found["registered_models"]] == ["deployer-verify-wine"]
        servers = [line for line in lines(project) if "-m mlflow server" in line and "guard.py" not in line]
        assert len(servers) == 1, servers
    project.run("destroy", "local", "-y", "--allow-data-loss", "all")
    wait_for(lambda: settled(project, 0), 30, "no processes")


@pytest.mark.parametrize("moment", [0.5, pytest.param(0.7, marks=pytest.mark.long), pytest.param(1.0, marks=pytest.mark.long)])
def test_a_destroy_killed_in_the_middle_is_finished_by_the_next_one(project: Project, moment: float) -> None:
    project.write("local", spec(1))
    project.run("apply", "local", "-y")
    words = ("destroy", "local", "-y", "--allow-data-loss", "all")
    kill_during(project, *words, after=moment)
    project.run(*words)
    wait_for(lambda: settled(project, 0), 30, "no processes")
    assert not (project.root().exists() and listing(project.root()))


def test_a_first_apply_killed_at_once_leaves_nothing_that_the_next_one_cannot_use(project: Project) -> None:
    project.write("local", spec(1))
    for after in (0.2, 0.4, 0.6):
        kill_during(project, "apply", "local", "-y", after=after)
    project.run("apply", "local", "-y")
    project.run("plan", "local", "--detailed-exitcode")
    wait_for(lambda: settled(project, PROGRAMS), 30, "three processes")


@pytest.mark.parametrize("victim", ["supervisord", "guard.py", "app.py"])
def test_whatever_of_it_is_killed_nothing_keeps_a_port_and_the_next_apply_heals(project: Project, victim: str) -> None:
    project.write("local", spec(1))
    project.run("apply", "local", "-y")
    target = next(process for process in project.processes() if any(victim in word for word in process.cmdline()[:4]))
    target.kill()
    wait_for(lambda: not psutil.pid_exists(target.pid) or target.status() == psutil.STATUS_ZOMBIE, 10, "the end of it")
    time.sleep(1)
    project.run("apply", "local", "-y")
    project.run("plan", "local", "--detailed-exitcode")
    wait_for(lambda: settled(project, PROGRAMS), 30, f"three processes, not {lines(project)}")
    port = int(next(Path(project.root(), "ports").rglob("http")).read_text().split('"port":')[1].split("}")[0].split(",")[0])
    assert httpx.get(f"http://127.0.0.1:{port}/", timeout=10).text == "version 1"
