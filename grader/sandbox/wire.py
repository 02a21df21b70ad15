"""What crosses the trust boundary: a JSON tree and raw little-endian buffers, never a pickle.

Both ends use this module: `Encoder` and `Decoder` turn values into a message and back. The
decoder checks every size before it allocates, refuses object dtypes, and gives back only exact
built-in, NumPy and torch types, so that nothing a student's class overrides runs in the grader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from grader.sandbox.frames import MOST_NODES, Bounds, Message, WireError

# Array kinds that have a fixed little-endian layout: bool, signed, unsigned, float, complex.
_PLAIN_KINDS = "biufc"
_PLAIN_DTYPE = re.compile(rf"[<|][{_PLAIN_KINDS}]\d{{1,2}}")

_TORCH_DTYPES: dict[str, torch.dtype] = {
    str(d).removeprefix("torch."): d
    for d in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.complex64, torch.complex128,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Opaque:
    """A value that stays on the student's side: its type, a short text and a handle."""

    type: str
    text: str
    ref: int
    callable: bool = False


class Encoder:
    """Turns values into nodes and buffers.

    `hold` is asked to keep a value that has no encoding and returns the node for it; without
    one such a value is a TypeError (the grader's end sends only plain values).
    """

    def __init__(self, hold: Callable[[Any], dict[str, Any]] | None = None) -> None:
        self.buffers: list[memoryview] = []
        self._hold = hold
        self._nodes = 0

    def encode(self, value: Any) -> dict[str, Any]:
        """The node for `value`; arrays and tensors land in `buffers`.

        A tree with more values than the other end takes is held as a whole.
        """
        self._nodes, start = 0, len(self.buffers)
        try:
            return self._node(value, 0)
        except _TooManyNodes:
            del self.buffers[start:]
            return self._held(value)

    def _node(self, value: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _TooManyNodes
        scalar = _encode_scalar(value)
        if scalar is not None:
            return scalar
        if depth < 24:
            if isinstance(value, torch.Tensor):
                return self._tensor(value, depth)
            if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _PLAIN_KINDS:
                return self._array(value)
            for kind in (list, tuple):  # a named tuple is a tuple, whatever its class makes of it
                if issubclass(type(value), kind) and kind.__len__(value) <= 4096:
                    items = [self._node(item, depth + 1) for item in kind.__iter__(value)]
                    return {"k": kind.__name__, "v": items}
            if isinstance(value, dict) and len(value) <= 4096:
                pairs = [
                    [self._node(k, depth + 1), self._node(v, depth + 1)]
                    for k, v in dict.items(value)
                ]
                return {"k": "dict", "v": pairs}
        return self._held(value)

    def _held(self, value: Any) -> dict[str, Any]:
        if self._hold is None:
            raise TypeError(f"{type(value).__name__} has no encoding on the wire")
        return self._hold(value)

    def _buffer(self, array: np.ndarray) -> int:
        plain = np.ascontiguousarray(array)
        if plain.dtype.byteorder == ">":
            plain = plain.astype(plain.dtype.newbyteorder("<"))
        self.buffers.append(plain.reshape(-1).view(np.uint8).data)
        return len(self.buffers) - 1

    def _array(self, value: np.ndarray | np.generic) -> dict[str, Any]:
        base = np.asarray(value)
        node: dict[str, Any] = {
            "k": "array",
            "dtype": base.dtype.str.replace(">", "<"),
            "shape": list(base.shape),
            "buf": self._buffer(base),
        }
        if isinstance(value, np.generic):
            node["k"] = "npscalar"
        elif type(value) is not np.ndarray:
            node["cls"] = type(value).__name__[:80]
        if base.ndim and not base.flags.c_contiguous:
            node["layout"] = "F" if base.flags.f_contiguous else "strided"
        if not base.flags.writeable:
            node["readonly"] = True
        return node

    def _tensor(self, value: torch.Tensor, depth: int) -> dict[str, Any]:
        name = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or value.is_meta or name not in _TORCH_DTYPES:
            return self._held(value)
        plain = plain_tensor(value)
        node: dict[str, Any] = {
            "k": "tensor",
            "dtype": name,
            "shape": list(plain.shape),
            "device": str(value.device),
            "grad": bool(value.requires_grad),
            "buf": self._buffer(raw_bytes(plain)),
        }
        if type(value) is not torch.Tensor:
            node["cls"] = type(value).__name__[:80]
        if plain.dim() and not plain.is_contiguous():
            node["layout"] = "strided"
        if value.is_leaf and value.grad is not None:
            node["grad_value"] = self._node(value.grad, depth + 1)
        return node


def plain_tensor(value: torch.Tensor) -> torch.Tensor:
    """`value` on the CPU, without its graph and without bits that only mark a view."""
    return value.detach().resolve_conj().resolve_neg().cpu()


def raw_bytes(plain: torch.Tensor) -> np.ndarray:
    """The bytes of a plain tensor in row-major order, shape (nbytes,)."""
    # A single number counts as contiguous whatever its stride, but not as a view of bytes.
    flat = plain.contiguous().as_strided((plain.numel(),), (1,))
    raw: np.ndarray = flat.view(torch.uint8).numpy()
    return raw


class _TooManyNodes(Exception):
    """A tree has more values than the other end takes."""


def _encode_scalar(value: Any) -> dict[str, Any] | None:
    kind = type(value)
    if value is None:
        return {"k": "none"}
    if value is Ellipsis:
        return {"k": "ellipsis"}
    if kind is bool:
        return {"k": "bool", "v": value}
    if kind is int and value.bit_length() < 4096:
        return {"k": "int", "v": hex(value)}
    if kind is float:
        return {"k": "float", "v": value.hex()}
    if kind is complex:
        return {"k": "complex", "v": [value.real.hex(), value.imag.hex()]}
    if kind is str and len(value) <= 1 << 20:
        return {"k": "str", "v": value.encode("utf-8", "replace").decode()}
    return None


class Decoder:
    """Turns nodes back into values, trusting nothing.

    `resolve` gives a value for a node kind that this module does not know (references).
    """

    def __init__(
        self,
        buffers: tuple[memoryview, ...],
        *,
        resolve: Callable[[dict[str, Any]], Any] | None = None,
        device: str | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._buffers = buffers
        self._resolve = resolve
        self._device = device
        self._bounds = bounds or Bounds()
        self._nodes = 0

    def decode(self, node: Any, depth: int = 0) -> Any:
        """The value of `node`. Raises WireError where the node is malformed."""
        self._nodes += 1
        if self._nodes > self._bounds.nodes or depth > self._bounds.depth:
            raise WireError("value has too many parts or is nested too deeply")
        if not isinstance(node, dict):
            raise WireError("value node is not an object")
        kind = node.get("k")
        if not isinstance(kind, str):
            raise WireError("value node does not say its kind")
        if kind in _SCALARS or kind in ("array", "npscalar", "tensor"):
            return self._leaf(node, depth)
        if kind in ("list", "tuple", "dict"):
            return self._container(node, depth)
        if self._resolve is None:
            raise WireError(f"unknown kind of value {kind[:40]!r}")
        # Outside of any handler: what student code raises in here is an observation.
        return self._resolve(node)

    def _leaf(self, node: dict[str, Any], depth: int) -> Any:
        kind = node["k"]
        try:
            if kind in _SCALARS:
                return _SCALARS[kind](node.get("v"))
            return self._tensor(node, depth) if kind == "tensor" else self._array(node)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise WireError(f"malformed value: {type(error).__name__}: {error}") from error

    def _container(self, node: dict[str, Any], depth: int) -> Any:
        kind, items = node["k"], node.get("v")
        if not isinstance(items, list):
            raise WireError(f"a {kind} without a list of items")
        if kind != "dict":
            decoded = [self.decode(item, depth + 1) for item in items]
            return decoded if kind == "list" else tuple(decoded)
        result: dict[Any, Any] = {}
        for pair in items:
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dict item that is not a pair")
            key = self.decode(pair[0], depth + 1)
            try:
                hash(key)
            except TypeError as error:
                raise WireError(f"a dict key of type {type(key).__name__}") from error
            result[key] = self.decode(pair[1], depth + 1)
        return result

    def _raw(self, node: dict[str, Any], itemsize: int) -> tuple[memoryview, tuple[int, ...]]:
        shape, index = tuple(node["shape"]), node["buf"]
        if len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
            raise WireError(f"shape {str(shape)[:100]} is not sane")
        # An empty array has no bytes, but a sum over its empty axis is as large as the others.
        if math.prod(max(n, 1) for n in shape) * itemsize > self._bounds.body_bytes:
            raise WireError(f"shape {str(shape)[:100]} is over the bounds")
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise WireError(f"there is no buffer {str(index)[:40]}")
        buffer, size = self._buffers[index], math.prod(shape) * itemsize
        if size != len(buffer):
            raise WireError(f"shape {shape} needs {size} bytes, not {len(buffer)}")
        return buffer, shape

    def _array(self, node: dict[str, Any]) -> Any:
        name = node["dtype"]
        if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
            raise WireError(f"dtype {str(name)[:40]} is not allowed on the wire")
        dtype = np.dtype(name)
        buffer, shape = self._raw(node, dtype.itemsize)
        array = np.frombuffer(buffer, dtype=dtype).reshape(shape).copy()
        if node["k"] == "npscalar":
            return array[()]
        array = _lay_out(array, node.get("layout"))
        if node.get("readonly"):
            array.flags.writeable = False
        return array

    def _tensor(self, node: dict[str, Any], depth: int) -> torch.Tensor:
        dtype = _TORCH_DTYPES[node["dtype"]]
        buffer, shape = self._raw(node, dtype.itemsize)
        flat = torch.frombuffer(bytearray(buffer), dtype=dtype) if len(buffer) else None
        value = torch.empty(shape, dtype=dtype) if flat is None else flat.reshape(shape)
        if node.get("layout") == "strided" and value.dim():
            wide = torch.empty((*value.shape[:-1], 2 * value.shape[-1]), dtype=dtype)
            value = wide[..., ::2].copy_(value)
        if self._device is not None:
            value = value.to(self._device)
        if node.get("grad") and (dtype.is_floating_point or dtype.is_complex):
            value.requires_grad_(True)
        if "grad_value" in node:
            grad = self.decode(node["grad_value"], depth + 1)
            if isinstance(grad, torch.Tensor) and grad.shape == value.shape:
                value.grad = grad.detach().to(value.dtype)
        return value


def _lay_out(array: np.ndarray, layout: str | None) -> np.ndarray:
    """`array` with the memory layout that the sender's had, so that strides are tested too."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided" and array.ndim:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
        view = wide[..., ::2]
        view[...] = array
        return view
    return array


def _opaque(node: dict[str, Any]) -> Opaque:
    if type(node["ref"]) is not int:
        raise TypeError("a handle that is not a number")
    callable_ = node["callable"] is True
    return Opaque(str(node["type"])[:200], str(node["text"])[:2000], node["ref"], callable_)


def decode_reply(message: Message, node: Any, bounds: Bounds | None = None) -> Any:
    """The grader's end: the value of `node`, with student objects as `Opaque`."""

    def resolve(unknown: dict[str, Any]) -> Any:
        if unknown.get("k") != "object":
            raise WireError(f"unknown kind of value {str(unknown.get('k'))[:40]!r}")
        try:
            return _opaque(unknown)
        except (KeyError, TypeError, ValueError) as error:
            raise WireError("malformed object node") from error

    return Decoder(message.buffers, resolve=resolve, bounds=bounds).decode(node)


def may_be_looked_up(head: dict[str, Any]) -> bool:
    """Whether a request may turn out to ask for no more than a plain value.

    A name that is asked for as a function is about to be called.
    """
    if head["op"] != "eval" or "keep" in head or head.get("function"):
        return False
    node = head["node"]
    return bool(node["k"] == "name" or (node["k"] == "attr" and node["of"]["k"] == "name"))


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "none": lambda _: None,
    "ellipsis": lambda _: Ellipsis,
    "bool": bool,
    "int": lambda text: int(text, 16),
    "float": float.fromhex,
    "complex": lambda pair: complex(float.fromhex(pair[0]), float.fromhex(pair[1])),
    "str": str,
}
