"""Values as a report can print them: bounded text and at most a few hundred cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from grader.model import Shown
from grader.sandbox.wire import Opaque

_MOST_CELLS = 400
_TEXT_CELLS = 60
_LITERAL_LENGTH = 4000
_TOO_LONG = "<a number with thousands of digits>"  # Python prints none of more than 4300


def show(value: Any) -> Shown:
    """`value` as plain text and cells, whatever it is."""
    if isinstance(value, torch.Tensor):
        array = as_numpy(value)
        dtype = str(value.dtype)
        return Shown(kind="torch.Tensor", text=_text(array), dtype=dtype,
                     shape=tuple(value.shape), cells=_cells(array))  # fmt: skip
    if isinstance(value, np.ndarray):
        return Shown(kind="numpy.ndarray", text=_text(value), dtype=str(value.dtype),
                     shape=value.shape, cells=_cells(value))  # fmt: skip
    if isinstance(value, np.generic):
        return Shown(kind=f"numpy.{type(value).__name__}", text=_repr(value.item())[:200],
                     dtype=str(value.dtype), shape=())  # fmt: skip
    if isinstance(value, Opaque):
        return Shown(kind=value.type, text=value.text[:300])
    return Shown(kind=type(value).__name__, text=_repr(value)[:600])


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:
        return _TOO_LONG


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's numbers; bfloat16, which NumPy lacks, as float32."""
    plain = tensor.detach().cpu()
    if plain.dtype is torch.bfloat16:
        plain = plain.to(torch.float32)
    array: np.ndarray = plain.resolve_conj().resolve_neg().numpy()
    return array


def _text(array: np.ndarray) -> str:
    with np.printoptions(precision=5, threshold=_TEXT_CELLS, edgeitems=3, linewidth=88):
        return str(array)[:2000]


def _cells(array: np.ndarray) -> Any:
    """Nested lists of numbers."""
    if array.size > _MOST_CELLS or array.dtype.kind not in "biuf":
        return None
    return array.tolist()


def literal(value: Any) -> str | None:
    """Python source that makes `value` again, or None where it would be too long."""
    if isinstance(value, np.ndarray):
        text = _array_literal(value)
    elif isinstance(value, torch.Tensor):
        inner = literal(as_numpy(value))
        text = f"torch.from_numpy({inner})" if inner else None
        if text and value.dtype is torch.bfloat16:
            text += ".to(torch.bfloat16)"
    elif isinstance(value, np.generic):
        inner = literal(value.item())
        text = f"np.{_dtype_name(value.dtype)}({inner})" if inner else None
    elif isinstance(value, list | tuple | dict):
        text = _container_literal(value)
    elif isinstance(value, float) and not math.isfinite(value):
        text = f"float({str(value)!r})"
    else:
        plain = value is None or isinstance(value, bool | int | float | str)
        text = _repr(value) if plain else None
    usable = text is not None and text != _TOO_LONG and len(text) <= _LITERAL_LENGTH
    return text if usable else None


def _array_literal(array: np.ndarray) -> str | None:
    """The array's numbers and dtype, and its layout where that is not the usual one."""
    if array.size > 64 or array.dtype.kind not in "biuf":
        return None
    name = _dtype_name(array.dtype)
    if array.size == 0:
        return f"np.empty({array.shape}, dtype=np.{name})"
    body = np.array2string(array, separator=", ", threshold=100, floatmode="unique")
    body = body.replace("nan", "np.nan").replace("inf", "np.inf")
    text = f"np.array({' '.join(body.split())}, dtype=np.{name})"
    if array.flags.c_contiguous:
        return text
    if array.flags.f_contiguous:
        return f"np.asfortranarray({text})"
    return f"np.repeat({text}, 2, axis=-1)[..., ::2]"


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "bool_" if dtype.kind == "b" else dtype.name  # np.bool is new in NumPy 2


def _container_literal(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> str | None:
    if isinstance(value, dict):
        pairs = [(literal(key), literal(item)) for key, item in value.items()]
        if any(key is None or item is None for key, item in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    items = [literal(item) for item in value]
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    if isinstance(value, list):
        return f"[{', '.join(known)}]"
    return f"({', '.join(known)}{',' if len(known) == 1 else ''})"
