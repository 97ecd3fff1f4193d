from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.core.errors import Problem, SpecError
from deployer.core.resource import Rules
from deployer.core.values import Value
from deployer.modules.expand import expand
from deployer.modules.load import Library, data_folder, library
from deployer.spec.load import load


def _problems(call: Callable[[], object]) -> str:
    with pytest.raises(SpecError) as raised:
        call()
    return f"{raised.value}\n"


def test_every_mistake_in_module_files_is_told_with_its_place(data: Path) -> None:
    modules = Library([data / "broken"], [], lambda path: str(path.relative_to(data)))
    told = _problems(modules.all)
    told += _problems(lambda: modules.target(modules.get("two", "target"), "local"))
    told += _problems(lambda: modules.target(modules.get("two", "cross"), "local"))
    assert told == (data / "broken.txt").read_text()


def test_modules_are_listed_without_reading_their_files(data: Path) -> None:
    assert Library([data / "broken"], []).names()["two"] == ("cross", "inside", "target")


def test_the_first_folder_that_has_a_module_wins(tmp_path: Path, data: Path) -> None:
    own = tmp_path / "database" / "files"
    own.mkdir(parents=True)
    (own / "module.yaml").write_text("component: database\nmodule: files\nsummary: Mine.\n")
    assert Library([tmp_path, data / "modules"], []).get("database", "files").summary == "Mine."


@pytest.mark.parametrize(("component", "module"), [("..", "x"), ("database", ".."), ("a/b", "c"), ("", ""), ("database", "files/..")])
def test_a_name_cannot_leave_the_folders(data: Path, component: str, module: str) -> None:
    assert (
        "there is no component" in (told := _problems(lambda: Library([data / "modules"], []).get(component, module)))
        or "has no module" in told
    )


def test_the_users_templates_come_before_the_shipped_ones(tmp_path: Path, data: Path) -> None:
    (tmp_path / "server.conf.j2").write_text("shipped")
    (tmp_path / "other.j2").write_text("shipped")
    modules = Library([data / "modules"], [tmp_path])
    texts = modules.texts(modules.get("tracking", "server"))
    values = {"folder": "a", "hosts": [], "level": "b"}
    assert (texts.render("server.conf.j2", values), texts.render("other.j2", {})) == ("folder = a\n\nlevel = B\n", "shipped")


def test_a_module_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "module.yaml").write_bytes(b"summary: \xff")
    assert "module.yaml:1" in _problems(lambda: Library([tmp_path], []).get("a", "b"))


@pytest.mark.parametrize("name", ["modules", "templates", "environments"])
def test_what_is_shipped_is_found_in_a_checkout(name: str) -> None:
    assert data_folder(name).is_dir()


def test_every_shipped_module_and_target_file_is_right() -> None:
    modules = library()
    assert all(modules.target(module, target) for module in modules.all() for target in module.targets)


@pytest.mark.parametrize("file", sorted(path.name for path in data_folder("environments").glob("*local*.yaml")))
def test_every_shipped_local_environment_expands(file: str, kinds: Mapping[str, Rules]) -> None:
    more = {"local.sqlite": Rules(), "local.python_env": Rules(), "local.supervisor": Rules()}
    spec = load(data_folder("environments") / file, project=data_folder("environments").parent, cache=None)
    assert expand(spec, library(), {**kinds, **more}, os.environ).desired.resources


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(["", "x", "string", "list[any]", "${input.x}", "${resource.a.b}", "[", "url"])
)
_NAMES = (
    "type",
    "default",
    "fields",
    "values",
    "pattern",
    "minimum",
    "maximum",
    "required",
    "kind",
    "config",
    "when",
    "for_each",
    "depends_on",
    "$when",
    "x",
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)),
    max_leaves=10,
)
_INPUT = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "list[any]", "map[object]"])}, optional=dict.fromkeys(_NAMES[1:8], _TREES)
)
_RESOURCE = st.fixed_dictionaries({"kind": st.just("local.file")}, optional=dict.fromkeys(_NAMES[9:13], _TREES))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=st.one_of(_TREES, st.fixed_dictionaries({"x": _INPUT})), resource=st.one_of(_TREES, _RESOURCE), output=_TREES)
def test_any_module_file_is_read_or_refused_with_a_spec_error(
    tmp_path: Path, kinds: Mapping[str, Rules], inputs: Value, resource: Value, output: Value
) -> None:
    folder = tmp_path / "modules" / "one" / "wild"
    folder.mkdir(parents=True, exist_ok=True)
    head = {"component": "one", "module": "wild", "summary": "s", "outputs": {"url": {}}}
    (folder / "module.yaml").write_text(json.dumps({**head, "inputs": inputs}))
    (folder / "local.yaml").write_text(json.dumps({"resources": {"a": resource}, "outputs": {"url": output}}))
    file = tmp_path / "test.yaml"
    file.write_text("version: 1\nplatform: demo\ntarget: local\nmodules: [modules]\ncomponents: {one: {module: wild}}\n")
    spec = load(file, project=tmp_path, cache=None)
    problems: Sequence[Problem] = ()
    try:
        expand(spec, Library(spec.modules, []), kinds, {})
    except SpecError as error:
        problems = error.problems
    assert all(problem.origin and problem.what for problem in problems)
