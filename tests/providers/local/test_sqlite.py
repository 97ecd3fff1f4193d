from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployer.core.errors import ConfigError, OwnershipError, ProviderError
from deployer.core.values import Json
from deployer.providers.local import database
from tests.providers.local.rigs import MARK, create, kind, mounted, there, want

SQLITE = "local.sqlite"
MAKE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('create table {} (x)'); c.commit(); c.close()"


def schema(version: str, code: str, **environment: str) -> dict[str, Json]:
    return {"version": version, "command": [sys.executable, "-c", code, "{path}"], "environment": dict(environment)}


def tables(path: str | Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(row[0] for row in connection.execute("select name from sqlite_master where type = 'table'"))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"path": "../x"},
        {"path": "a.db-wal"},
        {"path": "a.db.new"},
        {"path": "a?mode=memory"},
        {"path": "a", "schema": {}},
        {"path": "a", "schema": {"version": 1, "command": ["x"]}},
        {"path": "a", "schema": {"version": "1", "command": []}},
        {"path": "a", "schema": {"version": "1", "command": "sh -c x"}},
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        kind(SQLITE, tmp_path).parse(config)


def test_a_database_without_a_schema_is_empty_and_opens(tmp_path: Path) -> None:
    live = create(kind(SQLITE, tmp_path), {"path": "a.db"})
    assert live.outputs == {"path": live.id, "uri": f"sqlite:///{live.id}"}
    assert live.outputs["uri"] == f"sqlite:////{str(tmp_path)[1:]}/a.db"
    assert tables(live.id) == []
    assert Path(live.id).read_bytes().startswith(b"SQLite format 3\0")


def test_the_command_gets_the_path_by_argument_and_environment_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_SECRET", "hunter2")
    code = "import os, sys, sqlite3; assert sys.argv[1] in os.environ['URI']; c = sqlite3.connect(sys.argv[1]); c.execute('create table \"' + '|'.join(sorted(os.environ)) + '\" (x)'); c.commit()"  # noqa: E501 - a program
    live = create(kind(SQLITE, tmp_path), {"path": "a.db", "schema": schema("1", code, URI="sqlite:///{path}?x=1", A="b")})
    assert tables(live.id) == ["A|LANG|LC_CTYPE|PATH|URI"] or tables(live.id) == ["A|LANG|PATH|URI"]


