"""The wire: every kind of value comes back as it was, and nothing malformed comes through."""

from __future__ import annotations

import collections
import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.sandbox.wire import (
    Bounds,
    DeadlinePassed,
    Decoder,
    Encoder,
    Frames,
    Message,
    Opaque,
    PeerGone,
    WireError,
    decode_reply,
    parse_json,
)


def there_and_back(value: Any) -> Any:
    """`value` as the grader gets it, by way of the JSON that the wire carries."""
    encoder = Encoder(hold=hold)
    node = json.loads(json.dumps(encoder.encode(value)))
    return decode_reply(Message({}, tuple(encoder.buffers)), node)


def hold(value: Any) -> dict[str, Any]:
    """The node of a value that stays where it is."""
    return {"k": "object", "type": type(value).__name__, "text": "…", "ref": 1, "callable": False}


SCALARS = {
    "none": None,
    "ellipsis": ...,
    "true": True,
    "int": -(2**70),
    "float": 0.1,
    "tiny": 5e-324,
    "infinity": -math.inf,
    "complex": complex(0.1, -math.inf),
    "text": "Grüße 🙂\x00",
    "empty text": "",
}


@pytest.mark.parametrize("value", SCALARS.values(), ids=SCALARS.keys())
def test_scalars_come_back_with_their_type(value: Any) -> None:
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back == value


def test_nan_and_minus_zero_come_back() -> None:
    assert math.isnan(there_and_back(math.nan))
    assert math.copysign(1, there_and_back(-0.0)) == -1


def test_half_a_character_is_replaced() -> None:
    assert there_and_back("a\ud83db") == "a?b"


