"""Values on the wire: every kind comes back as it was, or stays where it is."""

from __future__ import annotations

import collections
import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox.frames import Message
from grader.sandbox.wire import Encoder, Opaque, decode_reply


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
    "dict subclass": (collections.OrderedDict(a=1), dict),
    "list subclass": (type("L", (list,), {"__iter__": None, "__len__": None})([1]), list),
    "named tuple": (collections.namedtuple("P", "x")(1), tuple),
    "return type of torch": (torch.max(torch.ones(1, 2), dim=1), tuple),
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
