from __future__ import annotations

import math
from pathlib import Path

import pytest

from deployer.core.errors import ConfigError
from deployer.core.values import Unknown
from deployer.providers.local.secret import ALPHABETS, SecretKind, classify, generate
from tests.providers.local.rigs import create, kind, there, want

SECRET = "local.secret"


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_a_value_tells_its_alphabet(alphabet: str) -> None:
    values = {generate(alphabet, 16) for _ in range(200)}
    assert len(values) == 200
    assert {classify(value) for value in values} == {alphabet}
    assert {len(value) for value in values} == {16}


def test_a_default_value_cannot_be_guessed() -> None:
    assert 32 * math.log2(len(ALPHABETS["alphanumeric"])) > 128


def test_two_components_may_have_a_secret_of_one_name(tmp_path: Path) -> None:
    made = kind(SECRET, tmp_path)
    ids = [made.identify(address, made.parse({})) for address in ("a-b/local.secret/c", "a/local.secret/b-c", "a/local.secret/c[x/../y]")]
    assert len(set(ids)) == 3
    assert all(str(each).startswith(f"{tmp_path}/secrets/") and ".." not in str(each).split("/") for each in ids)


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "a/b", "ü", 'x["k"]'])
def test_no_name_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    made = kind(SECRET, tmp_path)
    live = create(made, {}, name)
    assert Path(live.id).parent.resolve() == tmp_path / "secrets/test"
    made.delete(live)


@pytest.mark.parametrize("config", [{"length": 8}, {"length": 5000}, {"alphabet": "abc"}, {"mode": "0644"}, {"path": "../x"}])
def test_a_secret_that_would_be_weak_or_open_is_refused(tmp_path: Path, config: dict[str, str | int]) -> None:
    with pytest.raises(ConfigError):
        kind(SECRET, tmp_path).parse(config)


def test_the_value_is_kept_by_everything_but_a_delete(tmp_path: Path) -> None:
    made = kind(SECRET, tmp_path)
    wanted = want(made, {"path": "key"})
    value = made.create(wanted).outputs["value"]
    assert made.create(wanted).outputs["value"] == value
    (tmp_path / "key").chmod(0o644)
    loose = there(made, wanted.id)
    assert loose.config["mode"] == "0644"
    assert made.update(loose, wanted, []).outputs["value"] == value
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    made.delete(loose)
    assert made.create(wanted).outputs["value"] != value


def test_a_line_end_an_editor_added_is_no_part_of_the_value(tmp_path: Path) -> None:
    made = kind(SECRET, tmp_path)
    wanted = want(made, {})
    live = made.create(wanted)
    Path(live.id).write_text(f"{live.outputs['value']}\n")
    assert there(made, live.id).config == live.config
    assert there(made, live.id).outputs["value"] == live.outputs["value"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"with spaces and so on!!"])
def test_what_is_no_secret_of_ours_is_read_as_other(tmp_path: Path, content: bytes) -> None:
    made = kind(SECRET, tmp_path)
    live = create(made, {})
    Path(live.id).write_bytes(content)
    assert there(made, live.id).config["alphabet"] == "other"


def test_the_value_is_unknown_before_and_sensitive_after(tmp_path: Path) -> None:
    made = kind(SECRET, tmp_path)
    assert isinstance(made.predict("/x", made.parse({}))["value"], Unknown)
    assert SecretKind.rules.sensitive_outputs == ("value",)
    live = create(made, {})
    assert str(live.outputs["value"]) not in repr(live) + live.token + str(live.config)
