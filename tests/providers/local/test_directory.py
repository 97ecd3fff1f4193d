from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployer.core.errors import ConfigError, DeployerError, OwnershipError, ProviderError
from deployer.core.resource import Live, Mark
from tests.providers.local.rigs import MARK, client, create, kind, somebody_else, there, want

FOLDER = "local.directory"


@pytest.mark.parametrize("path", ["../x", "/", "/etc/../..", ".", "outside", "a\0"])
def test_a_path_no_folder_of_ours_can_have_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(FOLDER, tmp_path).parse({"path": path})
    assert [problem.path for problem in caught.value.problems] == ["path"]


def test_the_root_itself_is_refused_however_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="root itself"):
        kind(FOLDER, tmp_path).parse({"path": str(tmp_path)})


@pytest.mark.parametrize("mode", ["0600", "0800", "rwx", "01777"])
def test_a_mode_no_folder_should_have_is_refused(tmp_path: Path, mode: str) -> None:
    with pytest.raises(ConfigError, match="mode"):
        kind(FOLDER, tmp_path).parse({"path": "a", "mode": mode})


def test_a_folder_elsewhere_is_found_through_its_link_and_leaves_nothing(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    made = kind(FOLDER, root)
    live = create(made, {"path": str(elsewhere), "data": True})
    assert live.config["path"] == str(elsewhere)
    (elsewhere / "model").write_text("weights")
    assert [found.id for found in made.find(MARK)] == [str(elsewhere)]
    made.delete(there(made, live.id))
    assert not elsewhere.exists()
    assert list(root.iterdir()) == []


def test_a_folder_elsewhere_without_its_link_has_lost_its_mark_and_an_update_restores_it(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path / "root")
    wanted = want(made, {"path": str(tmp_path / "elsewhere")})
    live = made.create(wanted)
    (link,) = (tmp_path / "root/outside").iterdir()
    link.unlink()
    assert there(made, live.id).mark is None
    assert made.update(there(made, live.id), wanted, []) == live
    assert [found.id for found in made.find(MARK)] == [live.id]


def test_a_folder_elsewhere_below_a_missing_one_is_found_before_the_first_change(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path / "root")
    wanted = want(made, {"path": str(tmp_path / "no/such")})
    (problem,) = made.check([(wanted, None)])
    assert "mkdir -p" in problem.allowed
    with pytest.raises(ProviderError, match="no such file"):
        made.create(wanted)


def test_two_environments_that_want_one_folder_get_one_owner(tmp_path: Path) -> None:
    marks = [Mark("demo", f"e{number}") for number in range(6)]

    def race(mark: Mark) -> Live | None:
        made = kind(FOLDER, tmp_path / mark.environment, mark)
        try:
            return made.create(want(made, {"path": str(tmp_path / "shared")}, mark=mark))
        except OwnershipError:
            return None

    with ThreadPoolExecutor(6) as pool:
        winners = [live for live in pool.map(race, marks) if live]
    assert len(winners) == 1
    assert winners[0].mark == there(kind(FOLDER, tmp_path / "e0"), winners[0].id).mark


def test_what_deleting_data_would_lose_is_named_with_its_size(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "store", "data": True})
    assert live.data is None
    (tmp_path / "store/sub").mkdir()
    (tmp_path / "store/sub/a").write_bytes(b"x" * 1500)
    assert there(made, live.id).data == f"folder {live.id} (2 entries, 1.5 kB)"
    made.delete(live)
    assert list(tmp_path.iterdir()) == []


def test_a_huge_store_is_not_walked_to_the_end(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "store", "data": True})
    for number in range(2100):
        (tmp_path / f"store/{number}").touch()
    assert "more than 2000 entries" in str(there(made, live.id).data)


def test_data_in_a_folder_does_not_change_its_token(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "store", "data": True})
    (tmp_path / "store/run").mkdir()
    assert there(made, live.id).token == live.token


def test_nothing_is_looked_for_inside_data(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "store", "data": True})
    (tmp_path / "store/copy").mkdir()
    os.setxattr(tmp_path / "store/copy", "user.deployer.mark", os.getxattr(live.id, "user.deployer.mark"))
    assert [found.id for found in made.find(MARK)] == [live.id]


