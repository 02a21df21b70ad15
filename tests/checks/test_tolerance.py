"""The table of tolerances, and both sides of the bound on the examples that hw5's checks draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.oracle import Expected
from grader.checks.tolerance import (
    COARSEST_RIGHT,
    SAFETY,
    UNIT_ROUNDOFF,
    allowed_error,
    unit_roundoff,
)
from tests.checks.hw5_answers import CASES, REFERENCE, RIGHT, calls
from tests.checks.impostors import WRONG_VALUES

SINGLE = 2.0**-24


@pytest.mark.parametrize("dtype", UNIT_ROUNDOFF)
def test_roundoff_is_half_of_the_spacing_at_one(dtype: str) -> None:
    eps = torch.finfo(getattr(torch, dtype)).eps
    assert UNIT_ROUNDOFF[dtype] == eps / 2
    if dtype != "bfloat16":
        assert UNIT_ROUNDOFF[dtype] == np.finfo(dtype).eps / 2


@pytest.mark.parametrize("dtype", [*UNIT_ROUNDOFF, "int64", "bool", "longdouble", ">f8"])
def test_every_dtype_is_held_to_single_precision(dtype: str) -> None:
    assert unit_roundoff(dtype) == COARSEST_RIGHT == SINGLE


@pytest.mark.parametrize(
    ("dtype", "roundoff"),
    [("float64", 2.0**-53), ("float32", SINGLE), ("float16", SINGLE), ("bfloat16", SINGLE),
     ("int64", 2.0**-53)],
)  # fmt: skip
def test_exact_holds_doubles_to_their_own(dtype: str, roundoff: float) -> None:
    assert unit_roundoff(dtype, exact=True) == roundoff


def test_allowed_is_the_largest_finite_error_times_safety() -> None:
    error = np.array([[1.0, np.inf], [3.0, np.nan]])
    assert allowed_error(error, "float32") == SAFETY * SINGLE * 3
    assert allowed_error(error, "float64", exact=True) == SAFETY * 2.0**-53 * 3


@pytest.mark.parametrize("error", [np.array(np.nan), np.array([]), np.zeros(3), np.array([np.inf])])
def test_nothing_is_allowed_where_no_error_is_known(error: np.ndarray) -> None:
    assert allowed_error(error, "float32") == 0


def _used(actual: Any, right: Expected) -> float:
    """The largest error in units of u times the model's largest, the bound without SAFETY."""
    if isinstance(right.value, list | tuple):
        return max(_used(a, right[at]) for at, a in enumerate(actual))
    answer = np.asarray(torch.as_tensor(np.asarray(actual)).double())
    assert answer.shape == np.shape(right.value)
    bound = SINGLE * float(np.max(right.error, initial=0.0))
    difference = float(np.abs(answer - right.value).max(initial=0.0))
    return difference / bound if difference else 0.0


def _most_used(case: str, alternative: str) -> float:
    """Over all examples of a check; a step of either kind is measured against its own oracle."""
    most = 0.0
    for args in calls(case):
        right = CASES[case].right(*args)
        if alternative == "update-first":
            right = REFERENCE.back_prop_update_first(*args)
        actual = RIGHT[case][alternative](*args)
        item = CASES[case].item
        most = max(most, _used(actual if item is None else actual[item], right))
    return most


ALTERNATIVES = [(case, name) for case, known in RIGHT.items() for name in known]


@pytest.mark.parametrize(("case", "alternative"), ALTERNATIVES)
def test_right_alternative_stays_below_the_bound_without_safety(
    case: str, alternative: str
) -> None:
    assert _most_used(case, alternative) < 1


@pytest.mark.parametrize("case", RIGHT)
def test_mistake_is_orders_of_magnitude_larger_than_what_is_allowed(case: str) -> None:
    """Of a part in a thousand, the smallest mistake of all, as of any other."""
    told = [CASES[case].right(*args) for args in calls(case)]
    for name in ("zeros", "sign", "doubled", "off-by-1/1000"):
        change = WRONG_VALUES[name]
        used = [_used(_changed(right.value, change), right) / SAFETY for right in told]
        assert max(used) > 10, name


def _changed(value: Any, change: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_changed(item, change) for item in value]
    return change(np.asarray(value))
