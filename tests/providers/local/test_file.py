from __future__ import annotations

import os
import resource
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployer.core.errors import ConfigError, OwnershipError, ProviderError
from deployer.core.values import OutputRef, Sensitive, Template, Unknown
from tests.providers.local.rigs import create, kind, mounted, somebody_else, there, want

FILE = "local.file"


def problem(root: Path, config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        kind(FILE, root).parse(config)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../x", "leads out"),
        ("a/../../x", "leads out"),
        ("/etc/passwd", "lies outside"),
        (".", "root itself"),
        ("", "root itself"),
        ("a\0b", "characters"),
        ("\ud800", "characters"),
        ("outside/x", "reserved"),
        ("a/.deployer-x", "reserved"),
        ("x" * 256, "too long"),
        ("ä" * 200, "too long"),
        ("abcdefgh/" * 400, "too long"),
    ],
)
def test_a_path_that_cannot_be_ours_is_refused(tmp_path: Path, path: str, says: str) -> None:
    assert says in problem(tmp_path, {"path": path, "content": ""})


@pytest.mark.parametrize("path", ["a//b", "./a/b", "a/./b/"])
def test_ways_to_write_a_path_are_one_path(tmp_path: Path, path: str) -> None:
    assert kind(FILE, tmp_path).parse({"path": path, "content": ""})["path"] == "a/b"


def test_an_absolute_path_below_the_root_becomes_relative(tmp_path: Path) -> None:
    assert kind(FILE, tmp_path).parse({"path": str(tmp_path / "a/b"), "content": ""})["path"] == "a/b"


@pytest.mark.parametrize("mode", ["0999", "rw", "0200", "4755", "07777", "0o600", ""])
def test_a_mode_no_file_should_have_is_refused(tmp_path: Path, mode: str) -> None:
    assert "mode" in problem(tmp_path, {"path": "a", "content": "", "mode": mode})


def test_a_mode_without_quotes_is_told_to_have_them(tmp_path: Path) -> None:
    assert "write it in quotes" in problem(tmp_path, {"path": "a", "content": "", "mode": 0o600})


@pytest.mark.parametrize("contents", [{}, {"content": "a", "sensitive_content": "b"}])
def test_exactly_one_content_is_asked_for(tmp_path: Path, contents: dict[str, str]) -> None:
    assert "exactly one" in problem(tmp_path, {"path": "a", **contents})


def test_content_that_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    assert "surrogate" in problem(tmp_path, {"path": "a", "content": "\udc00"})
    assert "16777217 bytes" in problem(tmp_path, {"path": "a", "content": "x" * (16 * 2**20 + 1)})


def test_content_from_a_secret_moves_to_where_it_is_not_shown(tmp_path: Path) -> None:
    secret = Sensitive("d", "hunter2")
    parsed = kind(FILE, tmp_path).parse({"path": "a", "content": secret})
    assert (parsed["content"], parsed["sensitive_content"]) == (None, secret)


def test_sensitive_content_has_no_digest_and_is_not_read_as_content(tmp_path: Path) -> None:
    live = create(kind(FILE, tmp_path), {"path": "a", "sensitive_content": "hunter2"})
    assert live.config["content"] is None
    assert set(live.outputs) == {"path"}
    assert "hunter2" not in repr(live)


