"""The environment's supervisord: one, ours, outliving the command, and healed whatever was done to it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployer.core.errors import OwnershipError, ProviderError
from deployer.core.resource import Failed, Live, Ready
from deployer.providers.local import endings, supervision
from deployer.providers.local.supervision import Layout
from tests.providers.local.supervised import PYTHON, Environment, alive, environment, wait_for

SLEEP = [PYTHON, "-IS", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Environment]:
    with environment(tmp_path / "root") as made:
        yield made


def read(here: Environment) -> Live:
    folder = Layout(here.client.root).folder
    live = here.supervisor.read([folder])[folder]
    assert live is not None
    return live


def test_it_leads_its_own_session_with_a_small_environment(here: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    live = here.start()
    assert here.supervisor.ready(live) == Ready()
    pid = here.supervisord()
    assert os.getsid(pid) == pid
    assert b"LEAKED" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"DONTWRITE" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_it_survives_the_command_that_started_it_and_its_terminal(here: Environment) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.providers.local.supervised import Environment; "
        "Environment(Path(sys.argv[1])).start()"
    )
    done = subprocess.run([sys.executable, "-c", code, here.client.root], check=True, timeout=60, start_new_session=True, cwd=Path.cwd())
    assert done.returncode == 0
    pid = here.supervisord()
    assert alive(pid)
    assert os.getsid(pid) != os.getsid(0)


def test_starting_again_keeps_the_one_that_runs(here: Environment) -> None:
    first = here.start()
    pid = here.supervisord()
    assert here.start() == first
    assert here.supervisord() == pid


def test_two_starts_at_once_make_one(here: Environment) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Environment(Path(here.client.root)).start(), range(4)))
    assert endings.strays(Layout(here.client.root).conf) == {here.supervisord()}


def test_after_a_kill_the_plan_says_so_and_an_update_starts_it(here: Environment) -> None:
    live = here.start()
    os.kill(old := here.supervisord(), signal.SIGKILL)
    wait_for(lambda: not alive(old))
    gone = read(here)
    assert gone.config == {**live.config, "running": False, "mode": "0700"}
    assert gone.token != live.token
    assert isinstance(here.supervisor.ready(live), Failed)
    assert here.supervisor.update(gone, here.supervisor_want(), []).config == live.config
    assert here.supervisord() != old


def test_one_that_does_not_answer_any_more_is_replaced(here: Environment) -> None:
    here.start()
    old = here.supervisord()
    Path(Layout(here.client.root).socket).unlink()
    assert read(here).config["running"] is False
    here.start()
    assert not alive(old)
    assert endings.strays(Layout(here.client.root).conf) == {here.supervisord()}


def test_a_recorded_pid_of_a_stranger_is_not_believed(here: Environment) -> None:
    here.start()
    os.kill(old := here.supervisord(), signal.SIGKILL)
    wait_for(lambda: not alive(old))
    stranger = subprocess.Popen(SLEEP)
    try:
        Path(Layout(here.client.root).folder, "supervisord.pid").write_text(str(stranger.pid))
        assert read(here).config["running"] is False
        here.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_another_configuration_restarts_it_and_what_ran_comes_back(here: Environment) -> None:
    here.start()
    want, idle = here.want(command=SLEEP), here.want("a/local.process/idle", command=SLEEP, running=False)
    here.begun(here.process.create(want))
    here.process.create(idle)
    old = here.supervisord()
    changed = here.supervisor.update(read(here), here.supervisor_want(log_max_size="1MB"), [])
    assert changed.config == {"log_max_size": 2**20, "log_backups": 3, "running": True, "mode": "0700"}
    assert here.supervisord() != old
    here.begun(here.read(want))
    assert here.differences(want) == here.differences(idle) == {}


@pytest.mark.parametrize("crash", ["conf", "guard"])
def test_files_that_were_changed_are_drift_and_are_written_anew(here: Environment, crash: str) -> None:
    layout = Layout(here.client.root)
    here.start()
    pid = here.supervisord()
    path = Path(layout.conf if crash == "conf" else layout.guard)
    path.write_text(path.read_text() + "# edited\n")
    assert str(read(here).config["running"]).startswith("with")
    here.supervisor.update(read(here), here.supervisor_want(), [])
    assert read(here).config["running"] is True
    assert here.supervisord() == pid


def test_a_configuration_written_before_a_crash_is_taken_up(here: Environment) -> None:
    layout = Layout(here.client.root)
    here.start()
    Path(layout.conf).write_text(supervision.conf(layout, 4096, 1))
    assert read(here).config == {"log_max_size": 4096, "log_backups": 1, "running": "with an older configuration", "mode": "0700"}
    here.supervisor.update(read(here), here.supervisor_want(log_max_size=4096, log_backups=1), [])
    assert read(here).config["running"] is True


def test_a_broken_program_file_does_not_keep_it_from_starting(here: Environment) -> None:
    here.start()
    want = here.want(command=SLEEP)
    here.begun(here.process.create(want))
    os.kill(here.supervisord(), signal.SIGKILL)
    wait_for(lambda: not here.ours())
    Path(Layout(here.client.root).programs, "tracking.server.ini").write_text("[program:x\n")
    Path(Layout(here.client.root).programs, "other.ini").write_text("[program:other]\ncommand = %(nothing)s\n[supervisord]\n")
    here.start()
    here.begun(here.update(want))
    assert here.differences(want) == {}


def test_delete_ends_every_program_and_leaves_nothing(here: Environment) -> None:
    live = here.start()
    here.process.create(here.want(command=SLEEP))
    here.supervisor.delete(live)
    here.supervisor.delete(live)
    assert not here.ours()
    assert here.supervisor.read([live.id]) == {live.id: None}
    assert not Path(live.id).exists()


def test_delete_ends_programs_of_a_supervisord_that_was_killed(here: Environment) -> None:
    live = here.start()
    want = here.want(command=SLEEP)
    here.begun(here.process.create(want))
    for pid in (here.supervisord(), here.guard(want)):
        os.kill(pid, signal.SIGKILL)
    here.supervisor.delete(live)
    assert not here.ours()


def test_its_files_are_private(here: Environment) -> None:
    live = here.start()
    for path in (Path(live.id), *Path(live.id).rglob("*")):
        assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path


def test_a_folder_of_somebody_else_is_refused(here: Environment) -> None:
    Path(here.client.root, "supervisor").mkdir(parents=True)
    with pytest.raises(OwnershipError):
        here.start()


def test_what_a_killed_create_left_is_used(here: Environment) -> None:
    want = here.supervisor_want()
    here.supervisor._folder(want)
    assert read(here).config == {"log_max_size": None, "log_backups": None, "running": False, "mode": "0700"}
    assert here.supervisor.update(read(here), want, []).config == want.config


@pytest.mark.parametrize("name", ["x" * 120, "a[b]", "100%", "a;b", "it's"])
def test_a_root_supervisord_cannot_take_is_found_before_the_first_change(tmp_path: Path, name: str) -> None:
    here = Environment(tmp_path / name)
    (problem,) = here.supervisor.check([(here.supervisor_want(), None)])
    assert "settings.root" in problem.allowed


def test_a_start_that_fails_says_why(here: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "CONF", supervision.CONF.replace("umask = 077", "umask = nonsense"))
    with pytest.raises(ProviderError, match="nonsense"):
        here.start()


def test_a_configuration_it_should_not_run_with_stops_it(here: Environment) -> None:
    here.start()
    stopped = here.supervisor.update(read(here), here.supervisor_want(running=False), [])
    assert stopped.config["running"] is False
    assert here.supervisor.ready(stopped) == Ready()
    assert not here.ours()


def test_one_that_ended_is_not_ready_and_one_that_is_not_wanted_is(here: Environment) -> None:
    here.start()
    os.kill(here.supervisord(), signal.SIGKILL)
    wait_for(lambda: supervision.answering(Layout(here.client.root)) is None)
    assert isinstance(here.supervisor.ready(read(here)), Failed)
    live = here.start(running=False)
    assert here.supervisor.ready(live) == Ready()
    assert live.config == here.supervisor_want(running=False).config
    assert here.start().config == here.supervisor_want().config


def test_a_folder_opened_to_others_is_drift_and_closed_again(here: Environment) -> None:
    pid = (here.start(), here.supervisord())[1]
    Path(Layout(here.client.root).folder).chmod(0o755)
    assert read(here).config["mode"] == "0755"
    assert here.start().config == here.supervisor_want().config
    assert here.supervisord() == pid
