from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.core.errors import Problem, SpecError
from deployer.core.resource import Resource, Rules
from deployer.core.values import OutputRef, Template, Value, replace_leaves
from deployer.modules.expand import Expanded, expand
from deployer.modules.load import Library
from deployer.spec.load import load

DATA = Path(__file__).parent / "data"
Expand = Callable[[Path], Expanded]


def told(expanded: Expanded) -> dict[str, Any]:
    """Everything expanded, as JSON: references as text, folders relative to the data folder."""

    def text(leaf: Value) -> Value:
        leaf = f"template: {leaf}" if isinstance(leaf, Template) else leaf
        return leaf.replace(str(DATA), "DATA") if isinstance(leaf, str) else leaf

    resources = {
        item.address: {
            "origin": str(item.origin),
            "config": replace_leaves(item.config, text),
            **({"depends_on": list(item.depends_on)} if item.depends_on else {}),
            **({"prevent_destroy": True} if item.prevent_destroy else {}),
        }
        for item in expanded.desired.resources.values()
    }
    outputs = {
        component: {name: [replace_leaves(item.value, text), item.sensitive, item.env] for name, item in made.items()}
        for component, made in expanded.outputs.items()
    }
    verify = {
        name: {
            "python": text(item.python),
            "script": text(item.script),
            "environment": replace_leaves(item.environment, text),
            "secret_environment": replace_leaves(item.secret_environment, text),
        }
        for name, item in expanded.verify.items()
    }
    versions = {name: dict(item) for name, item in expanded.versions.items()}
    return {"resources": resources, "outputs": outputs, "services": dict(expanded.services), "verify": verify, "versions": versions}


@pytest.mark.parametrize("case", sorted(path.stem for path in (DATA / "good").glob("*.yaml")))
def test_a_spec_becomes_exactly_these_resources(case: str, expand_file: Expand) -> None:
    expected = json.loads((DATA / "good" / f"{case}.json").read_text())
    assert told(expand_file(DATA / "good" / f"{case}.yaml")) == expected


@pytest.mark.parametrize("case", sorted(path.stem for path in (DATA / "mistakes").glob("*.yaml")))
def test_every_mistake_is_told_at_once_with_its_place(case: str, expand_file: Expand) -> None:
    with pytest.raises(SpecError) as raised:
        expand_file(DATA / "mistakes" / f"{case}.yaml")
    assert f"{raised.value}\n" == (DATA / "mistakes" / f"{case}.txt").read_text()


def _expand(folder: Path, text: str, kinds: Mapping[str, Rules], environment: Mapping[str, str] | None = None) -> Expanded:
    file = folder / "test.yaml"
    file.write_text(f"version: 1\nplatform: demo\ntarget: local\nmodules: [{DATA / 'modules'}]\n{text}")
    spec = load(file, project=folder, cache=None)
    return expand(spec, Library(spec.modules, []), kinds, environment or {})


def test_a_component_as_a_whole_comes_after_all_resources_of_another(tmp_path: Path, kinds: Mapping[str, Rules]) -> None:
    text = "components:\n  left: {module: ring, depends_on: [database]}\n  database: {module: files, copies: 2}\n"
    made = _expand(tmp_path, text, kinds).desired.resources
    assert made["left/local.file/file"].depends_on == ("database/local.directory/store", "database/local.directory/copy")


def test_several_parts_stay_text_even_when_all_but_one_are_empty(tmp_path: Path, kinds: Mapping[str, Rules]) -> None:
    text = (
        'resources:\n  a: {kind: local.file, config: {path: a}}\n  b: {kind: local.file, config: {x: "${env:EMPTY}${resource.a.path}"}}\n'
    )
    made = _expand(tmp_path, text, kinds, {"EMPTY": ""}).desired.resources
    assert made["resources/local.file/b"].config["x"] == Template(("", OutputRef("resources/local.file/a", "path")))


