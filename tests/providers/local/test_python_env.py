"""Environments of pinned packages: built once by uv, linked into place, known to be whole without starting them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.core.errors import ConfigError, OwnershipError, ProviderError
from deployer.core.resource import Live, Mark, Ready, Want
from deployer.core.values import OutputRef, Template, Unknown
from deployer.providers.local import uv
from deployer.providers.local.client import Client
from deployer.providers.local.python_env import PythonEnvKind
from deployer.providers.registry import Options

LOCK = """\
iniconfig==2.3.1 \\
    --hash=sha256:67f4b9c50da0dedf52af349e7749a80a9057a5031199791b906c3bb3ae878960 \\
    --hash=sha256:9121e2c1fdb355232495be3194c8dfe87ccc2d5dee45947b78e68f499790d7a7
"""
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"
ADDRESS = "tracking/local.python_env/env"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def kind(tmp_path: Path, cache: Path) -> PythonEnvKind:
    return made(tmp_path / "root", cache)


def made(root: Path, cache: Path) -> PythonEnvKind:
    return PythonEnvKind(Client(Options(root, Mark("demo", "local"), cache)))


def wanted(kind: PythonEnvKind, lock: str = LOCK, **config: str | None) -> Want:
    parsed = kind.parse({"lock": lock, "name": "small", **config})
    object_id = kind.identify(ADDRESS, parsed)
    assert object_id is not None
    return Want(ADDRESS, object_id, kind.client.mark.at(ADDRESS), parsed)


def read(kind: PythonEnvKind, want: Want) -> Live | None:
    return kind.read([want.id])[want.id]


def test_an_environment_works_is_compiled_and_reads_as_wanted(kind: PythonEnvKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    want = wanted(kind)
    live = kind.create(want)
    assert live == read(kind, want)
    assert live.config == want.config
    assert live.outputs == kind.predict(want.id, want.config)
    assert kind.ready(live) == Ready()
    python = str(live.outputs["python"])
    shown = subprocess.run([python, "-c", "import iniconfig; print(iniconfig.__file__)"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith(want.id)
    assert list(Path(shown.stdout.strip()).parent.glob("__pycache__/*.pyc"))


def test_a_second_environment_shares_the_files_of_the_first(kind: PythonEnvKind, tmp_path: Path, cache: Path) -> None:
    first, second = kind.create(wanted(kind)), (other := made(tmp_path / "other", cache)).create(wanted(other))
    found = next(Path(first.id).glob("lib/*/site-packages/iniconfig/__init__.py"))
    assert found.samefile(Path(second.id) / found.relative_to(first.id))


def test_a_warm_cache_needs_neither_uv_nor_network(
    kind: PythonEnvKind, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind.create(wanted(kind))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    other = made(tmp_path / "other", cache)
    assert other.ready(other.create(wanted(other))) == Ready()


def test_another_lock_or_interpreter_is_another_environment(kind: PythonEnvKind) -> None:
    ids = {wanted(kind).id, wanted(kind, LOCK + "# changed\n").id, wanted(kind, python="3.12").id}
    assert len(ids) == 3


def test_an_environment_whose_lock_is_not_known_yet_has_no_id(kind: PythonEnvKind) -> None:
    later = Unknown(Template((OutputRef("a/b/c", "lock"),)))
    assert kind.identify(ADDRESS, kind.parse({"lock": later, "name": "small"})) is None


def test_a_lock_without_hashes_is_refused(kind: PythonEnvKind) -> None:
    with pytest.raises(ConfigError, match="without hashes"):
        kind.parse({"lock": "iniconfig==2.3.1\n", "name": "small"})


def test_a_wrong_hash_fails_with_uvs_words_and_leaves_nothing(kind: PythonEnvKind, cache: Path) -> None:
    wrong = LOCK.replace("67f4", "0000").replace("9121", "0000")
    with pytest.raises(ProviderError, match="iniconfig") as raised:
        kind.create(wanted(kind, wrong))
    assert not raised.value.transient
    assert not [path for path in (cache / "envs").iterdir() if path.name.startswith(".deployer-")]
    assert read(kind, wanted(kind, wrong)) is None


def test_an_unreachable_index_is_worth_another_try(kind: PythonEnvKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    with pytest.raises(ProviderError) as raised:
        kind.create(wanted(kind, LOCK + "# never built\n"))
    assert raised.value.transient
    assert "network" in raised.value.fix


def test_a_missing_interpreter_is_found_before_the_first_change(kind: PythonEnvKind) -> None:
    for python in ("/nowhere/python3", "3.2"):
        (problem,) = kind.check([(wanted(kind, python=python), None)])
        assert python in problem.what
        assert "settings.python" in problem.allowed
        assert problem.path == ADDRESS
    assert not kind.check([(wanted(kind), None)])


@pytest.mark.parametrize("damage", ["lib", "bin/python", uv.NOTE, SITE + "/iniconfig"])
def test_a_damaged_environment_shows_as_drift_and_is_built_anew(kind: PythonEnvKind, damage: str) -> None:
    want = wanted(kind)
    live = kind.create(want)
    path = Path(want.id, damage)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    broken = read(kind, want)
    assert broken is not None
    assert {key for key in want.config if broken.config[key] != want.config[key]} == {"intact"}
    assert broken.token != live.token
    kind.update(broken, want, [object()])  # type: ignore[list-item]
    healed = read(kind, want)
    assert healed is not None
    assert healed.config == want.config
    subprocess.run([f"{want.id}/bin/python", "-c", "import iniconfig"], check=True)


def test_what_killed_builds_left_is_cleared_by_the_next_one(kind: PythonEnvKind, cache: Path) -> None:
    want = wanted(kind, LOCK + "# after a kill\n")
    envs = cache / "envs"
    envs.mkdir(exist_ok=True)
    python = uv.interpreter(None)
    key = uv.template_name(uv.Recipe(LOCK + "# after a kill\n", None), str(python))
    (envs / f"{key}.new" / "lib").mkdir(parents=True)
    (envs / key).mkdir()  # a template without its note
    kind.create(want)
    assert uv.complete(want.id)
    assert not (envs / f"{key}.new").exists()
    assert not [path for path in envs.iterdir() if path.name.startswith(".deployer-")]


def test_a_build_waits_for_the_uv_that_a_killed_deployer_left_running(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with uv._lock(lock) as held:
        orphan = subprocess.Popen(["sleep", "0.3"], pass_fds=(held,))
    with uv._lock(lock):
        assert orphan.poll() is not None or orphan.wait(0.2) == 0


def test_somebody_elses_folder_at_the_place_is_not_touched(kind: PythonEnvKind) -> None:
    want = wanted(kind)
    Path(want.id).mkdir(parents=True)
    with pytest.raises(OwnershipError):
        kind.create(want)


def test_delete_leaves_nothing_and_can_be_repeated(kind: PythonEnvKind) -> None:
    want = wanted(kind)
    live = kind.create(want)
    assert [each.id for each in kind.find(kind.client.mark)] == [want.id]
    kind.delete(live)
    kind.delete(live)
    assert read(kind, want) is None
    assert not list(Path(kind.client.root).glob("**/*"))


def test_a_lost_mark_is_restored_without_a_rebuild(kind: PythonEnvKind) -> None:
    want = wanted(kind)
    live = kind.create(want)
    before = Path(live.id).stat().st_ino
    os.removexattr(live.id, "user.deployer.mark")
    bare = read(kind, want)
    assert bare is not None
    assert bare.mark is None
    assert kind.update(bare, want, []).mark == want.mark
    assert Path(live.id).stat().st_ino == before


def test_too_little_space_is_found_before_the_first_change(kind: PythonEnvKind) -> None:
    line = f"package==1.0 --hash=sha256:{chr(48) * 64}\n"
    (problem,) = kind.check([(wanted(kind, line * 100_000), None)])
    assert "MB left" in problem.what


def test_what_is_missing_is_named_and_a_damaged_template_is_not_used_again(kind: PythonEnvKind, cache: Path, tmp_path: Path) -> None:
    want = wanted(kind, LOCK + "# to be damaged\n")
    kind.create(want)
    for folder in (Path(want.id), *(path.parent for path in (cache / "envs").glob(f"*/{uv.LOCK}") if "damaged" in path.read_text())):
        shutil.rmtree(folder / SITE / "iniconfig")
    broken = read(kind, want)
    assert broken is not None
    assert broken.config["intact"] == "1 missing: site-packages/iniconfig"
    kind.update(broken, want, [object()])  # type: ignore[list-item]
    subprocess.run([f"{want.id}/bin/python", "-c", "import iniconfig"], check=True)
