"""Which data a student's MLP was given, as hw5's check reads it off samples of them, both ways."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader.checks import CheckFailed, NeedsReview
from grader.model import Stage
from rubrics.hw5 import test_p5_learning as p5

RNG = np.random.default_rng(0)


def digits(count: int) -> np.ndarray:
    """Rows of grey values like digits: most of them zero, as is the corner."""
    rows = RNG.integers(1, 256, (count, p5.PIXELS)) * (RNG.random((count, p5.PIXELS)) < 0.2)
    rows[:, 0] = 0
    return rows.astype(np.float32)


TRAIN, TEST = digits(60), digits(30)
OTHERS = digits(20)
FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda x: x,
    "scaled, with ones behind": lambda x: np.column_stack((x / 255, np.ones(len(x)))),
    "from -1 to 1, with ones before": lambda x: np.column_stack((np.ones(len(x)), x / 127.5 - 1)),
}


@pytest.mark.parametrize("form", FORMS)
def test_exchanged_sets_are_told(form: str) -> None:
    def are_exchanged(*rows: np.ndarray) -> bool:
        return bool(p5.are_exchanged([FORMS[form](some) for some in rows], TRAIN, TEST))

    assert are_exchanged(TEST, TRAIN)
    assert are_exchanged(TEST[:9], TRAIN[40:])
    assert not are_exchanged(TRAIN, TEST)
    assert not are_exchanged(TRAIN[:9], TEST[:9])


@pytest.mark.parametrize(
    "rows",
    [
        [TRAIN[:40], TRAIN[40:]],
        [TEST[:20], TEST[20:]],
        [np.concatenate((TEST, TRAIN[:1])), TRAIN[1:]],
        [OTHERS, TRAIN],
        [TEST, OTHERS],
        [TEST[:4], TRAIN],
        [TEST[:, :100], TRAIN],
        [TEST[0], TRAIN],
        [TEST],
        [],
    ],
    ids=["held-out", "of-the-test-set", "mixed", "own", "own-validation", "few", "narrow", "flat",
         "one", "none"],
)  # fmt: skip
def test_what_is_not_certainly_exchanged_is_right(rows: list[np.ndarray]) -> None:
    assert not p5.are_exchanged(rows, TRAIN, TEST)


def test_samples_that_are_in_both_files_tell_nothing() -> None:
    both = np.concatenate((TEST, TRAIN[:20]))
    assert not p5.are_exchanged([TRAIN[:20], TRAIN[:20]], TRAIN, both)
    assert p5.are_exchanged([both, TRAIN[20:]], TRAIN, both)


@pytest.mark.parametrize("told", ["text", None, [TEST, "text"], CheckFailed(Stage.KIND, ""),
                                  NeedsReview("")], ids=repr)  # fmt: skip
def test_data_that_cannot_be_read_tell_nothing(told: Any) -> None:
    def rows_of(model: Any, count: int) -> Any:
        if isinstance(told, Exception):
            raise told
        return told

    assert p5.some_rows(SimpleNamespace(rows_of=rows_of), None) == []
