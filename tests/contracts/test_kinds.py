"""Every kind through the shared contract."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema
import pytest

from deployer.core.errors import ConfigError, OwnershipError
from deployer.core.protocols import Provider
from deployer.core.resource import Mark, Rules, Want
from deployer.core.values import Json, OutputRef, Template, Unknown
from deployer.providers.registry import kind_names, kind_outputs, kind_rules, kind_schema
from tests.contracts.kinds import MARK, Bench, Case, bench, differences, relabel

SCHEMA = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('create table if not exists t (x)'); c.commit()"

LOCK = """\
iniconfig==2.3.1 \\
    --hash=sha256:67f4b9c50da0dedf52af349e7749a80a9057a5031199791b906c3bb3ae878960 \\
    --hash=sha256:9121e2c1fdb355232495be3194c8dfe87ccc2d5dee45947b78e68f499790d7a7
"""
LASTING: list[Json] = [sys.executable, "-c", "import time; time.sleep(600)"]


def supervised(provider: Provider, folder: Path) -> Iterator[Mapping[str, Json]]:
    kind, address = provider.kinds["local.supervisor"], "test/local.supervisor/supervisor"
    config = kind.parse({})
    live = kind.create(Want(address, str(kind.identify(address, config)), MARK.at(address), config))
    yield {"supervisor": live.outputs["socket"]}
    kind.delete(live)


CASES = [
    Case("local.directory", {"path": "data/deep"}, {"mode": "0755"}),
    Case("local.directory", {"path": "store", "data": True}, {"mode": "0750"}, name="data"),
    Case("local.file", {"path": "etc/motd ü.txt", "content": "tracking\n"}, {"content": "", "mode": "0644"}),
    Case("local.file", {"path": "token", "sensitive_content": "s3cret"}, {"sensitive_content": "other"}, name="sensitive"),
    Case("local.secret", {"length": 24, "alphabet": "urlsafe"}),
    Case("local.port", {"port": "auto"}, {"port": 18743}, name="auto"),
    Case("local.port", {"port": 18742, "bind": "127.0.0.1"}, {"port": 18744}),
    Case("local.python_env", {"lock": LOCK, "name": "small"}),
    Case("local.supervisor", {"log_backups": 2}, {"log_max_size": "1MB"}),
    Case("local.process", {"command": LASTING}, {"environment": {"A": "1"}}, prepare=supervised, settle=10),
    Case("local.sqlite", {"path": "db/plain.db"}, {"mode": "0640"}, name="plain"),
    Case(
        "local.sqlite",
        {"path": "runs.db", "schema": {"version": "1", "command": [sys.executable, "-c", SCHEMA, "{path}"]}},
        {"schema": {"version": "2", "command": [sys.executable, "-c", SCHEMA, "{path}"]}},
    ),
]
UPDATED = [case for case in CASES if case.changed is not None]


@pytest.fixture
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench(request.param, tmp_path) as ready:
        yield ready


every_kind = pytest.mark.parametrize("made", CASES, indirect=True, ids=str)
every_updatable_kind = pytest.mark.parametrize("made", UPDATED, indirect=True, ids=str)


def test_every_kind_is_in_the_contract() -> None:
    assert {case.kind for case in CASES} == set(kind_names())


@pytest.mark.parametrize("name", kind_names())
def test_a_kinds_rules_are_known_without_opening_its_provider(name: str) -> None:
    assert isinstance(kind_rules(name), Rules)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_kinds_schema_takes_what_it_parses_and_says_what_each_field_is(case: Case) -> None:
    schema = kind_schema(case.kind)
    checker = jsonschema.Draft202012Validator(schema)
    needed = {key: "..." for key in ("bind", "directory", "supervisor") if key in schema.get("required", ())}  # the kind knows them itself
    for config in (case.config, {**case.config, **(case.changed or {})}):
        checker.validate({**needed, **config})
        assert not checker.is_valid({**needed, **config, "colour": "red"})
    assert all(field["description"] for field in schema["properties"].values())


@every_kind
def test_an_object_has_the_outputs_its_kind_promises(made: Bench) -> None:
    live = made.kind.create(made.want())
    promised = set(kind_outputs(made.case.kind))
    assert promised - set(live.outputs) <= {"digest"}  # of sensitive content there is none
    assert set(live.outputs) <= promised


@every_kind
def test_an_object_lives_from_nothing_to_nothing(made: Bench, tmp_path: Path) -> None:
    want = made.want()
    assert made.read() is None
    created = made.kind.create(want)
    made.wait(created)
    assert created.id == want.id
    assert made.changes(want, created) == []
    assert made.there() == created
    made.kind.delete(created)
    assert made.read() is None
    made.kind.delete(created)
    assert made.read() is None


@every_kind
def test_nothing_is_left_of_a_deleted_object(made: Bench, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("root/*"))
    made.kind.delete(made.kind.create(made.want()))
    assert [path for path in sorted(tmp_path.rglob("root/*")) if path not in before] == []


@every_kind
def test_a_second_plan_is_empty(made: Bench) -> None:
    made.kind.create(made.want())
    assert made.changes(made.want(), made.there()) == []


@every_kind
def test_parsing_what_was_parsed_changes_nothing(made: Bench) -> None:
    parsed = made.parsed()
    assert made.kind.parse(parsed) == parsed


@every_kind
def test_a_parsed_configuration_has_the_shape_of_what_is_read(made: Bench) -> None:
    assert set(made.kind.create(made.want()).config) == set(made.parsed())


@every_kind
def test_an_unknown_key_is_refused_by_name(made: Bench) -> None:
    with pytest.raises(ConfigError) as caught:
        made.kind.parse({**made.config, "colour": "red"})
    assert [problem.path for problem in caught.value.problems] == ["colour"]


@every_kind
def test_every_field_may_be_unknown_until_apply(made: Bench) -> None:
    later = Unknown(Template((OutputRef("a/b/c", "d"),)))
    known = made.parsed()
    for key in made.config:
        parsed = made.kind.parse({**made.config, key: later})
        assert parsed[key] == later
        assert {name: value for name, value in parsed.items() if name != key} == {k: v for k, v in known.items() if k != key}


@every_kind
def test_predicted_outputs_come_true(made: Bench) -> None:
    want = made.want()
    predicted = made.kind.predict(want.id, made.parsed())
    outputs = made.kind.create(want).outputs
    assert set(predicted) == set(outputs)
    assert {key: outputs[key] for key, value in predicted.items() if not isinstance(value, Unknown)} == {
        key: value for key, value in predicted.items() if not isinstance(value, Unknown)
    }


@every_updatable_kind
def test_an_object_is_updated_in_place(made: Bench) -> None:
    old = made.kind.create(made.want())
    made.wait(old)
    want = made.want(made.case.changed)
    assert want.id == old.id
    changes = made.changes(want, old)
    assert changes != []
    new = made.kind.update(old, want, changes)
    made.wait(new)
    assert made.changes(want, new) == []
    assert new.token != old.token
    again = made.kind.update(new, want, changes)
    assert made.changes(want, again) == []


@every_kind
def test_a_create_may_be_repeated_after_a_crash(made: Bench) -> None:
    want = made.want()
    first = made.kind.create(want)
    second = made.kind.create(want)
    assert made.changes(want, second) == []
    assert dict(second.outputs) == dict(first.outputs)


@every_kind
def test_an_object_is_found_by_its_mark(made: Bench) -> None:
    live = made.kind.create(made.want())
    found = list(made.kind.find(MARK))
    assert [each.id for each in found if each.mark == MARK.at(made.address)] == [live.id]
    assert list(made.kind.find(Mark("demo", "another"))) == []


@every_kind
def test_a_lost_mark_is_seen_and_restored_by_an_update(made: Bench) -> None:
    live = made.kind.create(made.want())
    relabel(made.case.marked(live), None)
    bare = made.there()
    assert bare.mark is None
    assert bare.token != live.token
    restored = made.kind.update(bare, made.want(), made.changes(made.want(), bare))
    assert restored.mark == MARK.at(made.address)
    assert made.changes(made.want(), restored) == []


@every_kind
def test_anothers_object_is_named_and_never_touched(made: Bench) -> None:
    live = made.kind.create(made.want())
    path = made.case.marked(live)
    other = {"platform": "demo", "environment": "theirs", "address": "x/y/z", "kind": made.case.kind}
    relabel(path, json.dumps(other).encode())
    theirs = made.there()
    assert theirs.mark == Mark("demo", "theirs", "x/y/z")
    assert list(made.kind.find(MARK)) == []
    for act in (lambda: made.kind.create(made.want()), lambda: made.kind.delete(live)):
        with pytest.raises(OwnershipError, match="demo/theirs"):
            act()
    assert made.there().token == theirs.token
    relabel(path, json.dumps(other | {"environment": MARK.environment}).encode())


@every_kind
def test_a_mark_that_is_no_mark_counts_as_none(made: Bench) -> None:
    live = made.kind.create(made.want())
    for nonsense in (b"", b"{", b"[]", b'{"platform": 1}', b"\xff\xfe", b"null"):
        relabel(made.case.marked(live), nonsense)
        assert made.there().mark is None
    relabel(made.case.marked(live), None)


@every_kind
def test_nothing_stands_in_the_way_on_a_machine_that_is_well(made: Bench) -> None:
    want = made.want()
    assert made.kind.check([(want, None)]) == []
    live = made.kind.create(want)
    assert made.kind.check([(want, live)]) == []


@every_kind
def test_what_we_make_is_closed_to_other_users(made: Bench, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made.kind.create(made.want())
    finally:
        os.umask(old)
    found = [path for path in (tmp_path / "root").rglob("*") if not path.is_symlink()]
    # an environment's files are links to ones everybody may read; its folders are closed
    open_to_others = [path for path in found if path.stat().st_mode & 0o077 and (path.is_dir() or "envs" not in path.parts)]
    assert open_to_others == []


def test_the_suite_itself_sees_a_difference() -> None:
    assert [change.path for change in differences({"a": {"b": 1, "c": []}}, {"a": {"b": True, "c": []}}, ())] == [("a", "b")]
    assert differences({"a": 1, "b": {"c": 2}}, {"a": 2, "b": {}}, ("a", "b")) == []