ARRAY_DTYPES = [
    "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "F", "D",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ARRAY_DTYPES)
def test_array_dtypes_come_back(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = there_and_back(array)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", ARRAY_DTYPES)
def test_numpy_scalars_come_back_as_numpy_scalars(dtype: str) -> None:
    scalar = np.ones((), dtype)[()]
    back = there_and_back(scalar)
    assert type(back) is type(scalar)
    assert back == scalar


def test_big_endian_arrays_come_back_little_endian() -> None:
    back = there_and_back(np.array([1.5, -2.0], ">f4"))
    assert back.dtype == np.dtype("<f4")
    assert back.tolist() == [1.5, -2.0]


_BASE = np.arange(24.0).reshape(4, 6)
LAYOUTS = {
    "C": _BASE,
    "F": np.asfortranarray(_BASE),
    "transposed": _BASE.T,
    "strided": _BASE[:, ::2],
    "negative strides": _BASE[::-1, ::-1],
    "broadcast": np.broadcast_to(np.arange(3.0), (4, 3)),
    "0-d": np.array(3.0),
    "empty": np.empty((0, 3)),
    "empty last": np.empty((2, 0)),
    "nan": np.array([np.nan, np.inf, -0.0]),
}


@pytest.mark.parametrize("array", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_array_layouts_come_back(array: np.ndarray) -> None:
    back = there_and_back(array)
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.c_contiguous == array.flags.c_contiguous
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.flags.writeable == array.flags.writeable


def test_arrays_that_come_back_own_their_memory() -> None:
    encoder = Encoder()
    node = encoder.encode(np.zeros(2))
    message = Message({}, tuple(encoder.buffers))
    decode_reply(message, node)[0] = 1.0
    assert decode_reply(message, node).tolist() == [0.0, 0.0]


TENSOR_DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16,
    torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
]  # fmt: skip


@pytest.mark.parametrize("dtype", TENSOR_DTYPES, ids=str)
def test_tensor_dtypes_come_back(dtype: torch.dtype) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    back = there_and_back(tensor)
    assert type(back) is torch.Tensor
    assert back.dtype is dtype
    assert torch.equal(back, tensor)


_TENSOR = torch.arange(24.0).reshape(4, 6)
TENSORS = {
    "transposed": _TENSOR.T,
    "strided": _TENSOR[:, ::2],
    "expanded": torch.arange(3.0).expand(4, 3),
    "0-d": torch.tensor(3.0),
    "empty": torch.empty(0, 3),
    "conj view": torch.tensor([1 + 2j, 3 - 4j]).conj(),
    "negative view": torch.tensor([1 + 2j]).conj().imag,
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS.keys())
def test_tensor_layouts_come_back(tensor: torch.Tensor) -> None:
    back = there_and_back(tensor)
    assert back.shape == tensor.shape
    assert torch.equal(back, tensor)
    assert back.is_contiguous() == tensor.is_contiguous()
    assert not back.is_conj()


@pytest.mark.parametrize("wanted", [True, False])
def test_requires_grad_comes_back(wanted: bool) -> None:
    assert there_and_back(torch.ones(2, requires_grad=wanted)).requires_grad is wanted


def test_gradients_of_leaves_come_back() -> None:
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    (leaf**2).sum().backward()
    back = there_and_back(leaf)
    assert back.grad is not None
    assert back.grad.tolist() == [2.0, 4.0]


def test_results_of_a_graph_come_back_as_leaves() -> None:
    back = there_and_back(torch.ones(2, requires_grad=True) * 2)
    assert back.requires_grad
    assert back.is_leaf


@pytest.mark.parametrize(
    "tensor",
    [torch.eye(2).to_sparse(), torch.empty(2, device="meta"), torch.ones(2).to(torch.float8_e5m2)],
    ids=["sparse", "meta", "float8"],
)
def test_tensors_without_a_plain_form_stay_where_they_are(tensor: torch.Tensor) -> None:
    assert isinstance(there_and_back(tensor), Opaque)


CONTAINERS = {
    "empty": [[], (), {}],
    "nested": [1, (2, [3, (4.0,)]), {"a": {"b": [None, ...]}}],
    "keys": {1: "int", "a": "str", (1, (2, "b")): "tuple", None: "none", 1.5: "float"},
    "numpy key": {np.int64(3): 1},
}


@pytest.mark.parametrize("value", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_containers_come_back(value: Any) -> None:
    assert there_and_back(value) == value


def test_arrays_in_containers_come_back() -> None:
    state = collections.OrderedDict(w=torch.ones(2, 2), b=np.arange(3))
    back = there_and_back([state, (state["w"],)])
    assert type(back[0]) is dict
    assert torch.equal(back[0]["w"], state["w"])
    assert back[0]["b"].tolist() == [0, 1, 2]
    assert torch.equal(back[1][0], state["w"])


class Liar(torch.Tensor):
    """A tensor whose operators always agree."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.allclose or func is torch.equal:
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


class LyingArray(np.ndarray):
    """An array that claims to be equal to everything."""

    def __eq__(self, other: object) -> Any:
        return True

    __hash__ = None  # type: ignore[assignment]  # as an array's


SUBCLASSES = {
    "matrix": (np.ones((2, 2)).view(np.matrix), np.ndarray),
    "masked array": (np.ma.masked_array([1.0, 2.0], [True, False]), np.ndarray),
    "lying array": (np.ones(2).view(LyingArray), np.ndarray),
    "tensor subclass": (torch.ones(2).as_subclass(Liar), torch.Tensor),
    "parameter": (torch.nn.Parameter(torch.ones(2)), torch.Tensor),
    "bool subclass": (collections.OrderedDict(a=1), dict),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(("value", "kind"), SUBCLASSES.values(), ids=SUBCLASSES.keys())
def test_subclasses_come_back_as_the_plain_type(value: Any, kind: type) -> None:
    assert type(there_and_back(value)) is kind


OPAQUE = {
    "function": len,
    "class": int,
    "str subclass": type("S", (str,), {})("a"),
    "int subclass": type("N", (int,), {})(1),
    "list subclass": type("L", (list,), {})([1]),
    "namedtuple": collections.namedtuple("P", "x")(1),
    "set": {1},
    "bytes": b"a",
    "long list": list(range(5000)),
    "long text": "a" * ((1 << 20) + 1),
    "huge int": 1 << 5000,
    "object array": np.array([object()]),
    "structured array": np.zeros(2, [("a", "f8")]),
    "text array": np.array(["a"]),
    "datetime": np.datetime64("2020-01-01"),
    "many values": [[0.0] * 200] * 200,
}


@pytest.mark.parametrize("value", OPAQUE.values(), ids=OPAQUE.keys())
def test_anything_else_stays_where_it_is(value: Any) -> None:
    back = there_and_back(value)
    assert back == Opaque(type(value).__name__, "…", 1)


@pytest.mark.parametrize("value", OPAQUE.values(), ids=OPAQUE.keys())
def test_the_graders_end_sends_plain_values_only(value: Any) -> None:
    with pytest.raises(TypeError, match="has no encoding on the wire"):
        Encoder().encode(value)


def test_a_list_that_holds_itself_twice_stays_where_it_is() -> None:
    twice: list[Any] = []
    twice += [twice, twice]
    assert isinstance(there_and_back(twice), Opaque)


def test_buffers_of_a_held_tree_are_not_sent() -> None:
    encoder = Encoder(hold=hold)
    encoder.encode(np.zeros(1))
    encoder.encode([np.zeros(1), [[0] * 200] * 200])
    assert len(encoder.buffers) == 1


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


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def soon(seconds: float = 5.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def framed(head: bytes, body: bytes = b"", magic: bytes = b"GRW1") -> bytes:
    """A frame as it looks on the socket."""
    return struct.pack("<4sIQ", magic, len(head), len(body)) + head + body


def test_messages_arrive_whole_and_in_order(pair: Pair) -> None:
    sender, receiver = Frames(pair[0]), Frames(pair[1])
    sender.send(Message({"n": 1}, (memoryview(b"abc"), memoryview(b""))), soon())
    sender.send(Message({"n": 2}), soon())
    first, second = receiver.receive(soon()), receiver.receive(soon())
    assert first.head == {"n": 1}
    assert [bytes(b) for b in first.buffers] == [b"abc", b""]
    assert second == Message({"n": 2})


def test_messages_larger_than_the_socket_arrive(pair: Pair) -> None:
    sender, receiver = Frames(pair[0]), Frames(pair[1])
    large = memoryview(bytes(range(256)) * (1 << 15))
    thread = threading.Thread(target=sender.send, args=(Message({}, (large,)), soon()))
    thread.start()
    got = receiver.receive(soon())
    thread.join()
    assert got.buffers[0] == large


MALFORMED = {
    "bad magic": (framed(b"{}", magic=b"GRW2"), "protocol's mark"),
    "text": (b"print('hello, grader')", "protocol's mark"),
    "header over bounds": (struct.pack("<4sIQ", b"GRW1", 2**32 - 1, 0), "is over the bounds"),
    "body over bounds": (struct.pack("<4sIQ", b"GRW1", 2, 2**60), "is over the bounds"),
    "not JSON": (framed(b"{'a'}"), "not JSON"),
    "not an object": (framed(b"[]"), "not a JSON object"),
    "no sizes": (framed(b"{}"), "sane list of buffer sizes"),
    "sizes of text": (framed(b'{"sizes": "1"}', b"a"), "sane list of buffer sizes"),
    "sizes too small": (framed(b'{"sizes": [1]}', b"ab"), "do not add up"),
    "sizes too large": (framed(b'{"sizes": [3]}', b"ab"), "do not add up"),
    "negative size": (framed(b'{"sizes": [-1, 3]}', b"ab"), "do not add up"),
    "float size": (framed(b'{"sizes": [2.0]}', b"ab"), "do not add up"),
    "bool size": (framed(b'{"sizes": [true, true]}', b"ab"), "do not add up"),
    "many sizes": (framed(b'{"sizes": [' + b"0," * 30_000 + b"0]}"), "sane list"),
    "deep": (framed(b'{"a":' * 50_000), "not JSON"),
}


@pytest.mark.parametrize(("data", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_frames_are_refused(pair: Pair, data: bytes, message: str) -> None:
    receiver = Frames(pair[1])
    thread = threading.Thread(target=pair[0].sendall, args=(data,))
    thread.start()
    with pytest.raises(WireError, match=message):
        receiver.receive(soon())
    receiver.drain()
    thread.join()


def test_bounds_are_those_given(pair: Pair) -> None:
    receiver = Frames(pair[1], Bounds(body_bytes=2))
    Frames(pair[0]).send(Message({}, (memoryview(b"abc"),)), soon())
    with pytest.raises(WireError, match="is over the bounds"):
        receiver.receive(soon())


def test_the_deadline_is_for_the_whole_message(pair: Pair) -> None:
    receiver, data = Frames(pair[1]), framed(b'{"sizes": []}' + b" " * 200)
    stop = threading.Event()

    def drip() -> None:
        for byte in data:
            pair[0].send(bytes([byte]))
            if stop.wait(0.01):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    with pytest.raises(DeadlinePassed, match="no whole message before the deadline"):
        receiver.receive(soon(0.2))
    assert 0.15 < time.monotonic() - started < 1.0
    stop.set()
    thread.join()


def test_the_deadline_passes_where_nobody_reads(pair: Pair) -> None:
    with pytest.raises(DeadlinePassed):
        Frames(pair[0]).send(Message({}, (memoryview(bytes(1 << 24)),)), soon(0.1))


@pytest.mark.parametrize("sent", [b"", b"GRW1", framed(b'{"sizes": [3]}', b"abc")[:-1]])
def test_a_peer_that_hangs_up_is_gone(pair: Pair, sent: bytes) -> None:
    pair[0].sendall(sent)
    pair[0].close()
    with pytest.raises(PeerGone, match="the connection was closed"):
        Frames(pair[1]).receive(soon())


def test_a_peer_that_hung_up_takes_no_message(pair: Pair) -> None:
    pair[0].close()
    with pytest.raises(PeerGone):
        Frames(pair[1]).send(Message({}), soon())


def test_a_watcher_may_end_the_wait(pair: Pair) -> None:
    def watch() -> None:
        raise PeerGone("the process has ended")

    with pytest.raises(PeerGone, match="the process has ended"):
        Frames(pair[1]).receive(soon(), watch)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_draining_throws_away_what_waits(pair: Pair, closed: bool) -> None:
    receiver = Frames(pair[1])
    pair[0].sendall(bytes(100_000))
    if closed:
        pair[0].close()
    receiver.drain()
    with pytest.raises(PeerGone if closed else DeadlinePassed):
        receiver.receive(soon(0.01))


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
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "k": st.sampled_from(
        [
            "none",
            "bool",
            "int",
            "float",
            "complex",
            "str",
            "list",
            "tuple",
            "dict",
            "array",
            "npscalar",
            "tensor",
            "object",
            "x",
        ]
    )
    | _JSON,
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


_HEADS = st.dictionaries(_TEXT | st.just("sizes"), _JSON, max_size=3).map(
    lambda head: json.dumps(head).encode()
)
_FRAMES = st.builds(framed, _HEADS | st.binary(max_size=40), st.binary(max_size=20))


@fuzz
@given(data=st.binary(max_size=80) | _FRAMES)
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        try:
            message = Frames(theirs).receive(soon())
        except WireError:
            return
        assert isinstance(message.head, dict)
