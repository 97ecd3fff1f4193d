"""The command as a shell runs it: answers on stdout, progress on stderr, signals, closed pipes, a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.people import SPEC, Project

COMMAND = (sys.executable, "-m", "deployer")
SLOW = """\
version: 1
platform: demo
target: local
resources:
  slow: {kind: local.sqlite, config: {path: data/slow.db, schema: {version: "1", command: ["%s", -c, "%s"]}}}
  after: {kind: local.file, config: {path: after, content: "${resource.slow.path}"}}
"""
TABLE = "import time, sqlite3; time.sleep(3); sqlite3.connect(r'{path}').execute('create table t (a)')"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "demo")
    made.folder.mkdir()
    made.write(SPEC)
    return made


def variables(project: Project, **more: str) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "XDG_CACHE_HOME": str(project.folder.parent / "cache"), **more}


def deployer(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=project.folder, env=variables(project), capture_output=True, text=True, check=False, timeout=60
    )


def test_the_answer_is_on_stdout_and_progress_on_stderr(project: Project) -> None:
    said = deployer(project, "apply", "local", "-y")
    assert said.returncode == 0
    assert "Plan: 5 to create" in said.stdout
    assert "✓ resources/local.file/motd create done" in said.stderr
    assert "create done" not in said.stdout


def test_nobody_there_to_answer_is_an_error_that_names_the_flag(project: Project) -> None:
    said = deployer(project, "apply", "local")
    assert said.returncode == 1
    assert "nobody is there to answer" in said.stderr
    assert "fix: pass -y" in said.stderr
    assert not project.root.exists()


def test_detailed_exit_codes(project: Project) -> None:
    assert deployer(project, "plan", "local").returncode == 0
    assert deployer(project, "plan", "local", "--detailed-exitcode").returncode == 2
    deployer(project, "apply", "local", "-y")
    assert deployer(project, "plan", "local", "--detailed-exitcode").returncode == 0


def start_slow(project: Project) -> subprocess.Popen[str]:
    project.write(SLOW % (sys.executable, TABLE))
    process = subprocess.Popen(
        [*COMMAND, "apply", "local", "-y"],
        cwd=project.folder,
        env=variables(project),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert "slow create started" in process.stderr.readline()
    return process


def test_a_second_apply_is_refused_with_exit_code_3_naming_the_first(project: Project) -> None:
    process = start_slow(project)
    said = deployer(project, "apply", "local", "-y")
    assert said.returncode == 3
    assert f"pid {process.pid}" in said.stderr
    assert deployer(project, "unlock", "local", "-y").returncode == 1
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_what_runs_and_starts_nothing_new(project: Project, number: int) -> None:
    process = start_slow(project)
    process.send_signal(number)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping: nothing new starts" in shown
    assert (project.root / "data" / "slow.db").exists()
    assert not (project.root / "after").exists()
    again = deployer(project, "apply", "local", "-y", "--json")
    assert again.returncode == 0
    assert (project.root / "after").exists()


def test_two_signals_leave_at_once_and_the_next_apply_goes_on(project: Project) -> None:
    process = start_slow(project)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "leaving at once" in shown
    assert deployer(project, "apply", "local", "-y").returncode == 0
    assert deployer(project, "plan", "local", "--detailed-exitcode").returncode == 0


def test_a_closed_stderr_does_not_stop_an_apply(project: Project) -> None:
    line = f"{' '.join(COMMAND)} apply local -y 2>&-"
    done = subprocess.run(
        ["bash", "-c", line], cwd=project.folder, env=variables(project), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert (project.root / "home" / "motd.txt").exists()


def test_a_reader_that_leaves_gets_no_traceback(project: Project) -> None:
    line = f"{' '.join(COMMAND)} plan local | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line], cwd=project.folder, env=variables(project), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("demo/local on local\n", "")


def at_a_terminal(project: Project, *arguments: str, answers: dict[str, str]) -> tuple[int, str]:
    """Runs the command on a pseudo-terminal and types an answer after each prompt."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.folder)
        os.execvpe(COMMAND[0], [*COMMAND, *arguments], variables(project, TERM="xterm", COLUMNS="100", LINES="30"))  # noqa: S606 - the child of a fork
    seen, waiting, end = "", dict(answers), time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        seen += data.decode(errors="replace")
        for prompt in [prompt for prompt in waiting if prompt in seen]:
            os.write(terminal, f"{waiting.pop(prompt)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


def test_a_person_at_a_terminal_is_asked_and_sees_a_live_tree(project: Project) -> None:
    code, seen = at_a_terminal(project, "apply", "local", answers={"[y/N]": "y"})
    assert code == 0
    assert "apply 5 steps in demo/local?" in seen
    assert "done" in seen
    assert (project.root / "home" / "motd.txt").exists()


def test_a_no_at_a_terminal_changes_nothing(project: Project) -> None:
    code, seen = at_a_terminal(project, "apply", "local", answers={"[y/N]": "n"})
    assert (code, project.root.exists()) == (1, False)
    assert "Nothing was changed." in seen


@pytest.mark.parametrize(("typed", "kept"), [("local", False), ("y", True)])
def test_data_is_destroyed_only_by_typing_the_environments_name(project: Project, typed: str, kept: bool) -> None:  # noqa: FBT001
    deployer(project, "apply", "local", "-y")
    (project.root / "store" / "model").write_text("precious")
    ended, seen = at_a_terminal(project, "destroy", "local", answers={"type local": typed, "[y/N]": "y"})
    assert ended == 0
    assert "0 left" in seen
    assert (project.root / "store" / "model").exists() == kept


def test_the_only_project_below_is_used_and_said(project: Project) -> None:
    above = project.folder.parent
    done = subprocess.run(
        [*COMMAND, "validate", "local"], cwd=above, env=variables(project), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr == f"project: {project.folder}\n"


def test_paths_count_from_the_folder_named(project: Project) -> None:
    assert deployer(project, "-C", ".", "plan", "local", "--out", "p.json").returncode == 0
    above = ["-C", str(project.folder), "apply", "p.json", "-y"]
    done = subprocess.run([*COMMAND, *above], cwd="/", env=variables(project), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_init_asks_a_person_and_says_whom_each_preset_suits(project: Project) -> None:
    answers = {"Which one": "mlflow", "The platform's name": "wines", "Where it runs": "local"}
    code, seen = at_a_terminal(project, "init", "new", answers=answers)
    assert code == 0
    assert "Kubeflow on Kubernetes (not yet: this version cannot apply it)" in seen
    assert "platform: wines" in (project.folder / "new" / "environments" / "base.yaml").read_text()


def test_a_terminal_without_our_signs_gets_others(project: Project) -> None:
    plain = variables(project, PYTHONIOENCODING="latin-1")
    done = subprocess.run(
        [*COMMAND, "apply", "local", "-y"], cwd=project.folder, env=plain, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "\\u2713" in done.stderr


def test_what_nohup_ignores_stays_ignored(project: Project) -> None:
    project.write(SLOW % (sys.executable, TABLE))
    line = ["nohup", *COMMAND, "apply", "local", "-y"]
    process = subprocess.Popen(
        line,
        cwd=project.folder,
        env=variables(project),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert "slow create started" in process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (project.root / "after").exists()


def test_an_environment_without_outputs_and_state_says_so_without_empty_lines(project: Project) -> None:
    def said(*words: str) -> tuple[str, str]:
        done = subprocess.run([*COMMAND, *words], cwd=project.folder, env=variables(project), capture_output=True, text=True, check=True)
        return done.stdout, done.stderr

    assert said("output", "local") == ("", "local has no outputs: no component of it offers any\n")
    assert said("state", "list", "local")[0] == "0 objects: nothing was applied\n"
    said("apply", "local", "-y")
    assert not said("apply", "local", "-y")[0].endswith("\n\n")
