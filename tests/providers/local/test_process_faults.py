"""Supervised programs when things go wrong: every layer killed, programs that fail, neighbours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from deployer.core.resource import Failed, Waiting
from tests.providers.local.supervised import PYTHON, SLEEP, Environment, alive, environment, free_port, listens, wait_for


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Environment]:
    with environment(tmp_path / "root") as made:
        made.start()
        yield made


def test_a_killed_leader_is_replaced_and_frees_its_port(here: Environment) -> None:
    want = here.server(free_port())
    live = here.process.create(want)
    here.ready(live)
    old = here.ours() - {here.supervisord()}
    os.kill(here.leader(want), signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in old))
    here.ready(live)
    status = here.process.status([want.id])[want.id]
    assert status["restarts"] == 1
    assert isinstance(status["last_exit"], dict)
    assert status["last_exit"]["reason"] == "killed by SIGKILL"
    assert here.differences(want) == {}


def test_a_killed_guard_is_replaced_and_its_programs_are_ended(here: Environment) -> None:
    want = here.server(free_port())
    live = here.process.create(want)
    here.ready(live)
    old = here.ours() - {here.supervisord()}
    os.kill(here.guard(want), signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in old))
    here.ready(live)
    assert here.differences(want) == {}


def test_a_killed_supervisord_takes_all_programs_with_it_and_the_next_apply_heals(here: Environment) -> None:
    want = here.server(port := free_port())
    here.ready(here.process.create(want))
    os.kill(here.supervisord(), signal.SIGKILL)
    wait_for(lambda: not here.ours())
    assert not listens(port)
    assert here.differences(want) == {"running": False}
    assert isinstance(here.process.ready(here.read(want)), Failed)
    here.start()
    assert here.differences(want) == {"running": False}
    here.ready(here.update(want))
    assert here.differences(want) == {}


def test_everything_killed_at_once_is_healed_by_the_next_apply(here: Environment) -> None:
    want = here.server(free_port())
    here.ready(here.process.create(want))
    for pid in (here.supervisord(), here.guard(want), here.leader(want)):
        with suppress(ProcessLookupError):  # the death signal was faster
            os.kill(pid, signal.SIGKILL)
    here.start()
    here.ready(here.update(want))
    assert here.differences(want) == {}


def test_many_processes_are_made_at_the_same_time(here: Environment) -> None:
    wants = [here.want(f"part{n}/local.process/p", command=SLEEP) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        lives = list(pool.map(here.process.create, wants))
    for live in lives:
        here.begun(live)
    assert all(here.differences(want) == {} for want in wants)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(here.process.delete, lives))
    assert here.ours() == {here.supervisord()}


def test_a_program_that_fails_again_and_again_says_why(here: Environment) -> None:
    code = "import sys; print('starting'); sys.exit('no such database')"
    live = here.process.create(want := here.want(command=[PYTHON, "-IS", "-c", code]))
    first = here.process.ready(live)
    assert isinstance(first, Waiting)
    wait_for(lambda: isinstance(here.process.ready(live), Failed))
    found = here.process.ready(live)
    assert isinstance(found, Failed)
    assert "exited with code 1" in found.reason
    assert "no such database" in found.reason
    assert "tracking.server.log" in found.fix
    wait_for(lambda: here.differences(want) == {"running": "failing again and again"})
    assert isinstance(here.process.ready(here.update(want)), Waiting)  # an apply tries afresh
    mended = here.want(command=SLEEP)
    here.ready(here.update(mended))


def test_a_program_that_fails_again_and_again_can_be_stopped_and_deleted(here: Environment) -> None:
    want, stopped = (here.want(command=[PYTHON, "-IS", "-c", "raise SystemExit(1)"], running=running) for running in (True, False))
    live = here.process.create(want)
    for seconds in (0.2, 0.5, 0.9):
        time.sleep(seconds)
        here.update(stopped)
        assert here.differences(stopped) == {}
        here.update(want)
    here.process.delete(live)
    assert here.ours() == {here.supervisord()}
    assert here.process.read([want.id]) == {want.id: None}


def test_a_lost_log_folder_heals(here: Environment) -> None:
    want, idle = here.want(command=SLEEP), here.want("a/local.process/idle", command=SLEEP, running=False)
    here.begun(here.process.create(want))
    here.process.create(idle)
    os.kill(here.supervisord(), signal.SIGKILL)
    wait_for(lambda: not here.ours())
    shutil.rmtree(Path(here.client.root, "logs"))
    here.start()
    here.begun(here.update(want))
    assert here.differences(want) == here.differences(idle) == {}


KILLED = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from tests.providers.local.supervised import PYTHON, Environment
here = Environment(Path(sys.argv[1]))
here.start()
wants = [here.want(f"c{n}/local.process/p", command=[PYTHON, "-IS", "-c", "import time; time.sleep(600)"], environment={"V": sys.argv[2]})
         for n in range(3)]
def settle(want):
    live = here.process.read([want.id])[want.id]
    return here.process.create(want) if live is None else here.process.update(live, want, [])
with ThreadPoolExecutor(3) as pool:
    list(pool.map(settle, wants))
"""


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.long)])
def test_a_deployer_killed_at_any_moment_leaves_what_the_next_one_finishes(tmp_path: Path, kills: int) -> None:
    with environment(tmp_path / "root") as here:
        for turn in range(kills):
            process = subprocess.Popen([sys.executable, "-c", KILLED, here.client.root, str(turn)], cwd=Path.cwd())
            time.sleep(0.3 + (turn * 0.37) % 1.0)
            process.kill()
            process.wait()
        subprocess.run([sys.executable, "-c", KILLED, here.client.root, "last"], cwd=Path.cwd(), check=True)
        wants = [here.want(f"c{n}/local.process/p", command=SLEEP, environment={"V": "last"}) for n in range(3)]
        for want in wants:
            here.begun(here.read(want))
            assert here.differences(want) == {}
        wait_for(lambda: len(here.ours()) == 1 + 2 * len(wants))  # one supervisord, and a guard and a program each
        assert not list(Path(here.client.root).rglob(".deployer-*"))


