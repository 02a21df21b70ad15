"""Values in reports: bounded whatever they are, and literals that make the same value again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.checks.show import as_numpy, literal, show
from grader.sandbox.wire import Opaque

FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
DTYPES = ["bool", "int8", "int64", "uint16", "float16", "float32", "float64"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)


def _made(text: str) -> Any:
    return eval(text, {"np": np, "torch": torch})


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "NoneType", "None"),
        (3, "int", "3"),
        ("a", "str", "'a'"),
        ([1, "b"], "list", "[1, 'b']"),
        (np.float32(1.5), "numpy.float32", "1.5"),
        (np.array([1.0, 2.0]), "numpy.ndarray", "[1. 2.]"),
        (torch.tensor([1, 2]), "torch.Tensor", "[1 2]"),
        (Opaque("Net", "<Net>", 3), "Net", "<Net>"),
    ],
    ids=repr,
)
def test_values_are_shown_by_kind_and_text(value: Any, kind: str, text: str) -> None:
    shown = show(value)
    assert (shown.kind, shown.text) == (kind, text)


def test_arrays_and_tensors_have_dtype_shape_and_cells() -> None:
    for value, dtype in ((np.ones((1, 2)), "float64"), (torch.ones(1, 2), "torch.float32")):
        shown = show(value)
        assert (shown.dtype, shown.shape, shown.cells) == (dtype, (1, 2), [[1.0, 1.0]])


def test_cells_keep_what_is_not_finite() -> None:
    cells = show(np.array([np.nan, np.inf, -np.inf, 1])).cells
    assert np.isnan(cells[0]) and cells[1:] == [np.inf, -np.inf, 1.0]


@pytest.mark.parametrize(
    "value",
    [np.zeros(401), np.zeros((21, 20)), np.array([1j]), np.array(["a"]), np.array([None])],
    ids=["long", "large", "complex", "text", "objects"],
)
def test_large_and_other_arrays_have_no_cells(value: np.ndarray) -> None:
    assert show(value).cells is None
    assert show(np.zeros(400)).cells == [0.0] * 400


HUGE = {
    "text": "x" * 10**6,
    "number": 10**5000,
    "list": list(range(10**5)),
    "array": np.zeros((300, 300)),
    "wide": np.zeros((1, 10**5)),
    "deep": np.zeros((1,) * 30),
    "opaque": Opaque("Net", "y" * 1000, 1),
    "numbers": [10**5000],
}


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
def test_text_is_bounded(value: Any) -> None:
    shown = show(value)
    assert 0 < len(shown.text) <= 2000
    assert len(shown.model_dump_json()) < 10_000


@FUZZ
@given(ARRAYS)
def test_any_array_is_shown_as_json(array: np.ndarray) -> None:
    for value in (array, np.asfortranarray(array)):
        told = json.loads(json.dumps(show(value).model_dump(mode="json"), allow_nan=False))
        assert told["shape"] == list(value.shape)


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(2, requires_grad=True) * 2, torch.ones(2).bfloat16() * 2, torch.full((2,), 2.0)],
    ids=["tracked", "bfloat16", "plain"],
)
def test_tensors_numbers_are_read_whatever_they_are(tensor: torch.Tensor) -> None:
    assert as_numpy(tensor).tolist() == [2, 2]


def test_lazily_conjugated_tensors_are_resolved() -> None:
    assert as_numpy(torch.tensor([1 + 2j]).conj()).tolist() == [1 - 2j]
    assert as_numpy(torch.tensor([1 + 2j]).conj().imag).tolist() == [-2]


@FUZZ
@given(ARRAYS.filter(lambda array: array.size <= 64))
def test_array_literals_make_the_same_array(array: np.ndarray) -> None:
    text = literal(array)
    assert text is not None
    again = _made(text)
    np.testing.assert_array_equal(again, array, strict=True)
    if array.dtype.kind == "f":  # zeros have signs; those of NaN say nothing
        signs = [np.signbit(x) & ~np.isnan(x) for x in (again, array)]
        assert np.array_equal(*signs)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0).reshape(2, 6)[:, ::2],
        np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
        np.arange(6.0)[::-1],
    ],
    ids=["fortran", "strided", "permuted", "backwards"],
)
def test_array_literals_keep_the_kind_of_layout(array: np.ndarray) -> None:
    again = _made(literal(array) or "")
    np.testing.assert_array_equal(again, array, strict=True)
    for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS"):
        assert again.flags[flag] == array.flags[flag]


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@FUZZ
@given(PLAIN)
def test_plain_literals_make_the_same_value(value: Any) -> None:
    again = _made(literal(value) or "")
    assert again == value and type(again) is type(value)


@pytest.mark.parametrize(
    "value", [np.float32(0.1), np.int64(3), np.bool_(True), np.float64(np.nan),
              np.float64(-np.inf)],
    ids=repr,
)  # fmt: skip
def test_numpy_numbers_keep_their_type(value: Any) -> None:
    again = _made(literal(value) or "")
    assert type(again) is type(value)
    assert np.array_equal(again, value, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bfloat16])
def test_tensor_literals_keep_their_dtype(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[1, 2], [3, 4]]).to(dtype)
    again = _made(literal(tensor) or "")
    assert again.dtype is dtype and torch.equal(again, tensor)


@pytest.mark.parametrize(
    "value",
    [np.zeros(65), "x" * 5000, 10**5000, np.array([1j]), 1j, object(), [object()], {"a": object()},
     {1, 2}, b"a", torch.zeros(65), np.array(["a"]), list(range(5000)), [np.zeros(65)],
     Opaque("Net", "<Net>", 1)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_long_or_has_no_literal_has_none(value: Any) -> None:
    assert literal(value) is None
