"""Two at once, interrupted, stopped, dead: who may write, and what the other one is told."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import psutil
import pytest

from tests.scenarios.project import Project, wait_for
from tests.scenarios.small import APP

SLOW = """\
version: 1
platform: slow
target: local
components: {}
resources:
  supervisor: {kind: local.supervisor, config: {}}
  http: {kind: local.port, config: {port: auto}}
  app: {kind: local.file, config: {path: app.py, content: CODE}}
  server:
    kind: local.process
    config:
      supervisor: "${resource.supervisor.socket}"
      command: [PYTHON, "${resource.app.path}"]
      environment: {PORT: "${resource.http.port}", GREETING: hello}
      port: "${resource.http.port}"
      health: {path: /, status: 200, timeout: 5}
  after: {kind: local.file, depends_on: [server], config: {path: after.txt, content: "made when the server answers"}}
"""


def slow(seconds: float) -> str:
    """An environment whose server takes its time to listen."""
    import sys  # noqa: PLC0415 - one word of it

    code = f"import time\ntime.sleep({seconds})\n{APP}"
    return SLOW.replace("CODE", json.dumps(code)).replace("PYTHON", sys.executable)


def started(project: Project, *words: str) -> subprocess.Popen[str]:
    """An apply that holds the lock and waits for its server."""
    running = project.start("apply", "local", "-y", *words)
    wait_for(lambda: (project.root() / "programs").exists() or running.poll() is not None, 30, "the lock to be taken")
    assert running.poll() is None, running.communicate()
    return running


def test_a_second_apply_is_refused_with_the_holder_named_and_the_first_one_wins(project: Project) -> None:
    project.write("local", slow(4))
    first = started(project)
    second = project.run("apply", "local", "-y", code=3)
    assert f"{first.pid}" in second.err
    assert "deployer apply local" in second.err
    assert json.loads(project.run("apply", "local", "-y", "--json", code=3).out.splitlines()[-1])["error"]["holder"]["pid"] == first.pid
    assert first.wait(60) == 0
    project.run("plan", "local", "--detailed-exitcode")


def test_a_second_apply_may_wait_for_the_first(project: Project) -> None:
    project.write("local", slow(3))
    first = started(project)
    second = project.run("apply", "local", "-y", "--lock-timeout", "60")
    assert "No changes" in second.out
    assert first.wait(60) == 0


def test_the_lock_of_a_killed_apply_lapses_at_once_and_its_work_is_taken_up(project: Project) -> None:
    project.write("local", slow(3))
    first = started(project)
    first.kill()
    first.wait(10)
    project.run("apply", "local", "-y")
    assert (project.root() / "after.txt").exists()
    project.run("plan", "local", "--detailed-exitcode")


def test_unlock_shows_a_living_holder_and_leaves_the_lock_alone(project: Project) -> None:
    project.write("local", slow(4))
    first = started(project)
    refused = project.run("unlock", "local", "-y", code=None)
    assert refused.code != 0
    assert f"{first.pid}" in refused.out + refused.err
    assert first.wait(60) == 0
    assert project.run("unlock", "local", "-y").code == 0


def test_ctrl_c_once_starts_nothing_new_and_the_next_apply_goes_on_waiting(project: Project) -> None:
    project.write("local", slow(6))
    first = started(project)
    server = wait_for_server(project)
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert first.returncode == 130, (out, err)
    assert not (project.root() / "after.txt").exists()
    assert psutil.pid_exists(server)
    second = project.run("apply", "local", "-y")
    assert "wait" in second.out
    assert wait_for_server(project) == server
    assert (project.root() / "after.txt").exists()


def test_ctrl_c_twice_leaves_at_once_and_the_journal_is_whole(project: Project) -> None:
    project.write("local", slow(6))
    first = started(project)
    first.send_signal(signal.SIGINT)
    time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert first.returncode == 130
    project.run("apply", "local", "-y")
    project.run("plan", "local", "--detailed-exitcode")


def wait_for_server(project: Project) -> int:
    def server() -> int | None:
        return next((p.pid for p in project.processes() if any("app.py" in word for word in p.cmdline()[:2])), None)

    wait_for(server, 30, "the server")
    found = server()
    assert found is not None
    return found


@pytest.mark.long
def test_an_apply_that_was_frozen_past_its_lease_cannot_write_any_more(project: Project) -> None:
    project.write("local", slow(3))
    first = started(project)
    wait_for_server(project)
    first.send_signal(signal.SIGSTOP)
    second = project.run("apply", "local", "-y", "--lock-timeout", "150")
    assert second.code == 0
    first.send_signal(signal.SIGCONT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 1, (out, err)
    assert "lock" in err
    project.run("plan", "local", "--detailed-exitcode")
