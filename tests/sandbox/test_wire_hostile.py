"""Values from a hostile process: nothing malformed comes through the wire."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.sandbox.frames import Message, WireError, parse_json
from grader.sandbox.wire import Decoder, decode_reply


def array_node(**changes: Any) -> dict[str, Any]:
    """A right node for the sixteen bytes of BUFFER, with changes."""
    return {"k": "array", "dtype": "<f8", "shape": [2], "buf": 0, **changes}


def nested(depth: int) -> dict[str, Any]:
    """A list in a list in a list."""
    node: dict[str, Any] = {"k": "none"}
    for _ in range(depth):
        node = {"k": "list", "v": [node]}
    return node


BUFFER = memoryview(bytes(16))
TENSOR = {"k": "tensor", "dtype": "float64", "shape": [2], "buf": 0}
REFUSED = {
    "object dtype": (array_node(dtype="|O"), "dtype |O is not allowed"),
    "object dtype by name": (array_node(dtype="object"), "is not allowed"),
    "text dtype": (array_node(dtype="<U2"), "is not allowed"),
    "datetime dtype": (array_node(dtype="<M8"), "is not allowed"),
    "void dtype": (array_node(dtype="|V8"), "is not allowed"),
    "no dtype": (array_node(dtype=None), "is not allowed"),
    "structured dtype": (array_node(dtype="f8,f8"), "is not allowed"),
    "structured dtype as list": (array_node(dtype=[["a", "<f8"]]), "is not allowed"),
    "structured dtype as dict": (array_node(dtype={"names": ["a"]}), "is not allowed"),
    "dtype of no size": (array_node(dtype="<f3"), "malformed value"),
    "negative shape": (array_node(shape=[-2]), "shape (-2,) is not sane"),
    "huge shape": (array_node(shape=[2**60]), "is over the bounds"),
    "huge empty shape": (array_node(shape=[0, 2**60]), "is over the bounds"),
    "huge empty product": (array_node(shape=[0, 2**20, 2**20]), "is over the bounds"),
    "float shape": (array_node(shape=[2.0]), "is not sane"),
    "bool shape": (array_node(shape=[True, 2]), "is not sane"),
    "text shape": (array_node(shape="2"), "is not sane"),
    "number as shape": (array_node(shape=2), "malformed value"),
    "many axes": (array_node(shape=[1] * 33), "is not sane"),
    "long shape": (array_node(shape=[1] * 10**5), "is not sane"),
    "shape too small": (array_node(shape=[1]), "needs 8 bytes, not 16"),
    "shape too large": (array_node(shape=[3]), "needs 24 bytes, not 16"),
    "buffer beyond the last": (array_node(buf=1), "there is no buffer 1"),
    "negative buffer": (array_node(buf=-1), "there is no buffer -1"),
    "bool buffer": (array_node(buf=False), "there is no buffer False"),
    "list as buffer": (array_node(buf=[0]), "there is no buffer"),
    "no buffer": ({"k": "array", "dtype": "<f8", "shape": [2]}, "KeyError: 'buf'"),
    "tensor of unknown dtype": ({**TENSOR, "dtype": "quint8"}, "KeyError: 'quint8'"),
    "tensor of unhashable dtype": ({**TENSOR, "dtype": []}, "malformed value"),
    "tensor of huge shape": ({**TENSOR, "shape": [0, 2**60]}, "is over the bounds"),
    "malformed gradient": ({**TENSOR, "grad": True, "grad_value": 1}, "is not an object"),
    "no node": (None, "is not an object"),
    "list as node": ([], "is not an object"),
    "no kind": ({}, "does not say its kind"),
    "unhashable kind": ({"k": []}, "does not say its kind"),
    "unknown kind": ({"k": "name", "name": "x"}, "unknown kind of value 'name'"),
    "int of no digits": ({"k": "int", "v": "x"}, "malformed value"),
    "int as number": ({"k": "int", "v": 1}, "malformed value"),
    "float without value": ({"k": "float"}, "malformed value"),
    "half a complex": ({"k": "complex", "v": ["0x1p0"]}, "malformed value"),
    "list of nothing": ({"k": "list"}, "a list without a list of items"),
    "dict of no pairs": ({"k": "dict", "v": [1]}, "a dict item that is not a pair"),
    "list as key": ({"k": "dict", "v": [[{"k": "list", "v": []}] * 2]}, "key of type list"),
    "array as key": ({"k": "dict", "v": [[array_node()] * 2]}, "key of type ndarray"),
    "list in a tuple as key": (
        {"k": "dict", "v": [[{"k": "tuple", "v": [{"k": "list", "v": []}]}] * 2]},
        "key of type tuple",
    ),
    "object without a handle": ({"k": "object", "type": "t", "text": ""}, "malformed object"),
    "object with a bad handle": (
        {"k": "object", "type": "t", "text": "", "ref": math.inf, "callable": True},
        "malformed object",
    ),
    "too deep": (nested(40), "nested too deeply"),
    "very deep": (nested(500), "nested too deeply"),
    "too many": ({"k": "list", "v": [{"k": "none"}] * 30_000}, "too many parts"),
}


@pytest.mark.parametrize(("node", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_malformed_values_are_refused(node: Any, message: str) -> None:
    with pytest.raises(WireError) as caught:
        decode_reply(Message({}, (BUFFER,)), node)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_right_node_is_taken() -> None:
    assert decode_reply(Message({}, (BUFFER,)), array_node()).tolist() == [0.0, 0.0]


def test_gradients_of_another_shape_are_left_out() -> None:
    node = {**TENSOR, "grad": True, "grad_value": {**TENSOR, "shape": [1, 2]}}
    assert decode_reply(Message({}, (BUFFER,)), node).grad is None


def test_what_a_resolver_raises_is_not_the_wires() -> None:
    def resolve(node: dict[str, Any]) -> Any:
        raise KeyError(node["name"])

    with pytest.raises(KeyError, match="x"):
        Decoder((), resolve=resolve).decode({"k": "name", "name": "x"})


NOT_JSON = {
    "empty": b"",
    "text": b"hello",
    "half": b'{"a": 1',
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "long number": b"1" * 10_000,
    "trailing": b"{} {}",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="not JSON"):
        parse_json(data)


@pytest.mark.parametrize("data", [rb'["a\ud83db"]', b'["a\xed\xa0\xbdb"]'], ids=["escape", "bytes"])
def test_json_gives_whole_characters(data: bytes) -> None:
    (text,) = parse_json(data)
    assert text.encode("utf-8")
    assert parse_json(rb'["\ud83d\ude42"]') == ["🙂"]


fuzz = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
_TEXT = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_DTYPES = ["<f8", "|b1", "<i4", "|O", "<c16", "float32", "bool", "bfloat16", "complex64"]
_KINDS = [
    "none", "bool", "int", "float", "complex", "str", "list", "tuple", "dict", "array", "npscalar",
    "tensor", "object", "x",
]  # fmt: skip
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "k": st.sampled_from(_KINDS) | _JSON,
    "dtype": st.sampled_from(_DTYPES) | _JSON,
    "shape": st.lists(st.integers(-1, 4) | st.just(2**60), max_size=3) | _JSON,
    "buf": st.integers(-1, 3) | _JSON,
    "layout": st.sampled_from(["F", "strided"]) | _JSON,
    "grad": st.booleans() | _JSON,
    "readonly": st.booleans(),
    "ref": st.integers() | _JSON,
    "type": _JSON,
    "text": _JSON,
    "callable": st.booleans() | _JSON,
}


def _nodes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.lists(values, min_size=2, max_size=2)
    inner = st.lists(values, max_size=3) | st.lists(pairs, max_size=3) | _JSON
    optional = {**_FIELDS, "v": inner, "grad_value": values}
    kind = optional.pop("k")
    return st.fixed_dictionaries({"k": kind}, optional=optional)


_NODE = st.recursive(_JSON | st.fixed_dictionaries({"k": _FIELDS["k"]}), _nodes, max_leaves=6)


@fuzz
@given(node=_NODE)
@example(node={"k": {}})
@example(node={"k": "tensor", "dtype": "float64", "shape": [2], "buf": 0, "grad_value": []})
def test_any_json_decodes_or_is_a_wire_error(node: Any) -> None:
    buffers = tuple(memoryview(bytes(n)) for n in (16, 0, 4))
    try:
        decode_reply(Message({}, buffers), node)
    except WireError as error:
        assert str(error)
