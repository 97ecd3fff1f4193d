"""Kept specs: used when they are right, ignored when anything is odd."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.core.errors import SpecError
from deployer.spec import cache
from deployer.spec.files import shower
from deployer.spec.load import load
from deployer.spec.spec import Spec

LOCAL = "version: 1\nplatform: demo\ntarget: local\nextends: base.yaml\n"
BASE = "resources: {a: {kind: local.file, config: {path: a, content: Käse}}}\n"


def written(folder: Path) -> Path:
    (folder / "local.yaml").write_text(LOCAL)
    (folder / "base.yaml").write_text(BASE)
    return folder / "local.yaml"


def loaded(folder: Path) -> Spec:
    return load(folder / "local.yaml", project=folder, cache=folder / "cache")


def kept(folder: Path) -> Path:
    (found,) = (folder / "cache").iterdir()
    return found


def answers(folder: Path) -> bool:
    """Whether what is kept would be used."""
    return cache.fetch(folder / "cache", folder / "local.yaml", shower(folder)) is not None


def test_a_kept_spec_answers_and_says_the_same(tmp_path: Path) -> None:
    written(tmp_path)
    first = loaded(tmp_path)
    assert answers(tmp_path)
    second = loaded(tmp_path)
    assert second == first
    path = ("resources", "a", "config", "content")
    assert second.origin(path) == first.origin(path)
    assert second.origin(path).file == "base.yaml"


def test_it_is_for_our_eyes_only(tmp_path: Path) -> None:
    place = tmp_path / "new" / "cache"
    load(written(tmp_path), project=tmp_path, cache=place)
    (file,) = place.iterdir()
    assert [path.stat().st_mode & 0o777 for path in (file, place, place.parent)] == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("name", ["local.yaml", "base.yaml"])
def test_a_change_in_any_file_of_the_chain_makes_it_stale(tmp_path: Path, name: str) -> None:
    written(tmp_path)
    loaded(tmp_path)
    file = tmp_path / name
    # The same length and time: only the bytes tell.
    before = file.stat()
    file.write_text(file.read_text().replace("demo", "memo").replace("Käse", "Köse"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not answers(tmp_path)
    spec = loaded(tmp_path)
    assert (spec.platform, spec.resources["a"].config["content"]) in (("memo", "Käse"), ("demo", "Köse"))
    assert answers(tmp_path)


def test_a_file_of_the_chain_that_went_away_is_told_again(tmp_path: Path) -> None:
    written(tmp_path)
    loaded(tmp_path)
    (tmp_path / "base.yaml").unlink()
    with pytest.raises(SpecError, match="no such file"):
        loaded(tmp_path)


def _signed(folder: Path, change: Callable[[dict[str, object]], object]) -> bytes:
    """A kept spec with another body and the right checksum."""
    head, body = kept(folder).read_bytes().split(b"\n", 1)
    tree = json.loads(body)
    changed = change(tree)
    body = json.dumps(tree if changed is None else changed).encode()
    return b" ".join([*head.split(b" ")[:-1], hashlib.sha256(body).hexdigest().encode()]) + b"\n" + body


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"{}",
        lambda folder: kept(folder).read_bytes()[:-1],
        lambda folder: kept(folder).read_bytes() + b" ",
        lambda folder: kept(folder).read_bytes().replace(b"demo", b"nemo"),
        lambda folder: kept(folder).read_bytes().replace(b"deployer-spec 1 ", b"deployer-spec 9 "),
        lambda folder: kept(folder).read_bytes().replace(b"little", b"big"),
        lambda folder: _signed(folder, lambda tree: [tree]),
        lambda folder: _signed(folder, lambda _: {}),
        lambda folder: _signed(folder, lambda tree: tree.update(data=[])),
        lambda folder: _signed(folder, lambda tree: tree.update(at="")),
        lambda folder: _signed(folder, lambda tree: tree.update(keys="%%%")),
        lambda folder: _signed(folder, lambda tree: tree.update(files=[])),
        lambda folder: _signed(folder, lambda tree: tree.update(files=[["/etc/passwd", "x"]])),
    ],
)
def test_anything_odd_is_ignored_and_made_anew(tmp_path: Path, spoil: Callable[[Path], bytes]) -> None:
    written(tmp_path)
    first = loaded(tmp_path)
    whole = kept(tmp_path).read_bytes()
    kept(tmp_path).write_bytes(spoil(tmp_path))
    assert not answers(tmp_path)
    assert loaded(tmp_path) == first
    assert kept(tmp_path).read_bytes() == whole


def test_a_kept_spec_others_could_write_is_not_trusted(tmp_path: Path) -> None:
    written(tmp_path)
    loaded(tmp_path)
    kept(tmp_path).chmod(0o666)
    assert not answers(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    written(tmp_path)
    loaded(tmp_path)
    place = kept(tmp_path)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert not answers(tmp_path)
    loaded(tmp_path)
    assert not place.is_symlink()


def test_another_files_kept_spec_is_not_mistaken_for_ours(tmp_path: Path) -> None:
    written(tmp_path)
    loaded(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text(LOCAL.replace("demo", "other"))
    place = kept(tmp_path)
    load(other, project=tmp_path, cache=tmp_path / "cache")
    (theirs,) = {*(tmp_path / "cache").iterdir()} - {place}
    theirs.write_bytes(place.read_bytes())
    assert load(other, project=tmp_path, cache=tmp_path / "cache").platform == "other"


def test_a_spec_with_mistakes_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "local.yaml").write_text("version: 1\nversion: 1\n")
    with pytest.raises(SpecError):
        loaded(tmp_path)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert loaded(tmp_path).platform == "demo"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.integers(0, 5000), st.integers(1, 255))
def test_any_flipped_byte_is_noticed(tmp_path: Path, place: int, flip: int) -> None:
    written(tmp_path)
    first = loaded(tmp_path)
    file = kept(tmp_path)
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= flip
    file.write_bytes(data)
    assert not answers(tmp_path)
    assert loaded(tmp_path) == first
