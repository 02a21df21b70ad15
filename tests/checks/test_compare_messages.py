"""The words of a comparison that failed, line by line, and its counterexample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import Expected
from grader.checks.context import CheckContext, running
from grader.checks.said import Said
from grader.sandbox.wire import Opaque
from tests.checks.impostors import refused

RIGHT = np.array([[1.0, 2.0], [3.0, 4.0]])

MESSAGES = {
    "none": (None, RIGHT, "y is None, but should be an array of shape (2, 2)"),
    "list": ([1.0], RIGHT, "y is a list, but should be an array of shape (2, 2)"),
    "int-for-list": (3, [RIGHT], "y is an int, but should be a list of 1"),
    "array-for-list": (RIGHT, [1, 2], "y is an array of float64, but should be a list of 2"),
    "opaque": (Opaque("Net", "", 1), RIGHT, "y is a Net, but should be an array of shape (2, 2)"),
    "text-for-number": ("a", 1.0, "y is a str, but should be a number"),
    "objects": (np.array([None]), 1.0, "y is an array of object, but should be a number"),
    "items": ([1, 2, 3], [1, 2], "y has 3 items, but should have 2"),
    "shape": (RIGHT[0], RIGHT, "y.shape=(2,), but should be (2, 2)"),
    "number-for-array": (1.0, RIGHT, "y.shape=(), but should be (2, 2)"),
    "complex": (RIGHT + 0j, RIGHT, "y.dtype=complex128, but should be real"),
    "number": (1.5, 1.0, "y=1.5, but should be 1"),
    "nan": (np.nan, 1.0, "y=nan, but should be 1"),
    "one": (
        [[1, 2], [3, 4.5]], RIGHT,
        "y[1, 1]=4.5, but should be 4; 1 of 4 values differ, by up to 0.5; rounding explains "
        "only 1e-06",
    ),
    "worst-first": (
        [[1, 2.5], [0, 4]], RIGHT,
        "y[1, 0]=0, but should be 3; 2 of 4 values differ, by up to 3; rounding explains "
        "only 1e-06",
    ),
    "nan-among": (
        [[1, np.nan], [0, 4]], RIGHT,
        "y[0, 1]=nan, but should be 2; 2 of 4 values differ (some of yours are NaN)",
    ),
    "inf-among": (
        [[1, 2], [3, -np.inf]], RIGHT,
        "y[1, 1]=-inf, but should be 4; 1 of 4 values differ (some of yours are infinite)",
    ),
    "item": ((RIGHT, [RIGHT, 0.0]), (RIGHT, [RIGHT, 1.0]), "y[1][1]=0, but should be 1"),
}  # fmt: skip


@pytest.mark.parametrize(("actual", "right", "text"), MESSAGES.values(), ids=MESSAGES)
def test_message(actual: Any, right: Any, text: str) -> None:
    whole = isinstance(actual, list) and isinstance(actual[0], list)
    made = np.array(actual, dtype=float) if whole else actual
    assert refused(made, right, what="y").message == text


def test_finite_answer_where_the_oracle_is_infinite_is_named() -> None:
    failure = refused(np.array([1.0, 5.0]), np.array([1.0, np.inf]), what="y")
    assert failure.message == "y[1]=5, but should be inf; 1 of 2 values differ"


def test_dtype_message_uses_torchs_own_name() -> None:
    failure = refused(torch.ones(2, dtype=torch.bfloat16), np.ones(2), what="y", dtype="float32")
    assert failure.message == "y.dtype=bfloat16, but should be float32"


def test_nothing_returned_has_a_hint_unless_the_check_has_one() -> None:
    assert refused(None, RIGHT).hint.startswith("Nothing is returned: does every path")
    assert refused(None, RIGHT, hint="Mine.").hint == "Mine."
    assert refused(3j, 1.0, hint="Mine.").hint == "Mine."


def test_counterexample_measures_errors_in_units_of_what_is_allowed() -> None:
    allowed = 4 * 2.0**-24 * 4
    wrong = RIGHT + allowed * np.array([[0.0, 0.5], [-3.0, 2.0]])
    sample = refused(wrong, RIGHT).counterexample
    assert sample is not None and sample.error is not None
    np.testing.assert_allclose(sample.error.cells, [[0, 0.5], [3, 2]], rtol=1e-6)
    assert sample.worst_index == (1, 0)
    assert sample.expected is not None and sample.expected.cells == RIGHT.tolist()


def test_counterexample_of_what_should_be_zero_has_infinite_errors() -> None:
    sample = refused(np.array([0.0, 1.0]), np.zeros(2)).counterexample
    assert sample is not None and sample.error is not None
    assert sample.error.cells == [0.0, np.inf]


def test_counterexample_shows_the_item_that_is_wrong() -> None:
    sample = refused([RIGHT, RIGHT[0]], [RIGHT, RIGHT]).counterexample
    assert sample is not None and sample.actual is not None
    assert sample.actual.shape == (2,)


def test_counterexample_shows_all_values_that_were_sent() -> None:
    with running(CheckContext(call="f(n)")) as context:
        context.transcript.name(n=2)
        context.transcript.came(told := 0.5, Said("f(n)", "f(n)"))
        sample = refused(told, Expected(1.0)).counterexample
    assert sample is not None and set(sample.inputs) == {"n"}
    assert sample.code == "n = 2\nexpected = 1.0\nf(n), expected"


def test_of_a_large_array_a_few_numbers_around_the_worst_are_shown() -> None:
    right = np.zeros((30, 40))
    wrong = right.copy()
    wrong[7, 38] = 5.0
    with running(CheckContext(call="f(x)")) as context:
        context.transcript.came(wrong, Said("f(x)", "f(x)"))
        failure = refused(wrong, right)
    sample = failure.counterexample
    assert failure.message.startswith("the result[7, 38]=5, but should be 0")
    assert sample is not None and sample.actual is not None and sample.expected is not None
    assert sample.actual.cells == [0, 0, 0, 0, 0, 0, 5.0, 0]
    assert sample.expected.cells == [0.0] * 8 and sample.worst_index == (6,)
    assert sample.code is not None and sample.code.endswith("f(x)[7, 32:40], expected")
