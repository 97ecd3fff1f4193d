from __future__ import annotations

import json
import time

import pytest
from hypothesis import given

from deployer.core.errors import StateError
from deployer.core.state import Pending, State, StateObject
from deployer.state.document import Place, decode, encode
from tests.state.strategies import states

PLACE = Place("file:///srv/state", "prod")


def made(count: int) -> State:
    objects = [
        StateObject(
            f"c/local.file/f{number:05}", "local.file", f"/srv/f{number}", "d" * 64, ("c/local.directory/x",), {"path": f"/srv/f{number}"}
        )
        for number in range(count)
    ]
    deposed = (StateObject("c/local.file/old", "local.file", "/srv/old", pending=Pending.DELETE),)
    return State("line", "demo", "prod", 7, {item.address: item for item in objects}, deposed, ("p1", "p2"))


@given(states)
def test_a_state_comes_back_as_it_was(state: State) -> None:
    assert decode(encode(state), PLACE) == state


@given(states)
def test_equal_states_give_equal_bytes_in_whatever_order_they_were_made(state: State) -> None:
    turned = State(
        state.lineage,
        state.platform,
        state.environment,
        state.serial,
        dict(reversed(list(state.objects.items()))),
        state.deposed,
        state.applied,
    )
    assert encode(turned) == encode(state)


def test_the_document_is_json_with_one_object_a_line() -> None:
    data = encode(made(3))
    assert [item["address"] for item in json.loads(data)["objects"]] == [
        "c/local.file/f00000",
        "c/local.file/f00001",
        "c/local.file/f00002",
    ]
    assert sum(b'"address"' in line for line in data.split(b"\n")) == 4


def test_an_output_that_is_not_json_is_refused_instead_of_written() -> None:
    secret = State("line", "demo", "prod", 1, {"a": StateObject("a", "k", "i", outputs={"x": {1, 2}})})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="not JSON"):
        encode(secret)


def test_a_state_cut_off_at_any_byte_is_refused_with_the_way_out() -> None:
    data = encode(made(4))
    for size in range(len(data)):
        if size < len(data) - 1:
            with pytest.raises(StateError) as caught:
                decode(data[:size], PLACE)
            assert "deployer recover prod" in caught.value.fix
            assert "file:///srv/state" in str(caught.value)


def test_any_single_changed_byte_is_noticed() -> None:
    data = encode(made(2))
    for index in range(len(data)):
        changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
        with pytest.raises(StateError):
            decode(changed, PLACE)


def test_damage_inside_an_object_names_it_with_its_line_and_byte() -> None:
    data = encode(made(5))
    changed = data.replace(b"/srv/f3", b"/srv/g3", 1)
    with pytest.raises(StateError, match=r"damaged at entry c/local.file/f00003 \(line 13, byte \d+\)"):
        decode(changed, PLACE)


def test_truncation_inside_an_object_names_it() -> None:
    data = encode(made(5))
    with pytest.raises(StateError, match=r"damaged at entry c/local\.file/f00002"):
        decode(data[: data.index(b"/srv/f2")], PLACE)


def test_truncation_between_objects_names_the_byte() -> None:
    data = encode(made(5))
    size = data.index(b'{"check"', 400)
    with pytest.raises(StateError, match=f"truncated or damaged at byte {size}"):
        decode(data[:size], PLACE)


def test_damage_outside_the_objects_is_said_to_be_there() -> None:
    with pytest.raises(StateError, match="changed by hand"):
        decode(encode(made(2)).replace(b'"serial": 7', b'"serial": 8'), PLACE)


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"\n"])
def test_an_empty_file_is_said_to_be_empty(data: bytes) -> None:
    with pytest.raises(StateError, match="is empty"):
        decode(data, PLACE)


@pytest.mark.parametrize("data", [b"[]", b"null", b"{}", b'{"format": 1}', b"\xff\xfe", b"[" * 100_000, b"hello", b'{"format": "1"}'])
def test_a_file_that_is_something_else_is_refused_readably(data: bytes) -> None:
    with pytest.raises(StateError):
        decode(data, PLACE)


def test_a_newer_format_is_refused_naming_both_versions() -> None:
    data = b'{"format": 9, "writer": "4.2.0", "things": []}'
    with pytest.raises(StateError, match=r"format 9, written by deployer 4\.2\.0") as caught:
        decode(data, PLACE)
    assert "formats up to 1" in caught.value.why
    assert "newer one" in caught.value.fix


def test_ten_thousand_objects_cost_a_moment() -> None:
    state = made(10_000)
    begin = time.process_time()
    assert decode(encode(state), PLACE) == state
    assert time.process_time() - begin < 5  # 0.1 s here; a quadratic step would take minutes
