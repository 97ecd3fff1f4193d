"""The whole first hop, over real files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deployer.core.errors import Origin, SpecError
from deployer.spec import files
from deployer.spec.load import load
from deployer.spec.platform import PlatformModel
from deployer.spec.spec import Spec, SpecComponent, SpecResource, SpecState, Target

HEAD = "version: 1\nplatform: demo\ntarget: local\n"
BASE = """version: 1
target: local
settings: {ready_timeout: 60}
modules: [../mine]
components:
  database: {module: sqlite}
  tracking:
    module: mlflow
    port: 5000
    workers: 4
"""
LOCAL = """extends: shared/base.yaml
platform: demo
settings:
  bind: 0.0.0.0
  root: here
secrets:
  ADMIN: {env: ADMIN_PASSWORD}
  KEY: {file: key.txt}
  TOKEN: {command: [pass, show, token]}
components:
  tracking: {port: 5001, workers: null, depends_on: [database], prevent_destroy: true}
resources:
  motd: {kind: local.file, config: {path: motd.txt, content: "at ${tracking.url}"}}
  parts: {kind: local.file, for_each: {a: 1}, config: {path: "${each.key}"}, depends_on: [motd], when: "settings.bind"}
state: {path: memory}
moved: {tracking/local.process/server: "tracking/local.process/part[a b]"}
"""


def write(project: Path, **texts: str | bytes) -> Path:
    """Files under `environments`, their names without suffix; returns local.yaml."""
    folder = project / "environments"
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / "local.yaml"


def example_spec(project: Path, cache: Path | None = None) -> Spec:
    (project / "environments" / "mine").mkdir(parents=True, exist_ok=True)
    return load(write(project, local=LOCAL, shared__base=BASE), project=project, cache=cache)


@pytest.mark.parametrize("cached", [False, True])
def test_a_spec_holds_what_its_files_say(tmp_path: Path, *, cached: bool) -> None:
    cache = tmp_path / ".deployer" / "cache" if cached else None
    example_spec(tmp_path, cache)
    spec = example_spec(tmp_path, cache)
    assert (spec.environment, spec.platform, spec.target) == ("local", "demo", Target.LOCAL)
    assert spec.settings.as_json() == {"root": str(tmp_path / "here"), "python": None, "bind": "0.0.0.0", "ready_timeout": 60}  # noqa: S104 - data
    assert spec.components == {
        "database": SpecComponent("database", "sqlite"),
        "tracking": SpecComponent("tracking", "mlflow", {"port": 5001}, ("database",), prevent_destroy=True),
    }
    assert spec.resources == {
        "motd": SpecResource("motd", "local.file", {"path": "motd.txt", "content": "at ${tracking.url}"}),
        "parts": SpecResource("parts", "local.file", {"path": "${each.key}"}, {"a": 1}, ("motd",), "settings.bind"),
    }
    assert spec.moved == {"tracking/local.process/server": "tracking/local.process/part[a b]"}


def test_inputs_are_found_beside_the_file_that_names_them_and_outputs_in_the_project(tmp_path: Path) -> None:
    spec = example_spec(tmp_path)
    environments = tmp_path / "environments"
    assert spec.files == (environments / "local.yaml", environments / "shared" / "base.yaml")
    assert spec.modules == (environments / "mine",)
    assert spec.secrets["KEY"].file == environments / "key.txt"
    assert spec.secrets["TOKEN"].command == ("pass", "show", "token")
    assert spec.state == SpecState((tmp_path / "memory").as_uri(), tmp_path / "memory")


def test_defaults_keep_everything_under_the_projects_own_folder(tmp_path: Path) -> None:
    spec = load(write(tmp_path, local=HEAD), project=tmp_path, cache=None)
    home = tmp_path / ".deployer" / "local"
    assert (spec.settings.root, spec.state.path) == (home / "root", home / "state")
    assert (spec.components, spec.resources, spec.secrets, spec.modules, spec.moved) == ({}, {}, {}, (), {})


@pytest.mark.parametrize(
    ("path", "file", "line"),
    [
        (("components", "tracking", "port"), "environments/local.yaml", 11),
        (("components", "tracking", "module"), "environments/shared/base.yaml", 8),
        (("components", "database"), "environments/shared/base.yaml", 6),
        (("resources", "motd"), "environments/local.yaml", 13),
        (("resources", "motd", "config", "nothing"), "environments/local.yaml", 13),
        (("settings", "ready_timeout"), "environments/shared/base.yaml", 3),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_every_value_names_the_file_that_says_it(tmp_path: Path, path: tuple[str, ...], file: str, line: int, *, cached: bool) -> None:
    cache = tmp_path / "cache" if cached else None
    example_spec(tmp_path, cache)
    origin = example_spec(tmp_path, cache).origin(path)
    assert (origin.file, origin.line) == (file, line)


def test_key_and_value_of_one_path_have_their_own_places(tmp_path: Path) -> None:
    spec = load(write(tmp_path, local=HEAD), project=tmp_path, cache=None)
    assert spec.key_origin(("platform",)) == Origin("environments/local.yaml", 2, 1)
    assert spec.origin(("platform",)) == Origin("environments/local.yaml", 2, 11)


@pytest.mark.parametrize(("url", "path"), [("file:///srv/state%20of%20it", Path("/srv/state of it")), ("s3://bucket/key", None)])
def test_a_state_url_names_its_backend(tmp_path: Path, url: str, path: Path | None) -> None:
    spec = load(write(tmp_path, local=f"{HEAD}state: {url}\n"), project=tmp_path, cache=None)
    assert (spec.state.url, spec.state.path) == (url, path)


def test_variables_are_filled_in_and_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'{HEAD}settings: {{root: "${{env:PLACE}}/x", python: "$${{env:PLACE}}"}}\n'
    file, cache = write(tmp_path, local=text), tmp_path / "cache"
    for place in ("one", "two"):
        monkeypatch.setenv("PLACE", f"/canary-{place}")
        spec = load(file, project=tmp_path, cache=cache)
        assert (spec.settings.root, spec.settings.python) == (Path(f"/canary-{place}/x"), "${env:PLACE}")
    assert all(b"canary" not in kept.read_bytes() for kept in cache.iterdir())


def test_a_variables_value_never_stands_in_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "canary")
    text = "settings: {bind: '${env:PLACE}', ready_timeout: '${env:PLACE}'}\nmodules: ['${env:PLACE}']\nstate: '${env:PLACE}'\n"
    with pytest.raises(SpecError) as caught:
        load(write(tmp_path, local=HEAD + text), project=tmp_path, cache=None)
    assert [problem.value for problem in caught.value.problems] == ['"${env:PLACE}"'] * 4


def test_the_digest_is_of_all_bytes_of_all_files(tmp_path: Path) -> None:
    first = example_spec(tmp_path).digest
    assert example_spec(tmp_path).digest == first
    (tmp_path / "environments" / "shared" / "base.yaml").write_text(BASE + "# a remark\n")
    second = load(tmp_path / "environments" / "local.yaml", project=tmp_path, cache=None).digest
    assert second != first
    assert len(second) == len(hashlib.sha256().hexdigest())


def test_files_are_named_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, local=HEAD)
    monkeypatch.chdir(file.parent)
    assert load(Path("local.yaml"), project=Path(".."), cache=None).origin(()).file == "local.yaml"


def test_a_file_above_the_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, local="")
    os.truncate(file, 100 * 1024 * 1024)  # sparse: costs no disk
    with pytest.raises(SpecError, match="larger than 64 MiB"):
        load(file, project=tmp_path, cache=None)
    assert files.MAX_BYTES == 64 << 20


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "local.yaml")
    with pytest.raises(SpecError, match="not a regular file"):
        load(tmp_path / "local.yaml", project=tmp_path, cache=None)


def test_a_path_through_a_file_is_named_with_its_reason(tmp_path: Path) -> None:
    file = write(tmp_path, local=HEAD)
    with pytest.raises(SpecError, match=r"local\.yaml/below\.yaml: cannot be read: not a directory"):
        load(file / "below.yaml", project=tmp_path, cache=None)


@pytest.mark.parametrize(
    "extends", ['"a\\x01b"', "x" * 5000, "/dev/zero", "/proc/self/mem", "~nobody-of-this-name/x.yaml", '""', "loop.yaml"]
)
def test_odd_paths_in_extends_are_told_at_their_place(tmp_path: Path, extends: str) -> None:
    file = write(tmp_path, local=f"{HEAD}extends: {extends}\n")
    (file.parent / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(SpecError) as caught:
        load(file, project=tmp_path, cache=None)
    assert any(
        problem.path == "extends" and problem.origin == Origin("environments/local.yaml", 4, 10) for problem in caught.value.problems
    )


def test_a_chain_of_many_files_works_and_one_without_end_is_refused(tmp_path: Path) -> None:
    texts = {f"f{number}": f"extends: f{number + 1}.yaml\nsettings: {{ready_timeout: {number}}}\n" for number in range(100)}
    short = write(tmp_path, **texts, local=f"{HEAD}extends: f80.yaml\n", f100=HEAD)
    assert load(short, project=tmp_path, cache=None).settings.ready_timeout == 80
    long = write(tmp_path, local=f"{HEAD}extends: f0.yaml\n")
    with pytest.raises(SpecError, match="too long"):
        load(long, project=tmp_path, cache=None)


def test_a_circle_through_a_link_is_found(tmp_path: Path) -> None:
    file = write(tmp_path, local=f"{HEAD}extends: other.yaml\n")
    (file.parent / "other.yaml").symlink_to("local.yaml")
    with pytest.raises(SpecError, match=r"environments/local\.yaml -> environments/other\.yaml"):
        load(file, project=tmp_path, cache=None)


def test_a_thousand_mistakes_are_all_told(tmp_path: Path) -> None:
    lines = "".join(f"  r{number}: {{kind: local.file, confg: {{}}}}\n" for number in range(1000))
    with pytest.raises(SpecError) as caught:
        load(write(tmp_path, local=f"{HEAD}resources:\n{lines}"), project=tmp_path, cache=None)
    assert [problem.origin.line for problem in caught.value.problems if problem.origin] == list(range(5, 1005))


def test_values_under_secrets_never_stand_in_messages(tmp_path: Path) -> None:
    sources = ["hunter2", "{env: 'hunter2 x'}", "{file: [hunter2]}", "{command: [1, hunter2]}", "{env: hunter2, file: B}"]
    text = f"{HEAD}secrets:\n" + "".join(f"  S{number}: {source}\n" for number, source in enumerate(sources))
    with pytest.raises(SpecError) as caught:
        load(write(tmp_path, local=text), project=tmp_path, cache=None)
    assert len(caught.value.problems) == 5
    assert "hunter2" not in str(caught.value)


def test_the_room_is_entered_without_its_heavy_furniture() -> None:
    code = "import sys, deployer.spec, deployer.spec.load; print({'yaml', 'pydantic', 'jinja2'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


words = st.sampled_from([*PlatformModel.model_fields, "kind", "config", "module", "env", "file", "command", "path", "for_each"])
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["local", "demo", "${env:HOME}", "a/b.c/d", "~x", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)


def only_spec_errors(project: Path, text: bytes) -> None:
    file = write(project, local=text)
    for _ in range(2):
        with contextlib.suppress(SpecError):
            load(file, project=project, cache=project / "cache")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(words, odd, max_size=8))
@example({"version": 1, "platform": "demo", "target": "local", "extends": "\0"})
@example({"version": 1, "platform": "demo", "target": "local", "state": "file:///a%00b"})
@example({"version": 1, "platform": "demo", "target": "local", "state": "file://[x/y"})
@example({"version": 1, "platform": "demo", "target": "local", "secrets": {"A": {"env": "A", "file": {}}}})
def test_any_tree_is_a_spec_or_a_spec_error(tmp_path: Path, tree: dict[str, object]) -> None:
    only_spec_errors(tmp_path, json.dumps({"version": 1, "platform": "demo", "target": "local", **tree}).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{HEAD}{text}".encode()))
def test_any_bytes_are_a_spec_or_a_spec_error(tmp_path: Path, text: bytes) -> None:
    only_spec_errors(tmp_path, text)
