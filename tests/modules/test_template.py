from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.values import OutputRef, SecretRef, Template, Value
from deployer.modules.references import Refused
from deployer.modules.template import Texts

_PATH = OutputRef("database/local.directory/store", "path")
_KNOWN_LATER = Template((_PATH,))


def _render(folder: Path, text: str, **values: Value) -> Value:
    (folder / "a.j2").write_text(text)
    return Texts([folder]).render("a.j2", values)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain\n", "plain\n"),
        ("{{ path }}", Template(("", _PATH))),
        ("a {{ path }} b {{ path }}\n", Template(("a ", _PATH, " b ", _PATH, "\n"))),
        ("{% for item in items %}{{ item }},{% endfor %}", Template(("a,", _PATH, ",b-", SecretRef("S"), ","))),
        ("{% macro line(x) %}<{{ x }}>{% endmacro %}{{ line(path) }}", Template(("<", _PATH, ">"))),
        ("{% set later = path %}{{ later }}{{ path is defined }}", Template((_PATH, "True"))),
        ("{{ path | default('none') }}", Template(("", _PATH))),
        ("{% filter indent(2) %}a\n{{ path }}{% endfilter %}", Template(("a\n  ", _PATH))),
        ("{{ map.items }} {{ map.keys }}", "1 2"),
    ],
)
def test_what_is_known_later_passes_through_as_a_reference(tmp_path: Path, text: str, rendered: Value) -> None:
    items = ["a", _KNOWN_LATER, Template(("b-", SecretRef("S")))]
    assert _render(tmp_path, text, path=_KNOWN_LATER, items=items, map={"items": 1, "keys": 2}) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "{{ path | upper }}",
        "{{ path | length }}",
        "{{ path | tojson }}",
        "{{ path | int }}",
        "{{ path | string }}",
        "{{ path | list }}",
        "{{ path ~ '/x' }}",
        "{{ path + '/x' }}",
        "{{ path * 2 }}",
        "{{ '%s' % path }}",
        "{{ '{}'.format(path) }}",
        "{{ [path] | join('/') }}",
        "{{ [path] }}",
        "{{ path.parts }}",
        "{{ path._template }}",
        "{{ path.refuse }}",
        "{{ path[0] }}",
        "{{ path == 'a' }}",
        "{{ 'a' in path }}",
        "{{ path in ['a'] }}",
        "{% if path %}a{% endif %}",
        "{% for part in path %}a{% endfor %}",
        "{% filter upper %}{{ path }}{% endfilter %}",
        "{% filter reverse %}{{ path }}{% endfilter %}",
        "{% filter urlencode %}{{ path }}{% endfilter %}",
        "{% filter tojson %}{{ path }}{% endfilter %}",
        "{% set block %}{{ path }}{% endset %}{{ block | replace('a', 'b') }}",
        "{% set block %}{{ path }}{% endset %}{{ block | truncate(3, True, '', 0) }}",
    ],
)
def test_anything_but_printing_what_is_known_later_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused) as refused:
        _render(tmp_path, f"line\n{text}", path=_KNOWN_LATER)
    assert refused.value.origin is not None
    assert refused.value.origin.file == str(tmp_path / "a.j2")


def test_a_value_cannot_forge_the_token_of_a_reference(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="noncharacter"):
        _render(tmp_path, "{{ path }} {{ evil }}", path=_KNOWN_LATER, evil="\ufdd0aB0\ufdd1")
    with pytest.raises(Refused, match="changed text"):
        _render(tmp_path, "{{ '\\ufdd0' }}", path=_KNOWN_LATER)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n{{ missing }}", 2),
        ("{{ a.b.c }}", 1),
        ("a\n\n{% if %}", 3),
        ("{{ ''.__class__ }}", 1),
        ("{{ [].append(1) }}", 1),
        ("{{ 2 ** 10 }}", 1),
        ("{{ 'a' * 9999999 }}", 1),
        ("\n{% for i in range(999999999) %}{% endfor %}", 2),
        ("{% include 'missing.j2' %}", 1),
        ("{{ 1 / 0 }}", 1),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(Refused) as refused:
        _render(tmp_path, text)
    assert str(refused.value.origin) == f"{tmp_path / 'a.j2'}:{line}:1"


def test_a_template_that_does_not_exist_is_named_with_the_folders_searched(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there is no template b\.j2") as refused:
        Texts([tmp_path]).render("b.j2", {})
    assert str(tmp_path) in refused.value.allowed


@pytest.mark.parametrize(
    ("expression", "holds"),
    [("input.a", False), ("input.a is none", True), ("input.items", True), ("input.later is not none", True), ("1 in [1]", True)],
)
def test_an_expression_sees_the_names_it_is_given(expression: str, *, holds: bool) -> None:
    assert Texts([]).condition(expression, {"input": {"a": None, "items": 1, "later": _KNOWN_LATER}}) is holds


@pytest.mark.parametrize(
    "expression", ["input.b", "nothing", "input.later", "input.later == 'x'", "1 +", "}}", "''.__class__", "2 ** 9", "input.pop('a')"]
)
def test_an_expression_that_fails_is_named(expression: str) -> None:
    with pytest.raises(Refused) as refused:
        Texts([]).condition(expression, {"input": {"a": None, "later": _KNOWN_LATER}})
    assert repr(expression) in refused.value.what
