"""Supervised programs: what a read sees and what a change does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployer.core.errors import ConfigError, OwnershipError, ProviderError
from deployer.core.resource import Failed
from deployer.core.values import OutputRef, Template, Unknown
from deployer.providers.local import supervision
from tests.providers.local.supervised import PYTHON, SLEEP, TWO_LAYERS, Environment, environment, free_port, listens, wait_for


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Environment]:
    with environment(tmp_path / "root") as made:
        made.start()
        yield made


def test_a_new_process_answers_and_reads_as_wanted(here: Environment) -> None:
    want = here.server(port := free_port(), secret_environment={"ANSWER": "OK s3cret"})
    live = here.process.create(want)
    here.ready(live)
    assert here.differences(want) == {}
    assert live.outputs == here.process.predict(want.id, want.config)
    assert httpx.get(f"{live.outputs['url']}/health").text == "OK s3cret"
    assert live.outputs["url"] == f"http://127.0.0.1:{port}"
    assert [found.id for found in here.process.find(here.client.mark)] == [want.id]


def test_secrets_are_in_one_private_file_only(here: Environment) -> None:
    want = here.want(command=SLEEP, secret_environment={"KEY": "s3cret"})
    here.begun(here.process.create(want))
    for path in Path(here.client.root).rglob("*"):
        assert not path.lstat().st_mode & 0o077, path
        if path.is_file():
            assert ("s3cret" in path.read_text()) == (str(path) == want.id), path
    assert not any(b"s3cret" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in here.ours())


def test_a_changed_environment_restarts_and_a_changed_health_check_does_not(here: Environment) -> None:
    port = free_port()
    want = here.server(port)
    here.ready(here.process.create(want))
    leader = here.leader(want)
    gentle = here.server(port, health={"path": "/health", "timeout": 2})
    assert set(here.differences(gentle)) == {"health"}
    here.ready(here.update(gentle))
    assert here.differences(gentle) == {}
    assert here.leader(want) == leader
    harsh = here.server(port, environment={"ANSWER": "OK two"})
    here.ready(here.update(harsh))
    assert here.differences(harsh) == {}
    assert here.leader(want) != leader
    assert httpx.get(f"http://127.0.0.1:{port}/health").text == "OK two"


def test_an_unchanged_process_is_left_alone_and_a_lost_mark_comes_back(here: Environment) -> None:
    want = here.want(command=SLEEP)
    here.begun(here.process.create(want))
    leader = here.leader(want)
    os.removexattr(want.id, "user.deployer.mark")
    assert here.read(want).mark is None
    assert here.update(want).mark == want.mark
    assert here.leader(want) == leader


def test_a_hand_edited_file_shows_the_path_and_is_repaired_without_a_restart(here: Environment) -> None:
    want = here.want(command=SLEEP, environment={"A": "1"})
    live = here.process.create(want)
    here.begun(live)
    leader, token = here.leader(want), here.read(want).token
    edited = json.loads(Path(want.id).read_text())
    edited["environment"]["A"] = "2"
    Path(want.id).write_text(json.dumps(edited))
    seen = here.read(want)
    assert seen.config["environment"] == {"A": "2"}
    assert seen.config["running"] == "with supervisord's file edited or missing"
    assert seen.token != token
    here.update(want)
    assert here.differences(want) == {}
    assert here.leader(want) == leader


def test_a_program_restarted_from_an_edited_file_is_restarted_from_the_right_one(here: Environment) -> None:
    want = here.want(command=SLEEP, environment={"A": "1"})
    here.begun(here.process.create(want))
    right = Path(want.id).read_text()
    Path(want.id).write_text(right.replace('"A": "1"', '"A": "2"'))
    os.kill(old := here.leader(want), signal.SIGKILL)
    wait_for(lambda: here.leader(want) != old)
    Path(want.id).write_text(right)
    assert here.differences(want) == {"running": "with an older configuration"}
    here.update(want)
    wait_for(lambda: here.differences(want) == {})


@pytest.mark.parametrize("damage", ["edited", "gone", "nonsense"])
def test_a_damaged_supervisord_file_is_drift_and_is_written_anew(here: Environment, damage: str) -> None:
    want, other = here.want(command=SLEEP), here.want("b/local.process/x", command=SLEEP)
    here.begun(here.process.create(want))
    ini = Path(here.client.root, "supervisor/conf.d/tracking.server.ini")
    match damage:
        case "edited":
            ini.write_text(ini.read_text().replace("autorestart = true", "autorestart = false"))
        case "gone":
            ini.unlink()
        case _:
            ini.write_text("[program:tracking.server\nnonsense")
            with pytest.raises(ProviderError) as raised:
                here.process.create(other)
            assert raised.value.transient  # the neighbouring step may be about to mend it
    assert set(here.differences(want)) == {"running"}
    here.begun(here.update(want))
    assert here.differences(want) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"command": 1, "environment": 2}'])
def test_an_unreadable_file_is_drift_and_is_written_anew(here: Environment, text: str) -> None:
    want = here.want(command=SLEEP)
    here.process.create(want)
    Path(want.id).write_text(text)
    assert here.differences(want)
    here.begun(here.update(want))
    assert here.differences(want) == {}


def test_arguments_and_values_arrive_as_they_are(here: Environment, tmp_path: Path) -> None:
    words = ["a b", "100%", "%(x)s", "ü→", "'\"`$(x);#", "", "--a=\\n"]
    code = "import json, os, sys, time; json.dump([sys.argv[1:], os.environ['V']], open(sys.argv[1] + '.json', 'w')); time.sleep(600)"
    here.process.create(
        want := here.want(command=[PYTHON, "-IS", "-c", code, *words], environment={"V": "x\ny %% ;"}, directory=str(tmp_path))
    )
    wait_for(lambda: (tmp_path / "a b.json").exists() and (tmp_path / "a b.json").stat().st_size)
    assert json.loads((tmp_path / "a b.json").read_text()) == [words, "x\ny %% ;"]
    assert here.differences(want) == {}


def test_a_root_with_spaces_and_umlauts_works(tmp_path: Path) -> None:
    with environment(tmp_path / "my ü root") as here:
        here.start()
        want = here.want(command=SLEEP)
        here.begun(here.process.create(want))
        assert here.differences(want) == {}


def test_a_port_held_by_a_stranger_is_the_reason_given(here: Environment) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        want = here.server(port := stranger.getsockname()[1])
        (problem,) = here.process.check([(want, None)])
        assert f"port {port}" in problem.what
        assert f"pid {os.getpid()}" in problem.what
        found = here.process.ready(here.process.create(want))
    assert isinstance(found, Failed)
    assert f"pid {os.getpid()}" in found.reason


def test_an_answer_from_a_stranger_is_not_readiness(here: Environment) -> None:
    port = free_port()
    stranger = subprocess.Popen([PYTHON, "-IS", "-c", TWO_LAYERS, str(port)], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        found = here.process.ready(here.process.create(here.server(port)))
        assert isinstance(found, Failed)
    finally:
        os.killpg(stranger.pid, signal.SIGKILL)
        stranger.wait()


def test_delete_leaves_nothing_and_can_be_repeated(here: Environment) -> None:
    want = here.server(port := free_port())
    live = here.process.create(want)
    here.ready(live)
    here.process.delete(live)
    here.process.delete(live)
    assert not listens(port)
    assert here.ours() == {here.supervisord()}
    left = {path.name for path in Path(here.client.root).rglob("*")}
    assert not {name for name in left if "tracking" in name or name == "programs"}
    assert here.process.read([want.id]) == {want.id: None}


def test_a_foreign_file_at_the_place_is_refused(here: Environment) -> None:
    want = here.want(command=SLEEP)
    Path(want.id).parent.mkdir()
    Path(want.id).write_text("{}")
    with pytest.raises(OwnershipError):
        here.process.create(want)


def test_the_log_is_private_turned_over_and_found(here: Environment) -> None:
    code = "import time\nfor n in range(40): print('x' * 99, flush=True); time.sleep(0.01)\nprint('last', flush=True); time.sleep(600)"
    want = here.want(command=[PYTHON, "-IS", "-c", code], log={"max_size": "1KB", "backups": 2})
    here.process.create(want)
    wait_for(lambda: len(here.process.log_files(want.id)) == 3)
    files = here.process.log_files(want.id)
    assert [Path(path).name for path in files] == [f"tracking.server.log{end}" for end in ("", ".1", ".2")]
    assert all(stat.S_IMODE(Path(path).stat().st_mode) == 0o600 for path in files)


def test_status_tells_state_memory_and_since(here: Environment) -> None:
    want = here.want(command=SLEEP)
    begun = time.time()
    here.ready(here.process.create(want))
    status = here.process.status([want.id])[want.id]
    assert status["state"] == "running"
    assert status["pid"] == here.leader(want)
    assert isinstance(status["memory"], int)
    assert 5_000_000 < status["memory"] < 100_000_000
    assert isinstance(status["since"], float)
    assert begun - 1 < status["since"] < time.time()
    here.process.delete(here.read(want))
    assert here.process.status([want.id])[want.id]["state"] == "stopped"


def test_a_missing_program_is_found_before_the_first_change(here: Environment) -> None:
    (problem,) = here.process.check([(here.want(command=["/nowhere/at/all"]), None)])
    assert "/nowhere/at/all" in problem.what
    assert not here.process.check([(here.want(command=[f"{here.client.root}/envs/x/bin/python"]), None)])
    assert not here.process.check([(here.want(command=SLEEP), None)])


def test_numbers_become_text_and_what_is_not_known_yet_stays(here: Environment) -> None:
    later = Unknown(Template((OutputRef("tracking/local.port/http", "port"),)))
    parsed = here.process.parse({"supervisor": "s", "command": ["x", 5, later], "environment": {"A": True, "B": 1.5}, "port": later})
    assert parsed["command"] == ["x", "5", later]
    assert parsed["environment"] == {"A": "true", "B": "1.5"}
    assert here.process.predict("/root/programs/a.json", parsed)["url"] == later


def test_wrong_configurations_are_refused_in_words(here: Environment) -> None:
    with pytest.raises(ConfigError) as raised:
        here.process.parse(
            {"supervisor": "s", "command": [], "environment": {"1A": "x"}, "stop": {"signal": "XYZ"}, "log": {"max_size": "9 apples"}}
        )
    assert {problem.path for problem in raised.value.problems} >= {"command", "stop.signal", "log.max_size"}
    with pytest.raises(ConfigError, match="needs a port"):
        here.process.parse({"supervisor": "s", "command": ["x"], "health": {}})


def test_a_name_with_odd_characters_is_one_of_its_own(here: Environment) -> None:
    ids = {here.want(f"a/local.process/{name}", command=SLEEP).id for name in ("p[x y]", "p[x-y]", "p", "p.x")}
    assert len(ids) == 4
    want = here.want("a/local.process/p[x y]", command=SLEEP)
    here.begun(here.process.create(want))
    assert here.differences(want) == {}


def test_without_supervisord_nothing_is_written(tmp_path: Path) -> None:
    with environment(tmp_path / "root") as here:
        want = here.want(command=SLEEP)
        with pytest.raises(ProviderError, match="does not run"):
            here.process.create(want)
        assert not Path(want.id).exists()


def test_reading_many_processes_asks_supervisord_once(here: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    honest = supervision.call

    def counted(layout: supervision.Layout, method: str, *arguments: object) -> object:
        calls.append(method)
        return honest(layout, method, *arguments)

    wants = [here.want(f"part{n}/local.process/p", command=SLEEP) for n in range(3)]
    for want in wants:
        here.process.create(want)
    monkeypatch.setattr(supervision, "call", counted)
    here.process.read([want.id for want in wants])
    assert calls == ["getAllProcessInfo"]


def test_a_loosened_file_of_secrets_is_drift_and_closed_again_without_a_restart(here: Environment) -> None:
    want = here.want(command=SLEEP)
    here.begun(here.process.create(want))
    leader = here.leader(want)
    Path(want.id).chmod(0o644)
    assert here.differences(want) == {"mode": "0644"}
    here.update(want)
    assert here.differences(want) == {}
    assert here.leader(want) == leader


def test_a_removed_log_is_drift_and_written_again(here: Environment) -> None:
    want = here.want(command=SLEEP)
    here.begun(live := here.process.create(want))
    shutil.rmtree(Path(str(live.outputs["log"])).parent)
    assert here.differences(want) == {"running": "with its log file removed"}
    here.update(want)
    assert here.differences(want) == {}
    assert Path(str(live.outputs["log"])).exists()