def test_a_program_that_cannot_be_started_says_so(here: Environment) -> None:
    live = here.process.create(here.want(command=["/nowhere/at/all"]))
    wait_for(lambda: isinstance(here.process.ready(live), Failed))
    found = here.process.ready(live)
    assert isinstance(found, Failed)
    assert "cannot start /nowhere/at/all" in found.reason


def test_without_restart_a_program_that_ended_is_drift(here: Environment) -> None:
    want = here.want(command=[PYTHON, "-IS", "-c", "import time; time.sleep(1.3)"], restart=False)
    live = here.process.create(want)
    here.ready(live)
    wait_for(lambda: here.differences(want) == {"running": False})
    assert isinstance(here.process.ready(live), Failed)


def test_a_process_that_should_not_run_is_stopped_and_comes_back(here: Environment) -> None:
    want, stopped = here.want(command=SLEEP), here.want(command=SLEEP, running=False)
    here.ready(here.process.create(want))
    leader = here.leader(want)
    here.ready(here.update(stopped))
    assert here.differences(stopped) == {}
    assert not alive(leader)
    here.ready(here.update(want))
    assert here.differences(want) == {}


def test_a_stop_waits_for_the_programs_own_end(here: Environment, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n time.sleep(0.4); open('ended', 'w').close(); sys.exit()\n"
        "signal.signal(2, end); open('begun', 'w').close(); time.sleep(600)"
    )
    want = here.want(command=[PYTHON, "-IS", "-c", code], stop={"signal": "INT", "timeout": 5}, directory=str(tmp_path))
    live = here.process.create(want)
    wait_for((tmp_path / "begun").exists)
    here.process.delete(live)
    assert (tmp_path / "ended").exists()


def test_delete_works_when_supervisord_was_killed(here: Environment) -> None:
    want = here.server(free_port())
    live = here.process.create(want)
    here.ready(live)
    for pid in (here.supervisord(), here.guard(want)):
        os.kill(pid, signal.SIGKILL)
    here.process.delete(live)
    assert not here.ours()
    assert here.process.read([want.id]) == {want.id: None}


def test_a_create_that_was_killed_after_its_first_file_is_carried_on(here: Environment) -> None:
    want = here.want(command=SLEEP)
    here.client.write(want.id, b"{}", 0o600, here.process.marked(want))
    assert here.read(want).mark == want.mark
    here.begun(here.process.create(want))
    assert here.differences(want) == {}


def test_two_environments_do_not_touch_one_another(here: Environment, tmp_path: Path) -> None:
    with environment(tmp_path / "second") as other:
        other.start()
        ours, theirs = here.want(command=SLEEP), other.want(command=SLEEP)
        here.begun(here.process.create(ours))
        other.begun(other.process.create(theirs))
        leader = here.leader(ours)
        os.kill(other.leader(theirs), signal.SIGKILL)
        other.process.delete(other.read(theirs))
        other.supervisor.delete(other.start())
        assert alive(leader)


def test_a_port_of_a_second_checkout_of_the_same_project_is_a_strangers(here: Environment, tmp_path: Path) -> None:
    with environment(tmp_path / "second") as other:
        other.start()
        want = other.server(port := free_port())
        other.ready(other.process.create(want))
        (problem,) = here.process.check([(here.server(port), None)])
        assert f"port {port}" in problem.what
        found = here.process.ready(here.process.create(here.server(port)))
        assert isinstance(found, Failed)
        assert other.process.check([(other.server(port), None)]) == []
