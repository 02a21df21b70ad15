"""What problem 6's check says of a function that is right on some input only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rubrics.hw5 import test_p6_convolution as p6
from tests.checks.hw5_answers import CASES, REFERENCE, Answer

CASE = CASES["my_convolution"]


def only_where(is_right: Any) -> Answer:
    """The right answer where `is_right` says so, and twice that elsewhere."""
    right = REFERENCE.find("my_convolution")
    return lambda x, k: right(x, k) * (1 if is_right(x, k) else 2)


TOLD = {
    "odd sides of the kernel": lambda x, k: k.shape[2] % 2 == 1 == k.shape[3] % 2,
    "a square kernel": lambda x, k: k.shape[2] == k.shape[3],
    "a square image": lambda x, k: x.shape[2] == x.shape[3],
    "with three channels": lambda x, k: x.shape[1] == 3,
    "right with three channels": lambda x, k: x.shape[1] <= 5,
    "fewer images": lambda x, k: len(x) <= 8,
    "fewer kernels": lambda x, k: len(k) <= 8,
}


@pytest.mark.parametrize(("words", "is_right"), TOLD.items(), ids=TOLD)
def test_where_a_function_is_right_is_told(words: str, is_right: Any) -> None:
    failure = CASE.verdict(only_where(is_right))
    assert failure is not None and words in failure.message


def test_a_result_that_adds_up_is_told() -> None:
    total: dict[Any, np.ndarray] = {}

    def adds_up(x: np.ndarray, k: np.ndarray) -> np.ndarray:
        result = REFERENCE.find("my_convolution")(x, k)
        total[result.shape] = total.get(result.shape, 0) + result
        return total[result.shape]

    failure = CASE.verdict(adds_up)
    assert failure is not None and failure.message.endswith(p6.EACH_TIME)


def test_nothing_is_said_of_what_is_wrong_everywhere() -> None:
    failure = CASE.verdict(only_where(lambda x, k: False))
    assert failure is not None and "it is right" not in failure.message


def test_other_input_is_input() -> None:
    x, k = np.ones((12, 10, 4, 3))[:, :, ::2], np.ones((10, 10, 2, 1))
    for words, image, kernel in p6.changes(x, k):
        assert REFERENCE.find("my_convolution")(image, kernel).ndim == 4, words


def test_whole_numbers_that_are_cut_off_are_told() -> None:
    right = REFERENCE.find("my_convolution")
    failure = CASE.verdict(lambda x, k: right(x, k).astype(x.dtype))
    assert failure is not None and "the same numbers as floats" in failure.message
    assert CASE.verdict(lambda x, k: right(x, k)) is None
