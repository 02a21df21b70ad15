"""What is said of a wrong answer beside that it is wrong: in which way, and what it changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import (
    CheckFailed,
    Expected,
    Stage,
    assert_unchanged,
    match_or_remark,
    match_whole,
    saying,
    step_from,
)
from grader.checks.remarks import in_fewer_digits
from grader.checks.verdict import LimitExceeded

RNG = np.random.default_rng(0)
RIGHT = [RNG.standard_normal((3, 2)), RNG.standard_normal((2, 4))]
WEIGHTS = [RNG.standard_normal((3, 2)), RNG.standard_normal((2, 4))]
MOVES = [right - weight for right, weight in zip(RIGHT, WEIGHTS, strict=True)]

DIGITS = {
    "float16": (lambda x: x.astype(np.float16), "in half precision (float16)"),
    "float16-stored-wider": (lambda x: x.astype(np.float16).astype(float), "in half precision"),
    "torch-half": (lambda x: torch.tensor(x).half(), "in half precision"),
    "computed-in-half": (lambda x: np.float16(np.float16(x) * np.float16(1.001)), "half precision"),
    "two-decimals": (lambda x: np.round(x, 2), "to 2 decimals"),
    "cut-off": (lambda x: np.floor(x * 1000) / 1000, "to 3 decimals"),
    "another-number": (lambda x: 1.1 * x, ""),
    "wrong-in-half": (lambda x: (1.1 * x).astype(np.float16), ""),
    "whole": (lambda x: np.round(x), ""),
    "zeros": (lambda x: 0 * x, ""),
    "nan": (lambda x: x * np.nan, ""),
    "wrong-decimals": (lambda x: np.round(1.1 * x, 2), ""),
    "another-shape": (lambda x: x[:1], ""),
    "text": (lambda x: "text", ""),
}


@pytest.mark.parametrize(("change", "words"), DIGITS.values(), ids=DIGITS)
def test_right_numbers_in_fewer_digits_are_told(change: Any, words: str) -> None:
    told = in_fewer_digits([change(x) for x in RIGHT], RIGHT)
    assert words in told if words else told == ""


def test_one_number_for_all_is_no_rounding() -> None:
    right = np.array([0.02, 0.08, 0.1, 0.17])
    assert in_fewer_digits(np.full(4, 0.1), right) == ""
    assert in_fewer_digits(np.full(3, 0.1), right[1:3].repeat([2, 1])) != ""


STEPS = {
    "half-as-long": (lambda w, m: w + 0.5 * m, "your step is 0.5 times the right one"),
    "uphill": (lambda w, m: w - m, "your step is -1 times the right one"),
    "decay": (lambda w, m: 0.99 * w + m, "-0.01 times the weights are added to themselves"),
    "little-decay": (lambda w, m: (1 - 1e-6) * w + m, "-1e-06 times the weights"),
    "clipped": (lambda w, m: w + np.clip(m, -0.1, 0.1), ""),
    "no-step": (lambda w, m: w, ""),
    "another-shape": (lambda w, m: (w + m).T, ""),
}


@pytest.mark.parametrize(("change", "words"), STEPS.values(), ids=STEPS)
def test_steps_of_another_kind_are_told(change: Any, words: str) -> None:
    after = [change(*pair) for pair in zip(WEIGHTS, MOVES, strict=True)]
    told = step_from(WEIGHTS)(after, RIGHT)
    assert words in told if words else told == ""


def test_two_numbers_are_too_few_for_a_proportion() -> None:
    assert step_from([np.zeros(2)])([np.array([2.0, 4.0])], [np.array([1.0, 2.0])]) == ""


def test_one_of_several_right_answers_is_enough() -> None:
    match_or_remark(np.ones(2), Expected(np.zeros(2)), Expected(np.ones(2)), what="y")


def test_the_remark_ends_the_message() -> None:
    with pytest.raises(CheckFailed, match=r"^y\[1\]=2, but should be 1.*; as a test$"):
        match_or_remark(
            np.array([1.0, 2.0]), np.ones(2), remarks=[lambda a, e: "as a test"], what="y"
        )


@pytest.mark.parametrize("told", [1e300, np.inf, -np.inf, torch.tensor(3e38)], ids=repr)
def test_extreme_answers_are_compared(told: Any) -> None:
    remarks = [step_from([np.zeros(3)])]
    with pytest.raises(CheckFailed, match=r"^y\[0\]=-?(1e\+300|inf|3e\+38), but should be 1"):
        match_or_remark(np.ones(3) * float(told), np.ones(3), remarks=remarks, what="y")


def test_nothing_is_remarked_of_another_shape() -> None:
    with pytest.raises(CheckFailed, match=r"^y\.shape=\(1,\), but should be \(2,\)$") as failed:
        match_or_remark(np.ones(1), np.ones(2), remarks=[lambda a, e: "as a test"], what="y")
    assert failed.value.stage is Stage.SHAPE


def test_a_lost_process_is_told_as_it_is() -> None:
    lost = LimitExceeded(Stage.RETURNS, "gone")
    assert saying(lost, "words") is lost


@pytest.mark.parametrize("changed", [np.zeros(2), [np.zeros(2)], "text", np.zeros(3)], ids=repr)
def test_an_argument_that_was_changed_is_told(changed: Any) -> None:
    student: Any = SimpleNamespace(mutated={1: changed})
    with pytest.raises(CheckFailed, match=r"^f\(x\) .* changes its argument x in place$") as failed:
        assert_unchanged(student, "f(x)", x=(1, np.ones(2)))
    assert failed.value.stage is Stage.MEANS


def test_what_may_be_changed_or_has_the_same_values_is_right() -> None:
    student: Any = SimpleNamespace(mutated={0: np.zeros(2), 1: [np.array([0.0, np.nan])]})
    assert_unchanged(student, "f(x)", y=(1, [np.array([-0.0, np.nan])]), z=(2, np.ones(2)))


def whole(answer: Any) -> None:
    x = np.array([1, 2])
    match_whole(answer, x, Expected(x / 4), what="f(x)")


def stops(x: np.ndarray) -> None:
    if x.dtype.kind == "i":
        raise CheckFailed(Stage.RETURNS, "f(x) raised TypeError")


def test_whole_numbers_that_are_cut_off_are_told() -> None:
    with pytest.raises(CheckFailed, match=r"the same numbers as floats get the right result$"):
        whole(lambda x: (x / 4).astype(x.dtype))


@pytest.mark.parametrize(
    "answer", [lambda x: x / 4, lambda x: x / 5, lambda x: stops(x) or x / 4],
    ids=["right", "wrong with floats as well", "stops"],
)  # fmt: skip
def test_only_whole_numbers_are_blamed(answer: Any) -> None:
    whole(answer)
