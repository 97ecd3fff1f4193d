"""Random states and journals for the property tests of this room."""

from __future__ import annotations

from hypothesis import strategies as st

from deployer.core.state import Entry, EntryType, Pending, State, StateObject

_names = st.sampled_from([f"c/local.file/{letter}" for letter in "abcd"])
_ids = st.sampled_from(["/a", "/b", "/\udcff", '/ü "quoted"\\\n'])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)

objects = st.builds(
    StateObject,
    address=_names,
    kind=st.just("local.file"),
    id=_ids,
    digest=st.text("0123456789abcdef", max_size=4),
    edges=st.lists(_names, max_size=2).map(tuple),
    outputs=st.dictionaries(st.text(max_size=4), _json, max_size=2),
    pending=st.sampled_from(Pending),
    prevent_destroy=st.booleans(),
)

entries = st.one_of(
    st.builds(Entry, type=st.sampled_from([EntryType.BEGIN, EntryType.END, EntryType.DEPOSE, EntryType.FORGET]), object=objects),
    st.builds(Entry, type=st.just(EntryType.MOVE), object=objects, source=_names),
    st.builds(Entry, type=st.just(EntryType.APPLIED), source=st.text("0123456789abcdef", min_size=1, max_size=4)),
)

states = st.builds(
    State,
    lineage=st.just("line"),
    platform=st.just("demo"),
    environment=st.just("local"),
    serial=st.integers(0, 10**9),
    objects=st.lists(objects, max_size=5).map(lambda items: {item.address: item for item in items}),
    deposed=st.lists(objects, max_size=3, unique_by=lambda item: (item.address, item.id)).map(tuple),
    applied=st.lists(st.text(max_size=4), max_size=3).map(tuple),
)
