"""What hw5's checks of the passes say beside right and wrong: of tensors, and of depths."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, NeedsReview
from rubrics.hw5 import test_p5_passes as p5
from tests.checks.hw5_answers import CASES, REFERENCE, Answer


def as_tensor(value: Any) -> Any:
    """Arrays as tensors, in lists too."""
    return [*map(as_tensor, value)] if isinstance(value, list) else torch.tensor(value)


@pytest.mark.parametrize("case", ["sigmoid", "softmax", "sigmoid_prime", "output", "step"])
def test_tensors_in_place_of_arrays_are_for_a_person(case: str) -> None:
    def answer(*args: Any) -> Any:
        told = REFERENCE.find(CASES[case].function)(*args)
        return tuple(map(as_tensor, told)) if isinstance(told, tuple) else as_tensor(told)

    with pytest.raises(NeedsReview, match="is right, but a torch tensor"):
        CASES[case].ask(answer)


def test_wrong_numbers_in_tensors_are_wrong() -> None:
    failure = CASES["softmax"].verdict(lambda x: torch.softmax(torch.tensor(x), dim=0))
    assert failure is not None


@pytest.mark.parametrize("helper", [lambda x: torch.tensor(x), lambda x: x])
def test_tensors_count_where_they_are_made(helper: Answer) -> None:
    def check(student: Any) -> None:
        p5.match_arrays(student, torch.ones(2), np.ones(2), what="output")

    class Names(SimpleNamespace):
        def __getitem__(self, name: str) -> Any:
            return getattr(self, name)

    student = Names(memo={}, sigmoid=helper)
    whole = p5.left_to_a_person("sigmoid")(check)
    if isinstance(helper(np.ones(1)), torch.Tensor):
        whole(student=student)
    else:
        with pytest.raises(NeedsReview):
            whole(student=student)


def written_for(fits: Callable[[int], bool]) -> Answer:
    """A forward pass that is right for some numbers of weight matrices."""

    def feed_forward(batch: Any, hidden_layers: Any, weights: Any) -> Any:
        if not fits(len(weights)):
            raise ValueError("not enough values to unpack")
        return REFERENCE.find("feed_forward")(batch, hidden_layers, weights)

    return feed_forward


@pytest.mark.parametrize(
    ("fits", "said"),
    [
        (lambda n: n == 4, "it is right for 4 weight matrices and for no other number"),
        (lambda n: n <= 2, "it is right for up to 2 weight matrices and for no more"),
        (lambda n: n == 1, ""),
        (lambda n: n > 1, "it is right for more than one weight matrix"),
        (lambda n: n > 2, ""),
        (lambda n: False, ""),
    ],
)
def test_depths_that_are_right_are_told(fits: Callable[[int], bool], said: str) -> None:
    failure = CASES["hidden"].verdict(written_for(fits))
    assert isinstance(failure, CheckFailed)
    assert failure.message.endswith(said or "unpack")
