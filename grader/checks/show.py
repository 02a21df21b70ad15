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
        return Shown(kind=f"numpy.{type(value).__name__}", text=repr(value.item())[:200],
                     dtype=str(value.dtype), shape=())  # fmt: skip
    if isinstance(value, Opaque):
        return Shown(kind=value.type, text=value.text[:300])
    return Shown(kind=type(value).__name__, text=repr(value)[:600])


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
    """Nested lists of numbers; infinities and NaN as words, since JSON has none."""
    if array.size > _MOST_CELLS or array.dtype.kind not in "biuf":
        return None
    return _plain(array.tolist())


def _plain(cells: Any) -> Any:
    if isinstance(cells, list):
        return [_plain(cell) for cell in cells]
    if isinstance(cells, float) and not math.isfinite(cells):
        return str(cells)
    return cells


def literal(value: Any) -> str | None:
    """Python source that makes `value` again, or None where it would be too long."""
    if isinstance(value, np.ndarray):
        if value.size > 64 or value.dtype.kind not in "biuf":
            return None
        body = np.array2string(value, separator=", ", threshold=100, floatmode="unique")
        body = body.replace("nan", "np.nan").replace("inf", "np.inf")
        body = " ".join(body.split())
        if value.size == 0:
            return f"np.empty({value.shape}, dtype=np.{value.dtype})"
        return f"np.array({body}, dtype=np.{value.dtype})"
    if isinstance(value, torch.Tensor):
        inner = literal(as_numpy(value))
        return f"torch.from_numpy({inner})" if inner else None
    if isinstance(value, bool | int | float | str | tuple) or value is None:
        return repr(value)
    if isinstance(value, list):
        items = [literal(item) for item in value]
        return f"[{', '.join(i for i in items if i)}]" if all(items) else None
    return None
