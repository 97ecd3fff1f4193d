"""The plan document gives back the plan it was made from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.errors import StalePlanError
from deployer.core.resource import ABSENT
from deployer.core.values import OutputRef, SecretRef, Sensitive, Template, Unknown, Value
from deployer.engine.document import decode, encode, plan_from_json, plan_to_json
from tests.engine.rig import Rig, desired, ref, resource

PARTS = st.one_of(st.text(), st.builds(OutputRef, st.text(), st.text()), st.builds(SecretRef, st.text()))
TEMPLATES = st.builds(lambda parts: Template(tuple(parts)), st.lists(PARTS, min_size=1))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    TEMPLATES,
    st.builds(Unknown, TEMPLATES),
    st.builds(lambda digest, template: Sensitive(digest, "never stored", template), st.text(), TEMPLATES),
    st.just(ABSENT),
)
KEYS = st.one_of(st.text(), st.sampled_from(["$unknown", "$sensitive", "$map", "$absent", "$template", "template"]))
TREES: st.SearchStrategy[Value] = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(KEYS, inner)), max_leaves=15
)


@given(TREES)
def test_every_tree_survives_json(tree: Value) -> None:
    text = json.dumps(encode(tree))
    assert "never stored" not in text
    assert decode(json.loads(text)) == tree


def test_a_plan_survives_json() -> None:
    rig = Rig()
    rig.apply(desired(resource("a", size=1), resource("gone")))
    rig.world.things["fake.thing", "a"].config["text"] = "edited"
    plan = rig.plan(desired(resource("a", size=2), resource("b", link=ref("c/fake.thing/a", "serial"))))
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "not a saved plan"),
        ({"format": "terraform"}, "not a saved plan"),
        ({"format": "deployer-plan/9"}, "format deployer-plan/9"),
        ({"format": "deployer-plan/1"}, "damaged"),
        ({**plan_to_json(Rig().plan(desired())), "steps": [{"action": "explode"}]}, "damaged"),
    ],
)
def test_what_is_no_plan_is_refused_readably(document: object, words: str) -> None:
    with pytest.raises(StalePlanError, match=words):
        plan_from_json(document)
