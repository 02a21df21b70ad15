"""Which calls ask the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.asked import Unknown, question

X = np.array([[1.0, 2.0], [3.0, -4.0]])


def asks(*args: Any, **kwargs: Any) -> str:
    return question("f", args, kwargs)


@pytest.mark.parametrize(
    "same",
    [X.copy(), X.astype(np.float32), torch.tensor(X), np.asfortranarray(X), X * (1 + 1e-9),
     np.repeat(X, 2, axis=-1)[..., ::2]],
    ids=["copy", "single", "tensor", "fortran", "last-bits", "strided"],
)  # fmt: skip
def test_the_same_numbers_ask_the_same(same: Any) -> None:
    assert asks(same) == asks(X)


@pytest.mark.parametrize(
    "other",
    [X + 1e-3, X.T, X.ravel(), -X, X * 1.001, X[:1], np.where(X > 2, np.nan, X),
     np.where(X > 2, np.inf, X), np.where(X > 2, -np.inf, X), X.tolist()],
    ids=["value", "transposed", "shape", "sign", "scale", "rows", "nan", "inf", "less", "list"],
)  # fmt: skip
def test_other_numbers_ask_something_else(other: Any) -> None:
    assert asks(other) != asks(X)


def test_infinities_and_nan_are_told_apart() -> None:
    forms = [np.array([0.0, value]) for value in (np.nan, np.inf, -np.inf, 0.0)]
    assert len({asks(form) for form in forms}) == 4


def test_name_place_and_keyword_count() -> None:
    told = {question("f", (1,), {}), question("g", (1,), {}), asks(1, 1), asks(x=1), asks(y=1)}
    assert len(told) == 5


def test_minus_zero_is_zero() -> None:
    assert asks(np.array([0.0, 1.0])) == asks(np.array([-0.0, 1.0]))


def test_containers_are_read_to_their_end() -> None:
    assert asks([X, [X, None]]) == asks((X.copy(), (X, None))) != asks([X, [X, "none"]])


@pytest.mark.parametrize("odd", [object(), np.array([None]), {1, 2}, b"x"])
def test_what_cannot_be_told_is_refused(odd: Any) -> None:
    with pytest.raises(Unknown):
        asks([odd])