def test_a_folder_with_somebody_elses_things_is_not_removed_and_names_them(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "a"})
    for number in range(7):
        (tmp_path / f"a/{number}").touch()
    with pytest.raises(ProviderError, match=r"not ours in it: 0, 1, 2, 3, 4 and 2 more") as caught:
        made.delete(live)
    assert "data: true" in caught.value.fix
    assert there(made, live.id) == live


def test_a_folder_with_things_of_ours_goes_with_the_last_of_them(tmp_path: Path) -> None:
    folders, files = kind(FOLDER, tmp_path), kind("local.file", tmp_path)
    folder, file = create(folders, {"path": "a"}), create(files, {"path": "a/b", "content": "x"})
    folders.delete(folder)
    assert folders.read([folder.id]) == {folder.id: None}
    assert list(folders.find(MARK)) == []
    assert there(files, file.id) == file
    files.delete(file)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_somebody_wants_is_not_removed_with_the_last_file_in_it(tmp_path: Path) -> None:
    folders, files = kind(FOLDER, tmp_path), kind("local.file", tmp_path)
    folder, file = create(folders, {"path": "a"}), create(files, {"path": "a/b", "content": "x"})
    files.delete(file)
    assert there(folders, folder.id) == folder


def test_a_parent_made_by_the_way_can_be_wanted_later(tmp_path: Path) -> None:
    folders, files = kind(FOLDER, tmp_path), kind("local.file", tmp_path)
    file = create(files, {"path": "a/b", "content": "x"})
    assert folders.read([str(tmp_path / "a")]) == {str(tmp_path / "a"): None}
    folder = create(folders, {"path": "a", "mode": "0750"})
    assert folder.config["mode"] == "0750"
    files.delete(file)
    assert there(folders, folder.id) == folder


def test_somebody_elses_folder_is_not_taken_and_shows_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/photo").write_text("x")
    made = kind(FOLDER, tmp_path)
    with pytest.raises(OwnershipError, match="a folder nobody marked"):
        create(made, {"path": "a"})
    assert "1 entries" in str(there(made, str(tmp_path / "a")).data)


@pytest.mark.parametrize("what", ["file", "link"])
def test_what_stands_in_the_place_of_a_folder_is_named_and_left(tmp_path: Path, what: str) -> None:
    root, victim = tmp_path / "root", tmp_path / "victim"
    made = kind(FOLDER, root)
    wanted = want(made, {"path": "a"})
    live = made.create(wanted)
    victim.mkdir()
    (victim / "x").touch()
    (root / "a").rmdir()
    (root / "a").write_text("x") if what == "file" else (root / "a").symlink_to(victim)
    now = there(made, live.id)
    assert now.mark is None
    for act in (lambda: made.update(now, wanted, []), lambda: made.delete(live)):
        with pytest.raises(ProviderError, match="no folder any more"):
            act()
    assert (victim / "x").exists()


def test_a_link_inside_data_is_removed_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "x").touch()
    made = kind(FOLDER, tmp_path / "root")
    live = create(made, {"path": "a", "data": True})
    (tmp_path / "root/a/link").symlink_to(victim)
    made.delete(live)
    assert (victim / "x").exists()


def test_what_a_crash_left_half_made_goes_with_its_folder(tmp_path: Path) -> None:
    made = kind(FOLDER, tmp_path)
    live = create(made, {"path": "a"})
    (tmp_path / "a/.deployer-0123456789ab.new").mkdir()
    made.delete(live)
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_rights_is_told_what_is_missing(tmp_path: Path) -> None:
    with somebody_else() as folder:
        made = kind(FOLDER, folder / "root")
        live = create(made, {"path": "a/b", "data": True})
        (folder / "root/a/b/x").touch()
        (folder / "root/a/b").chmod(0o500)
        with pytest.raises(DeployerError, match="permission denied") as caught:
            made.delete(live)
        assert "write permission" in caught.value.fix
        (folder / "root/a/b").chmod(0o700)
        made.delete(live)


def test_a_clients_paths_are_relative_below_the_root_only(tmp_path: Path) -> None:
    made = client(tmp_path / "root")
    assert made.relative(str(tmp_path / "root/a")) == "a"
    assert made.relative(str(tmp_path / "rooted")) == str(tmp_path / "rooted")