def test_only_the_version_counts_when_schemas_are_compared(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    assert made.rules.computed == ("schema.command", "schema.environment")
    live = create(made, {"path": "a.db", "schema": schema("v7/ä", MAKE.format("one"))})
    assert isinstance(live.config["schema"], dict)
    assert live.config["schema"]["version"] == "v7/ä"


def test_data_is_named_with_its_size_and_what_is_still_in_the_log(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    live = create(made, {"path": "a.db"})
    assert live.data == f"database {live.id} (4.1 kB)"
    with closing(sqlite3.connect(live.id)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("create table t (x)")
        connection.execute("insert into t values (zeroblob(1000000))")
        connection.commit()
        assert "1.0 MB" in str(there(made, live.id).data)
        assert there(made, live.id).token == live.token
        made.delete(live)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_command_shows_its_last_lines_and_leaves_no_database(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    code = "import sys; print('line\\n' * 50, file=sys.stderr); sys.exit('no such revision: abc')"
    with pytest.raises(ProviderError, match="was not made") as caught:
        create(made, {"path": "a.db", "schema": schema("1", code)})
    assert "ended with 1" in caught.value.why
    assert caught.value.why.endswith("no such revision: abc")
    assert caught.value.why.count("\n") == database.LINES
    assert not (tmp_path / "a.db").exists()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"/no/such/program cannot be started: no such file"):
        create(kind(SQLITE, tmp_path), {"path": "a.db", "schema": {"version": "1", "command": ["/no/such/program"]}})


@pytest.mark.parametrize("code", ["import os, sys; os.unlink(sys.argv[1])", "import sys; open(sys.argv[1], 'w').write('nonsense' * 999)"])
def test_a_command_that_makes_no_database_is_an_error(tmp_path: Path, code: str) -> None:
    with pytest.raises(ProviderError, match=r"made no database|not a database"):
        create(kind(SQLITE, tmp_path), {"path": "a.db", "schema": schema("1", code)})
    assert not (tmp_path / "a.db").exists()


def test_a_failed_create_can_be_repeated_or_given_up(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    bad: dict[str, Json] = {"path": "a.db", "schema": schema("1", "1/0")}
    good: dict[str, Json] = {"path": "a.db", "schema": schema("1", MAKE.format("t"))}
    for _ in range(2):
        with pytest.raises(ProviderError):
            create(made, bad)
    half = there(made, str(tmp_path / "a.db"))
    assert half.mark is not None
    assert half.data is None
    assert half.config["schema"] == {"version": "(half made)", "command": [], "environment": {}}
    wanted = want(made, good)
    assert made.update(half, wanted, []).config["path"] == "a.db"
    assert tables(half.id) == ["t"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db"]


def test_what_is_half_made_and_not_wanted_any_more_goes_without_a_trace(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    with pytest.raises(ProviderError):
        create(made, {"path": "a.db", "schema": schema("1", "1/0")})
    made.delete(there(made, str(tmp_path / "a.db")))
    assert list(tmp_path.iterdir()) == []


def test_an_upgrade_runs_in_place_after_a_backup_of_the_old_data(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    old = create(made, {"path": "runs.db", "schema": schema("1", MAKE.format("one"))})
    inode = Path(old.id).stat().st_ino
    with closing(sqlite3.connect(old.id)) as service:
        service.execute("pragma journal_mode=wal")
        service.execute("insert into one values (7)")
        service.commit()
        wanted = want(made, {"path": "runs.db", "schema": schema("2", MAKE.format("two"))})
        new = made.update(there(made, old.id), wanted, [])
        assert service.execute("select x from one").fetchall() == [(7,)]
    assert Path(new.id).stat().st_ino == inode
    assert tables(new.id) == ["one", "two"]
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.name.startswith("runs-1-20")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert tables(backup) == ["one"]
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("select x from one").fetchall() == [(7,)]


def test_a_failed_upgrade_names_the_backup_and_keeps_the_old_version(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    old = create(made, {"path": "a.db", "schema": schema("1", MAKE.format("one"))})
    wanted = want(made, {"path": "a.db", "schema": schema("2", "1/0")})
    with pytest.raises(ProviderError, match="ZeroDivisionError") as caught:
        made.update(old, wanted, [])
    (backup,) = (tmp_path / "backups").iterdir()
    assert str(backup) in caught.value.why
    assert there(made, old.id).config == old.config


def test_a_mode_or_a_mark_is_restored_without_touching_the_data(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    wanted = want(made, {"path": "a.db", "schema": schema("1", MAKE.format("one"))})
    live = made.create(wanted)
    Path(live.id).chmod(0o644)
    before = Path(live.id).read_bytes()
    assert made.update(there(made, live.id), wanted, []).config == live.config
    assert Path(live.id).read_bytes() == before
    assert not (tmp_path / "backups").exists()


def test_somebody_elses_database_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"theirs")
    made = kind(SQLITE, tmp_path)
    with pytest.raises(OwnershipError):
        create(made, {"path": "a.db"})
    assert (tmp_path / "a.db").read_bytes() == b"theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db"]


def test_a_symbolic_link_in_its_place_is_named_and_not_followed(tmp_path: Path) -> None:
    victim, root = tmp_path / "victim", tmp_path / "root"
    victim.write_bytes(b"precious")
    root.mkdir()
    (root / "a.db").symlink_to(victim)
    made = kind(SQLITE, root)
    live = there(made, str(root / "a.db"))
    assert "symbolic link" in str(live.config["mode"])
    with pytest.raises(OwnershipError):
        create(made, {"path": "a.db"})
    with pytest.raises(ProviderError, match="symbolic link"):
        made.update(live, want(made, {"path": "a.db"}), [])
    assert victim.read_bytes() == b"precious"


def test_a_command_that_outlives_a_killed_deployer_keeps_the_next_one_waiting(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    code = MAKE.format("t") + "; import time; time.sleep(2)"
    wanted = want(made, {"path": "a.db", "schema": schema("1", code)})
    child = os.fork()
    if child == 0:
        made.create(wanted)
        os._exit(0)
    deadline = time.monotonic() + 20
    while not (tmp_path / "a.db.new").exists() or not (tmp_path / "a.db.new").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    started = time.monotonic()
    live = made.create(wanted)
    assert time.monotonic() - started > 0.5  # the orphan slept on, then ours ran
    assert tables(live.id) == ["t"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db"]
    assert [found.id for found in made.find(MARK)] == [live.id]


def test_a_command_that_never_ends_is_stopped_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "TIMEOUT", 1.0)
    code = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '61.25']); print(p.pid, flush=True); time.sleep(60)"
    with pytest.raises(ProviderError, match="did not end within") as caught:
        create(kind(SQLITE, tmp_path), {"path": "a.db", "schema": schema("1", code)})
    grandchild = int(caught.value.why.split("\n")[1].split(";")[0])
    with pytest.raises(ProcessLookupError):
        _until_gone(grandchild)


def _until_gone(pid: int) -> None:
    for _ in range(100):
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            raise ProcessLookupError
        time.sleep(0.05)


def test_a_database_that_stays_locked_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    monkeypatch.setattr(database, "BUSY", 0.1)
    made = kind(SQLITE, tmp_path)
    old = create(made, {"path": "a.db", "schema": schema("1", MAKE.format("one"))})
    with closing(sqlite3.connect(old.id)) as greedy:
        greedy.execute("begin exclusive")
        with pytest.raises(ProviderError, match="locked"):
            made.update(old, want(made, {"path": "a.db", "schema": schema("2", MAKE.format("two"))}), [])
    assert list((tmp_path / "backups").iterdir()) == []


def test_two_that_make_the_same_database_at_once_make_one(tmp_path: Path) -> None:
    made = kind(SQLITE, tmp_path)
    wanted = want(made, {"path": "a.db", "schema": schema("1", MAKE.format("t"))})
    threads = [threading.Thread(target=made.create, args=(wanted,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tables(wanted.id) == ["t"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db"]


def test_a_full_disk_and_no_room_for_a_backup_are_found_before_the_first_change(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "tmpfs", "-o", "size=1m") as small:
        made = kind(SQLITE, small)
        live = create(made, {"path": "a.db", "schema": schema("1", MAKE.format("t"))})
        wanted = want(made, {"path": "a.db", "schema": schema("2", MAKE.format("u"))})
        assert ["is full" in problem.what or "back up" in problem.what for problem in made.check([(wanted, live)])] == [True, True]
        with pytest.raises(ProviderError, match=r"was not made|cannot read|no space|full"):
            create(made, {"path": "b.db", "schema": schema("1", "open(__import__('sys').argv[1], 'wb').write(b'x' * 2**21)")})


def test_the_command_line_shows_where_the_file_is_and_nothing_secret(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = f"import pathlib, sqlite3, sys; pathlib.Path({str(seen)!r}).write_bytes(pathlib.Path('/proc/self/cmdline').read_bytes())"
    create(kind(SQLITE, tmp_path / "root"), {"path": "a.db", "schema": schema("1", code)})
    assert seen.read_bytes().split(b"\0")[3] == str(tmp_path / "root/a.db.new").encode()


def test_sqlite_itself_finds_the_database_sound(tmp_path: Path) -> None:
    live = create(kind(SQLITE, tmp_path), {"path": "a.db", "schema": schema("1", MAKE.format("t"))})
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])",
            live.id,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "ok"
