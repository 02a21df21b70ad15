"""Wrong answers made from right ones, and right ones in other forms: what comparisons must tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, assert_matches
from grader.model import Stage

Change = Callable[[np.ndarray], Any]


def _with(value: float, at: int) -> Change:
    def change(x: np.ndarray) -> np.ndarray:
        wrong = np.array(x, dtype=float)
        wrong.reshape(-1)[at] = value
        return wrong

    return change


def _permuted_rows(x: np.ndarray) -> np.ndarray:
    return np.roll(x, 1, axis=0) if x.ndim else x


# Same shape as the right answer; each gives the right answer itself for some arrays.
WRONG_VALUES: dict[str, Change] = {
    "zeros": np.zeros_like,
    "mean": lambda x: np.full(x.shape, x.mean()),
    "transposed-in-place": lambda x: np.swapaxes(np.atleast_2d(x), -1, -2).reshape(x.shape),
    "permuted": lambda x: np.roll(x.reshape(-1), 1).reshape(x.shape),
    "permuted-rows": _permuted_rows,
    "reversed": lambda x: x.reshape(-1)[::-1].reshape(x.shape),
    "sign": lambda x: -x,
    "off-by-1/1000": lambda x: x * 1.001,
    "doubled": lambda x: 2 * x,
    "first-nan": _with(np.nan, 0),
    "last-nan": _with(np.nan, -1),
    "first-inf": _with(np.inf, 0),
    "last-minus-inf": _with(-np.inf, -1),
}

# Right values that are rounded too far to be told from wrong ones.
COARSE: dict[str, Change] = {
    "half": lambda x: x.astype(np.float16),
    "half-as-double": lambda x: x.astype(np.float16).astype(np.float64),
    "bfloat16": lambda x: torch.from_numpy(np.array(x)).to(torch.bfloat16),
    "two-decimals": lambda x: np.round(x, 2),
}

# Right values in a wrong shape: never the right answer.
WRONG_SHAPES: dict[str, Change] = {
    "leading-dimension": lambda x: x[None],
    "trailing-dimension": lambda x: x[..., None],
    "one-too-few": lambda x: x.reshape(-1)[:-1],
    "twice": lambda x: np.stack([x, x]),
    "none-at-all": lambda x: np.zeros((0, *x.shape)),
}

# Real numbers with a type that no right answer has.
COMPLEX: dict[str, Change] = {
    "complex": lambda x: x.astype(complex),
    "complex-single": lambda x: x.astype(np.complex64),
    "complex-tensor": lambda x: torch.from_numpy(np.array(x)).to(torch.complex128),
}

# What a right answer may look like.
RIGHT_FORMS: dict[str, Change] = {
    "itself": lambda x: x,
    "single": lambda x: x.astype(np.float32),
    "long-double": lambda x: x.astype(np.longdouble),
    "fortran": lambda x: x.copy(order="F"),
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "backwards": lambda x: np.flip(np.flip(x).copy()),
    "broadcast": lambda x: np.broadcast_to(x, (2, *x.shape))[1],
    "big-endian": lambda x: x.astype(">f8"),
    "tensor": lambda x: torch.from_numpy(np.array(x)),
    "single-tensor": lambda x: torch.from_numpy(np.array(x)).float(),
    "tracked-tensor": lambda x: torch.from_numpy(np.array(x)).requires_grad_(),
    "transposed-tensor": lambda x: torch.from_numpy(np.array(x.T)).permute(
        tuple(range(x.ndim))[::-1]
    ),
    "negated-twice": lambda x: -torch.from_numpy(np.array(-x)),
}


def refused(
    actual: Any, expected: Any, *, stage: Stage | None = None, **demand: Any
) -> CheckFailed:
    """The failure of a comparison that has to fail, at `stage` where one is named."""
    with pytest.raises(CheckFailed) as caught:
        assert_matches(actual, expected, **demand)
    if stage is not None:
        assert caught.value.stage is stage
    return caught.value