def test_what_the_environment_says_is_not_read_as_a_reference_again(tmp_path: Path, kinds: Mapping[str, Rules]) -> None:
    text = 'resources:\n  a: {kind: local.file, config: {x: "${env:EVIL}"}}\n'
    made = _expand(tmp_path, text, kinds, {"EVIL": "${secret:DB} ${env:HOME}"}).desired.resources
    assert made["resources/local.file/a"].config["x"] == "${secret:DB} ${env:HOME}"
    assert type(made["resources/local.file/a"].config["x"]) is str


def test_a_long_chain_of_components_costs_no_stack(tmp_path: Path, kinds: Mapping[str, Rules]) -> None:
    for number in range(300):
        folder = tmp_path / "chain" / f"c{number}" / "link"
        folder.mkdir(parents=True)
        (folder / "module.yaml").write_text(
            f"component: c{number}\nmodule: link\nsummary: s\ninputs: {{x: {{type: any}}}}\noutputs: {{x: {{}}}}\n"
        )
        (folder / "local.yaml").write_text('outputs: {x: "${input.x}"}\n')
    links = "".join(f"  c{number}: {{module: link, x: '${{c{number + 1}.x}}'}}\n" for number in range(299))
    file = tmp_path / "test.yaml"
    file.write_text(f"version: 1\nplatform: demo\ntarget: local\nmodules: [chain]\ncomponents:\n{links}  c299: {{module: link, x: end}}\n")
    spec = load(file, project=tmp_path, cache=None)
    assert expand(spec, Library(spec.modules, []), kinds, {}).outputs["c0"]["x"].value == "end"


_PLAIN = ("a", "${", "$${", "}", "[", "\ufdd0", "true", "$when")
_NAMED = ("${each.key}", "${each.value.x}", "${input.x}", "${secret:DB}", "${env:HOME}", "${settings.root}", "${database.uris.main.x}")
_MADE = ("${resource.a.path}", "${resource.b[x].path}", "${resource.a}", "${database.uri}", "${database.path}")
_WORDS = st.sampled_from((*_PLAIN, *_NAMED, *_MADE))
_TEXT = st.lists(_WORDS, max_size=4).map("".join)
_KEYS = st.one_of(
    st.sampled_from(["$when", "$value", "$template", "values", "$file", "content", "sensitive_content"]), st.text("ab[.", max_size=2)
)
_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)


_SPECS = st.fixed_dictionaries({"config": st.dictionaries(_KEYS, _TREES, max_size=3), "each": _TREES, "when": _TREES, "input": _TREES})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=_SPECS)
def test_any_configuration_expands_or_is_refused_with_a_spec_error(
    tmp_path: Path, kinds: Mapping[str, Rules], drawn: Mapping[str, Value]
) -> None:
    wild = {"kind": "local.file", "config": drawn["config"], "for_each": drawn["each"], "when": drawn["when"]}
    components = {
        "database": {"module": "files", "names": drawn["input"], "path": drawn["input"]},
        "left": {"module": "ring", "keys": drawn["input"]},
    }
    resources = {"a": wild, "b": {"kind": "local.file", "for_each": {"x": 1}, "config": drawn["config"]}}
    data = {"resources": resources, "components": components, "secrets": {"DB": {"env": "X"}}}
    problems: tuple[Problem, ...] = ()
    made: Mapping[str, Resource] = {}
    try:
        made = _from_data(tmp_path, data, kinds).desired.resources
    except SpecError as error:
        problems = error.problems
    assert all(problem.origin and problem.what for problem in problems)
    assert bool(problems) != bool(made)
    assert all(address == item.address for address, item in made.items())


def _from_data(folder: Path, data: Mapping[str, Value], kinds: Mapping[str, Rules]) -> Expanded:
    file = folder / "test.yaml"
    file.write_text(json.dumps({"version": 1, "platform": "demo", "target": "local", "modules": [str(DATA / "modules")], **data}))
    spec = load(file, project=folder, cache=None)
    return expand(spec, Library(spec.modules, []), kinds, {"HOME": "/home/me"})
