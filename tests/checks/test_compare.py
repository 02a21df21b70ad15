"""Comparisons both ways: what is right in any form passes, and nothing that is wrong does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.checks import CheckFailed, Expected, assert_matches, numbers
from grader.checks.context import CheckContext, running
from grader.model import Stage
from grader.sandbox.wire import Opaque
from tests.checks.impostors import (
    COARSE,
    COMPLEX,
    RIGHT_FORMS,
    WRONG_SHAPES,
    WRONG_VALUES,
    refused,
)

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)
# Eighths: two of them that differ do so by far more than rounding, and any float holds them.
EIGHTHS = hnp.arrays(np.float64, SHAPES, elements=st.integers(-8000, 8000).map(lambda n: n / 8))
WHOLE = hnp.arrays(np.int64, SHAPES, elements=st.integers(-1000, 1000))
SEEDS = st.integers(0, 2**32 - 1)
FUZZ = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

# What the oracle may answer with; each must reject and accept the same.
KINDS = {
    "array": np.asarray,
    "single-array": lambda x: x.astype(np.float32),
    "tensor": lambda x: torch.from_numpy(np.array(x)),
    "single-tensor": lambda x: torch.from_numpy(np.array(x)).float(),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def _randoms(shape: tuple[int, ...], seed: int, scale: float = 1.0) -> np.ndarray:
    return np.asarray(scale * np.random.default_rng(seed).standard_normal(shape))


@FUZZ
@given(EIGHTHS)
@each_kind
@pytest.mark.parametrize("form", RIGHT_FORMS.values(), ids=RIGHT_FORMS)
def test_right_values_are_accepted_in_any_form(form: Any, kind: Any, right: np.ndarray) -> None:
    assert_matches(form(right), kind(right))


@FUZZ
@given(SHAPES, SEEDS, st.sampled_from([1e-30, 1e-3, 1.0, 1e5, 1e30]))
@pytest.mark.parametrize("form", RIGHT_FORMS.values(), ids=RIGHT_FORMS)
def test_right_values_are_accepted_at_any_scale(
    form: Any, shape: tuple[int, ...], seed: int, scale: float
) -> None:
    right = _randoms(shape, seed, scale)
    assert_matches(form(right), right)


@FUZZ
@given(EIGHTHS)
@each_kind
@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_wrong_values_are_rejected(change: Any, kind: Any, right: np.ndarray) -> None:
    wrong = change(right)
    assume(not np.array_equal(wrong, right))
    for form in (np.asarray, KINDS["single-array"], KINDS["tensor"]):
        failure = refused(form(wrong), kind(right), stage=Stage.VALUES)
        assert failure.counterexample is not None


@FUZZ
@given(SHAPES, SEEDS, st.sampled_from([1e-30, 1.0, 1e30]))
@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_wrong_values_are_rejected_at_any_scale(
    change: Any, shape: tuple[int, ...], seed: int, scale: float
) -> None:
    right = _randoms(shape, seed, scale)
    wrong = change(right)
    assume(not np.array_equal(wrong, right))
    assume(not np.allclose(wrong, right, rtol=0, atol=1e-5 * np.abs(right).max()))
    refused(wrong, right, stage=Stage.VALUES)


@FUZZ
@given(EIGHTHS.filter(lambda x: x.ndim >= 2))
@each_kind
def test_transposed_arrays_are_rejected(kind: Any, right: np.ndarray) -> None:
    assume(right.shape != right.T.shape or not np.array_equal(right, right.T))
    stage = Stage.SHAPE if right.shape != right.T.shape else Stage.VALUES
    for form in (np.asarray, KINDS["tensor"]):
        refused(form(right.T), kind(right), stage=stage)


@FUZZ
@given(SHAPES, SEEDS)
@pytest.mark.parametrize("change", COARSE.values(), ids=COARSE)
def test_coarse_values_are_rejected_where_they_show(
    change: Any, shape: tuple[int, ...], seed: int
) -> None:
    right = _randoms(shape, seed)
    coarse = change(right)
    difference = np.abs(np.asarray(torch.as_tensor(coarse).double()) - right).max()
    if difference > 1e-6 * np.abs(right).max():
        refused(coarse, right, stage=Stage.VALUES)
    elif difference == 0:
        assert_matches(coarse, right)


@FUZZ
@given(EIGHTHS)
@each_kind
@pytest.mark.parametrize("change", WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_wrong_shapes_are_rejected(change: Any, kind: Any, right: np.ndarray) -> None:
    assume(change(right).shape != right.shape)
    for form in (np.asarray, KINDS["tensor"]):
        refused(form(change(right)), kind(right), stage=Stage.SHAPE)


@FUZZ
@given(EIGHTHS.filter(lambda x: x.ndim >= 2), st.data())
def test_other_shapes_of_the_same_size_are_rejected(right: np.ndarray, data: st.DataObject) -> None:
    shape = data.draw(st.permutations(right.shape)) if data.draw(st.booleans()) else (right.size,)
    assume(tuple(shape) != right.shape)
    refused(right.reshape(shape), right, stage=Stage.SHAPE)


@FUZZ
@given(EIGHTHS)
@each_kind
@pytest.mark.parametrize("change", COMPLEX.values(), ids=COMPLEX)
def test_complex_values_are_rejected(change: Any, kind: Any, right: np.ndarray) -> None:
    refused(change(right), kind(right), stage=Stage.DTYPE)


NUMBER_FORMS = [float, np.float64, np.float32, np.array, torch.tensor]


@FUZZ
@given(st.integers(-8000, 8000).map(lambda n: n / 8))
@pytest.mark.parametrize("kind", NUMBER_FORMS)
def test_numbers_of_any_kind_are_accepted_for_numbers(kind: Any, right: float) -> None:
    for form in NUMBER_FORMS:
        assert_matches(form(right), kind(right))


@FUZZ
@given(st.integers(-8000, 8000).filter(bool).map(lambda n: n / 8))
@pytest.mark.parametrize("form", NUMBER_FORMS)
def test_wrong_numbers_are_rejected(form: Any, right: float) -> None:
    for wrong in (0.0, -right, right * 1.001, 2 * right, np.nan, np.inf, -np.inf):
        refused(form(wrong), right, stage=Stage.VALUES)
    refused(np.array([right]), form(right), stage=Stage.SHAPE)


@pytest.mark.parametrize("wrong", [0, 2, -1, False, 10**400, -(10**400)], ids=lambda n: str(n)[:9])
def test_wrong_whole_numbers_are_rejected(wrong: int) -> None:
    refused(wrong, 1.0, stage=Stage.VALUES)
    refused(complex(1), 1.0, stage=Stage.DTYPE)
    refused([1.0], 1.0, stage=Stage.KIND)


@FUZZ
@given(WHOLE)
def test_whole_numbers_are_accepted_with_any_dtype(right: np.ndarray) -> None:
    for dtype in (np.int16, np.int32, np.int64, np.float32, np.float64):
        assert_matches(right.astype(dtype), right)
    assert_matches(torch.from_numpy(np.array(right)), right)
    if right.ndim == 0:
        assert_matches(int(right), right)


@FUZZ
@given(WHOLE, st.integers(0, 2**31))
def test_whole_numbers_off_by_one_are_rejected(right: np.ndarray, at: int) -> None:
    wrong = right.copy()
    wrong.reshape(-1)[at % right.size] += 1
    for form in (np.asarray, torch.from_numpy, lambda x: x.astype(float)):
        refused(form(wrong), right, stage=Stage.VALUES)


@pytest.mark.parametrize("right", [10**7, 2**53], ids=str)
@pytest.mark.parametrize("form", [int, np.int64, torch.tensor])
def test_large_whole_numbers_are_told_from_their_neighbours(right: int, form: Any) -> None:
    assert_matches(form(right), np.int64(right))
    refused(form(right + 1), np.int64(right), stage=Stage.VALUES)


def test_truth_values_count_as_zero_and_one() -> None:
    mask = np.array([True, False])
    assert_matches(mask, np.array([1.0, 0.0]))
    assert_matches(True, 1)
    refused(~mask, np.array([1.0, 0.0]), stage=Stage.VALUES)


LISTS = st.lists(EIGHTHS, min_size=1, max_size=3)


@FUZZ
@given(LISTS)
@pytest.mark.parametrize("form", RIGHT_FORMS.values(), ids=RIGHT_FORMS)
def test_lists_are_accepted_item_by_item(form: Any, right: list[np.ndarray]) -> None:
    assert_matches([form(item) for item in right], right)
    assert_matches(tuple(form(item) for item in right), tuple(right))


@FUZZ
@given(LISTS, st.integers(0, 2))
@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_list_with_one_wrong_item_is_rejected(
    change: Any, right: list[np.ndarray], at: int
) -> None:
    at %= len(right)
    wrong = [*right[:at], change(right[at]), *right[at + 1 :]]
    assume(not np.array_equal(wrong[at], right[at]))
    failure = refused(wrong, right, stage=Stage.VALUES)
    assert failure.message.startswith(f"the result[{at}]")


def test_lists_of_another_length_or_order_are_rejected() -> None:
    right = [np.ones(2), np.zeros((2, 2))]
    refused(right[:1], right, stage=Stage.SHAPE)
    refused([*right, np.ones(1)], right, stage=Stage.SHAPE)
    refused(right[::-1], right, stage=Stage.SHAPE)
    refused(np.stack([np.ones(2)] * 2), [np.ones(2)] * 2, stage=Stage.KIND)
    refused([], right, stage=Stage.SHAPE)


@pytest.mark.parametrize(
    "odd",
    [None, "3.0", [3.0], {"a": 3.0}, {3.0}, object(), np.array(["3"]),
     np.array([3.0], dtype=object),
     np.array(["2020-01-01"], dtype="datetime64[D]"), Opaque("Result", "<Result>", 1), b"3", ...],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_other_kinds_are_rejected(odd: Any) -> None:
    for right in (np.array([3.0]), np.float64(3.0), torch.tensor([3.0])):
        refused(odd, right, stage=Stage.KIND)


# Of what is not finite: the oracle's entry, what is right there, and what is not.
ODD_ENTRIES = {
    "nan": (np.nan, [np.nan], [0.0, 1e30, np.inf, -np.inf]),
    "inf": (np.inf, [np.inf], [0.0, 1e38, np.nan, -np.inf]),
    "minus-inf": (-np.inf, [-np.inf], [0.0, -1e38, np.nan, np.inf]),
    "finite": (1.5, [1.5], [np.nan, np.inf, -np.inf]),
}


@pytest.mark.parametrize("model", [False, True], ids=["no-model", "model"])
@pytest.mark.parametrize(("entry", "right", "wrong"), ODD_ENTRIES.values(), ids=ODD_ENTRIES)
def test_entries_that_are_not_finite(
    entry: float, right: list[float], wrong: list[float], model: bool
) -> None:
    value = np.array([[1.0, entry], [2.0, -3.0]])
    expected = Expected(value, np.abs(value)) if model else Expected(value)
    for at in right:
        assert_matches(np.array([[1.0, at], [2.0, -3.0]], dtype=np.float32), expected)
    for at in wrong:
        refused(np.array([[1.0, at], [2.0, -3.0]]), expected, stage=Stage.VALUES)
    for off in (1.001, 0.0, np.nan):
        refused(np.array([[off, entry], [2.0, -3.0]]), expected, stage=Stage.VALUES)


def test_zeros_are_held_to_zeros() -> None:
    assert_matches(-np.zeros((2, 2)), np.zeros((2, 2)))
    refused(np.full((2, 2), 1e-30), np.zeros((2, 2)), stage=Stage.VALUES)
    refused(np.full((2, 2), 1e-30), np.full((2, 2), 1e-320), stage=Stage.VALUES)


def test_empty_arrays_are_held_to_their_shape() -> None:
    assert_matches(np.zeros((0, 3)), np.zeros((0, 3)))
    refused(np.zeros((0, 2)), np.zeros((0, 3)), stage=Stage.SHAPE)
    refused(np.zeros((1, 3)), np.zeros((0, 3)), stage=Stage.SHAPE)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_demanded_dtype(dtype: str) -> None:
    right = np.arange(4.0)
    for made in (right.astype(dtype), torch.from_numpy(right.astype(dtype))):
        assert_matches(made, right, dtype=dtype)
    for other in (right, torch.from_numpy(right), right.astype(np.float16), right.astype(np.int32)):
        failure = refused(other, right, dtype=dtype, stage=Stage.DTYPE)
        assert failure.message.endswith(f", but should be {dtype}")


def test_exact_holds_a_double_to_its_own_precision() -> None:
    right = _randoms((3, 4), 1)
    single = right.astype(np.float32)
    assert_matches(right * (1 + 2.0**-53), right, exact=True)
    assert_matches(single, right, exact=True)
    refused(single.astype(float), right, exact=True, stage=Stage.VALUES)
    assert_matches(single.astype(float), right)


def test_error_model_widens_what_is_allowed_and_no_more() -> None:
    right, error = np.array([0.0, 1.0]), np.array([1000.0, 1.0])
    allowed = 4 * 2.0**-24 * 1000
    assert_matches(np.array([0.99 * allowed, 1.0]), Expected(right, error))
    assert_matches(np.array([0.0, 1 + 0.99 * allowed]), Expected(right, error))
    refused(np.array([1.01 * allowed, 1.0]), Expected(right, error), stage=Stage.VALUES)
    refused(np.array([0.99 * allowed, 1.0]), right, stage=Stage.VALUES)


def test_error_models_of_lists_are_taken_item_by_item() -> None:
    expected = Expected([np.ones(2), np.ones(2)], [np.full(2, 1e6), np.ones(2)])
    off = np.full(2, 1 + 1e-2)
    assert_matches([off, np.ones(2)], expected)
    refused([np.ones(2), off], expected, stage=Stage.VALUES)


def test_earlier_stages_come_first() -> None:
    right = np.ones((2, 3))
    refused("text", right, dtype="float32", stage=Stage.KIND)
    refused(np.zeros((3, 2), dtype=complex), right, dtype="float32", stage=Stage.SHAPE)
    refused(np.zeros((2, 3)), right, dtype="float32", stage=Stage.DTYPE)


def test_difference_in_values_counts_as_the_stage_named() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_matches(np.zeros(2), np.ones(2), stage=Stage.EXTREMES, hint="Mind the ends.")
    assert (caught.value.stage, caught.value.hint) == (Stage.EXTREMES, "Mind the ends.")


@pytest.mark.parametrize(
    "value", [3, 2.5, True, np.float32(2), np.arange(3), torch.ones(2, 2), [1, 2.5],
              [[1, 2], [3, 4]],              (1.0, torch.tensor(2.0))],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_numbers_reads_what_holds_numbers(value: Any) -> None:
    read = numbers(value)
    assert read.dtype == np.float64
    if not isinstance(value, tuple):
        assert np.array_equal(read, np.asarray(value, dtype=float))


@pytest.mark.parametrize(
    "value", [None, "3", ["3"], [1, None], [[1, 2], [3]], {"a": 1}, object(), 10**400, 1j,
              np.array([1 + 2j]), np.array(["1.5"]), np.array([None]), torch.tensor([1j]),
              np.array(["2020"], dtype="datetime64[Y]"), Opaque("Result", "<Result>", 1)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_numbers_refuses_anything_else(value: Any) -> None:
    with pytest.raises(
        CheckFailed, match=r"^losses is .*, but should hold real numbers$"
    ) as caught:
        numbers(value, what="losses")
    assert caught.value.stage is Stage.KIND


def test_message_names_the_call_of_the_running_check() -> None:
    with running(CheckContext(call="f(x)")):
        failure = refused(np.zeros(2), np.ones(2), what="f(x)")
    assert failure.message.startswith("f(x)[0]=0, but should be 1 [f(x)]; ")


@pytest.mark.parametrize("told", [1.051, 1.0513, 1.05127, 1.0508, -0.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_decimals_may_be_rounded_or_cut_off(told: float, sign: int) -> None:
    right = 1.0512711 if told else 0.0
    assert_matches(
        sign * told, Expected(np.array(sign * right), np.array(1.0)), what="f", decimals=3
    )


@pytest.mark.parametrize("told", [1.052, 1.0518, 1.05, 1.06, 1.0, -1.051])
@pytest.mark.parametrize("sign", [1, -1])
def test_wrong_decimals_are_rejected(told: float, sign: int) -> None:
    with pytest.raises(CheckFailed):
        assert_matches(
            sign * told, Expected(np.array(sign * 1.0512711), np.array(1.0)), what="f", decimals=3
        )
