from __future__ import annotations

import hashlib
import json

import pytest

from deployer.core.errors import StateError
from deployer.state.document import Place, decode
from deployer.state.upgrade import Document, upgrade

PLACE = Place("file:///srv/state", "prod")


def sealed(document: Document) -> bytes:
    body = json.dumps(document).encode()[1:]
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body


def named(document: Document) -> Document:
    return {**document, "environment": document.pop("env"), "serial": document["serial"] + 1}


def doubled(document: Document) -> Document:
    return {**document, "serial": document["serial"] * 10}


OLD: Document = {"format": 1, "lineage": "l", "serial": 3, "platform": "demo", "env": "prod", "applied": [], "objects": [], "deposed": []}


def test_an_older_document_goes_through_every_step_in_order() -> None:
    state = decode(sealed(OLD), PLACE, {1: named, 2: doubled}, newest=3)
    assert (state.environment, state.serial) == ("prod", 40)


def test_todays_document_is_left_as_it_is() -> None:
    assert upgrade({"format": 3, "x": 1}, {1: named, 2: doubled}, 3) == {"format": 3, "x": 1}


def test_a_missing_step_is_an_error_and_no_guess() -> None:
    with pytest.raises(StateError, match="nothing leads from there to 3"):
        upgrade({"format": 1, "env": "x", "serial": 1}, {1: named}, 3)


@pytest.mark.parametrize("value", [None, "1", 1.0, True, []])
def test_a_document_without_a_number_for_a_format_is_refused(value: object) -> None:
    with pytest.raises(StateError, match="names no format"):
        upgrade({"format": value})


def test_a_damaged_older_document_is_not_upgraded() -> None:
    with pytest.raises(StateError, match="changed by hand"):
        decode(sealed(OLD).replace(b'"serial": 3', b'"serial": 4'), PLACE, {1: named, 2: doubled}, newest=3)