def test_a_file_nobody_marked_is_read_as_a_secret(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("somebody's password")
    live = there(kind(FILE, tmp_path), str(tmp_path / "a"))
    assert live.config["content"] is None
    assert live.mark is None
    assert "digest" not in live.outputs


def test_content_is_kept_byte_by_byte(tmp_path: Path) -> None:
    text = "ends\r\nand\rtabs\t\0ü\u2028 emoji \U0001f600 no newline"
    create(kind(FILE, tmp_path), {"path": "a", "content": text})
    assert (tmp_path / "a").read_bytes() == text.encode()


def test_the_digest_is_unknown_while_the_content_is(tmp_path: Path) -> None:
    later = Unknown(Template((OutputRef("a/b/c", "d"),)))
    made = kind(FILE, tmp_path)
    assert made.predict("/x/a", made.parse({"path": "a", "content": later})) == {"path": "/x/a", "digest": later}


def test_a_change_made_by_hand_is_seen(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    live = create(made, {"path": "a", "content": "x"})
    (tmp_path / "a").chmod(0o644)
    assert there(made, live.id).config["mode"] == "0644"
    (tmp_path / "a").write_text("y")
    assert there(made, live.id).config["content"] == "y"
    assert there(made, live.id).token != live.token


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", os.urandom(4096) + b"\xff", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_compared_and_repaired(tmp_path: Path, garbage: bytes) -> None:
    made = kind(FILE, tmp_path)
    wanted = want(made, {"path": "a", "content": "x"})
    made.create(wanted)
    (tmp_path / "a").write_bytes(garbage)
    live = there(made, wanted.id)
    assert str(live.config["content"]).startswith(f"(not text: {len(garbage)} bytes")
    assert made.update(live, wanted, []).config == wanted.config


def test_a_file_too_big_to_be_ours_is_not_read(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    live = create(made, {"path": "a", "content": "x"})
    os.truncate(live.id, 2**40)
    assert "more than" in str(there(made, live.id).config["content"])


def test_a_symbolic_link_is_named_and_its_target_never_touched(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").symlink_to(victim)
    made = kind(FILE, root)
    wanted = want(made, {"path": "a", "content": "x"})
    live = there(made, wanted.id)
    assert (live.mark, live.config["sensitive_content"]) == (None, f"(a symbolic link to {victim})")
    with pytest.raises(OwnershipError, match="not ours"):
        made.create(wanted)
    made.update(live, wanted, [])  # it was ours once: the link is replaced
    assert victim.read_text() == "precious"
    assert (root / "a").read_text() == "x"
    assert not (root / "a").is_symlink()


def test_deleting_a_symbolic_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path / "root")
    live = create(made, {"path": "a", "content": "x"})
    victim = tmp_path / "victim"
    victim.write_text("precious")
    Path(live.id).unlink()
    Path(live.id).symlink_to(victim)
    made.delete(live)
    assert victim.read_text() == "precious"
    assert made.read([live.id]) == {live.id: None}


def test_a_symbolic_link_on_the_way_is_refused(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "sub").symlink_to(elsewhere)
    made = kind(FILE, root)
    with pytest.raises(ProviderError, match=r"root/sub"):
        create(made, {"path": "sub/a", "content": "x"})
    with pytest.raises(ProviderError, match=r"root/sub"):
        made.read([str(root / "sub/a")])
    assert list(elsewhere.iterdir()) == []


def test_what_is_no_file_is_said_to_be_what_it_is(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    seen = made.read([str(tmp_path / name) for name in ("folder", "pipe", "socket", "absent", "no/parent")])
    listener.close()
    notes = [live.config["sensitive_content"] if live else None for live in seen.values()]
    assert sorted(notes, key=str) == ["(a folder)", "(not a regular file)", "(not a regular file)", None, None]


def test_a_folder_in_the_place_of_a_file_of_ours_is_an_error_that_says_so(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    wanted = want(made, {"path": "a", "content": "x"})
    (tmp_path / "a").mkdir()
    with pytest.raises(ProviderError, match="a folder"):
        made.update(there(made, wanted.id), wanted, [])
    with pytest.raises(ProviderError, match="a folder"):
        made.delete(there(made, wanted.id))


def test_a_file_of_another_resource_is_not_overwritten(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    create(made, {"path": "a", "content": "x"}, "one")
    with pytest.raises(OwnershipError, match=r"test/local\.file/one"):
        create(made, {"path": "a", "content": "y"}, "two")
    assert (tmp_path / "a").read_text() == "x"


def test_parents_made_by_the_way_go_with_the_last_file_in_them(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    one, two = create(made, {"path": "a/b/c/1", "content": ""}, "one"), create(made, {"path": "a/b/2", "content": ""}, "two")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    made.delete(one)
    assert not (tmp_path / "a/b/c").exists()
    assert (tmp_path / "a/b/2").exists()
    made.delete(two)
    assert list(tmp_path.iterdir()) == []


def test_a_parent_of_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    made = kind(FILE, tmp_path)
    made.delete(create(made, {"path": "theirs/a", "content": ""}))
    assert (tmp_path / "theirs").is_dir()


def test_a_parent_that_holds_somebody_elses_file_stays(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    live = create(made, {"path": "ours/a", "content": ""})
    (tmp_path / "ours/theirs").write_text("x")
    made.delete(live)
    assert [path.name for path in (tmp_path / "ours").iterdir()] == ["theirs"]


def test_neighbours_come_and_go_at_once_without_losing_their_folder(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)

    def live_and_die(number: int) -> None:
        for _ in range(20):
            live = create(made, {"path": f"x/y/{number}", "content": "x"}, str(number))
            assert there(made, live.id).config["content"] == "x"
            made.delete(live)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live_and_die, range(8)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ünïcode/日本語.txt", "sp ace/a b", "-rf", "a\nb", "'\"$(x)", ".hidden"])
def test_any_name_a_file_can_have_works(tmp_path: Path, name: str) -> None:
    made = kind(FILE, tmp_path)
    live = create(made, {"path": name, "content": "x"})
    assert [found.id for found in made.find(live.mark)] == [live.id] if live.mark else False
    made.delete(live)
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_names_may_be_works(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    live = create(made, {"path": "x" * 255, "content": "x"})
    made.update(live, want(made, {"path": "x" * 255, "content": "y"}), [])
    assert Path(live.id).read_text() == "y"


def test_a_full_disk_is_explained_and_leaves_the_old_file_whole(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "tmpfs", "-o", "size=1m") as small:
        made = kind(FILE, small)
        live = create(made, {"path": "a", "content": "old"})
        big = want(made, {"path": "a", "content": "x" * 2**21})
        with pytest.raises(ProviderError, match="no space left") as caught:
            made.update(live, big, [])
        assert "free some space" in caught.value.fix
        with pytest.raises(ProviderError, match="no space left"):
            create(made, {"path": "b", "content": "x" * 2**21}, "b")
        assert [path.name for path in small.iterdir()] == ["a"]
        assert (small / "a").read_text() == "old"


def test_a_full_disk_and_a_read_only_one_are_found_before_the_first_change(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "tmpfs", "-o", "size=1m") as small:
        made = kind(FILE, small)
        wants = [(want(made, {"path": f"sub/{name}", "content": ""}, name), None) for name in ("a", "b")]
        found = made.check(wants)
        assert [problem.path for problem in found] == ["test/local.file/a"]
        assert "is full" in found[0].what
    with mounted(tmp_path / "fixed", "tmpfs", "-o", "ro") as fixed:
        found = kind(FILE, fixed).check([(want(kind(FILE, fixed), {"path": "a", "content": ""}), None)])
        assert "not writable" in found[0].what
        with pytest.raises(ProviderError, match="read-only") as caught:
            create(kind(FILE, fixed), {"path": "a", "content": ""})
        assert "mount it writable" in caught.value.fix


def test_a_file_system_without_marks_is_explained(tmp_path: Path) -> None:
    with mounted(tmp_path / "bare", "ramfs") as bare, pytest.raises(ProviderError, match="not supported") as caught:
        create(kind(FILE, bare), {"path": "a", "content": ""})
    assert "user attributes" in caught.value.fix


def test_limits_of_the_process_are_explained(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(ProviderError, match="too large") as caught:
            create(made, {"path": "a", "content": "x" * 4096})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "ulimit -f" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_running_out_of_open_files_is_worth_another_try(tmp_path: Path) -> None:
    made = kind(FILE, tmp_path)
    wanted = want(made, {"path": "a", "content": ""})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    filler = os.dup(0)  # takes the lowest free number, so none is free below the limit set next
    resource.setrlimit(resource.RLIMIT_NOFILE, (filler + 1, hard))
    try:
        with pytest.raises(ProviderError) as caught:
            made.create(wanted)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(filler)
    assert caught.value.transient
    assert made.create(wanted).config == wanted.config


def test_a_user_without_rights_is_told_before_and_during(tmp_path: Path) -> None:
    with somebody_else() as folder:
        root = folder / "root"
        root.mkdir(mode=0o500)
        made = kind(FILE, root)
        wanted = want(made, {"path": "a", "content": ""})
        assert "not writable" in made.check([(wanted, None)])[0].what
        with pytest.raises(ProviderError, match="permission denied") as caught:
            made.create(wanted)
        assert "write permission" in caught.value.fix


def test_a_user_without_rights_can_keep_read_only_files_and_repair_closed_ones(tmp_path: Path) -> None:
    with somebody_else() as folder:
        made = kind(FILE, folder / "root")
        wanted = want(made, {"path": "a", "content": "x", "mode": "0400"})
        live = made.create(wanted)
        assert made.update(live, wanted, []).config == wanted.config
        Path(live.id).chmod(0)
        closed = there(made, live.id)
        assert (closed.mark, closed.config["mode"]) == (None, "0000")
        assert closed.config["sensitive_content"] == "(unreadable: permission denied)"
        assert made.update(closed, wanted, []).config == wanted.config


def test_ten_thousand_files_are_read_in_well_under_a_second_of_cpu_time(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    paths = [str(folder / str(number)) for number in range(10_000)]
    for path in paths:
        Path(path).write_text(path)
    made = kind(FILE, tmp_path)
    before = time.process_time()
    seen = made.read(paths)
    spent = time.process_time() - before
    assert sum(live is not None for live in seen.values()) == 10_000
    assert spent < 3  # 0.25 s measured; this only guards against one more call per file and folder level
