"""The checks of hw5 both ways: each saboteur fails one of the examples, no right answer does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.model import Stage
from tests.checks.hw5_answers import ASSIGNMENT, CASES, REFERENCE, RIGHT, Answer, calls
from tests.checks.impostors import COARSE, COMPLEX, RIGHT_FORMS, WRONG_SHAPES, WRONG_VALUES, Change

SHAPES: dict[str, Change] = {
    **WRONG_SHAPES,
    "flat": lambda x: x.reshape(-1),
    "transposed": lambda x: x.T,
    "swapped": lambda x: np.swapaxes(x, -1, -2) if x.ndim > 1 else x,
}
# A single number is its own mean and permutation, and has nothing to be transposed.
NUMBER_ONLY = ("zeros", "sign", "off-by-1/1000", "doubled", "first-nan", "first-inf")
NUMBERS = {name: WRONG_VALUES[name] for name in NUMBER_ONLY}
each_case = pytest.mark.parametrize("case", [name for name in CASES if name != "sigmoid-number"])


def _changed(name: str, change: Change) -> Answer:
    """The right answer with `change` applied to each array that the check compares."""
    case = CASES[name]

    def deep(value: Any) -> Any:
        return [deep(v) for v in value] if isinstance(value, list) else change(np.asarray(value))

    def answer(*args: Any) -> Any:
        told = REFERENCE.find(case.function)(*args)
        if case.item is None:
            return deep(told)
        return [deep(t) if at == case.item else t for at, t in enumerate(told)]

    return answer


@pytest.mark.parametrize("case", CASES)
def test_checks_draw_as_many_examples_as_the_rubric_says(case: str) -> None:
    assert len(calls(case)) == ASSIGNMENT.rubric.examples == 25


@pytest.mark.parametrize(
    ("case", "alternative"), [(case, name) for case, known in RIGHT.items() for name in known]
)
def test_right_alternative_is_accepted_on_all_examples(case: str, alternative: str) -> None:
    failure = CASES[case].verdict(RIGHT[case][alternative])
    assert failure is None, failure


@each_case
@pytest.mark.parametrize("form", RIGHT_FORMS.values(), ids=RIGHT_FORMS)
def test_right_answer_is_accepted_in_any_form(case: str, form: Change) -> None:
    assert CASES[case].verdict(_changed(case, form)) is None


@each_case
@pytest.mark.parametrize("saboteur", [*WRONG_VALUES, *COARSE])
def test_saboteur_is_rejected_on_one_of_the_examples(case: str, saboteur: str) -> None:
    failure = CASES[case].verdict(_changed(case, {**WRONG_VALUES, **COARSE}[saboteur]))
    assert failure is not None and failure.stage is Stage.VALUES


@each_case
@pytest.mark.parametrize("saboteur", SHAPES)
def test_wrong_shape_is_rejected(case: str, saboteur: str) -> None:
    failure = CASES[case].verdict(_changed(case, SHAPES[saboteur]))
    assert failure is not None and failure.stage is Stage.SHAPE


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("saboteur", COMPLEX)
def test_complex_answer_is_rejected(case: str, saboteur: str) -> None:
    failure = CASES[case].verdict(_changed(case, COMPLEX[saboteur]))
    assert failure is not None and failure.stage is Stage.DTYPE


@pytest.mark.parametrize("saboteur", {**NUMBERS, **COARSE})
def test_wrong_number_is_rejected(saboteur: str) -> None:
    answer = _changed("sigmoid-number", {**NUMBERS, **COARSE}[saboteur])
    failure = CASES["sigmoid-number"].verdict(answer)
    assert failure is not None and failure.stage is Stage.VALUES


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("odd", [None, "text", {}, [], 1j], ids=repr)
def test_odd_answer_is_rejected(case: str, odd: Any) -> None:
    failure = CASES[case].verdict(lambda *args: odd)
    assert failure is not None and failure.stage.rank <= Stage.DTYPE.rank


def _steps(factor: float) -> Answer:
    """Weights after `factor` times the step that is right."""

    def answer(output: Any, y: Any, layers: Any, weights: Any, batch: int, lr: float) -> Any:
        right = REFERENCE.find("back_prop")(output, y, layers, weights, batch, lr)
        return [w + factor * (r - w) for w, r in zip(weights, right, strict=True)]

    return answer


@pytest.mark.parametrize("case", ["single-step", "step"])
@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 0.5, 1.01, 1.001])
def test_step_of_another_length_is_rejected(case: str, factor: float) -> None:
    failure = CASES[case].verdict(_steps(factor))
    assert failure is not None and failure.stage is Stage.VALUES
    assert CASES[case].verdict(_steps(1.0)) is None


_convolve = RIGHT["my_convolution"]["einsum"]
MISTAKES: dict[str, tuple[str, Answer]] = {
    "softmax-of-columns": ("softmax", lambda x: np.exp(x) / np.exp(x).sum(axis=0)),
    "softmax-of-all": ("softmax", lambda x: np.exp(x) / np.exp(x).sum()),
    "log-softmax": ("softmax", lambda x: torch.log_softmax(torch.tensor(np.array(x)), 1)),
    "sigmoid-of-minus-x": ("sigmoid", lambda x: 1 / (1 + np.exp(x))),
    "tanh": ("sigmoid", np.tanh),
    "hard-sigmoid": ("sigmoid", lambda x: np.clip(x / 4 + 0.5, 0, 1)),
    "sigmoid-again": ("sigmoid_prime", lambda h: np.exp(-h) / (1 + np.exp(-h)) ** 2),
    "tanh-prime": ("sigmoid_prime", lambda h: 1 - h**2),
    "flipped": ("my_convolution", lambda x, k: _convolve(x, k[..., ::-1, ::-1])),
    "one-channel": ("my_convolution", lambda x, k: _convolve(x[:, :1], k[:, :1])),
}  # fmt: skip


@pytest.mark.parametrize(("case", "answer"), MISTAKES.values(), ids=MISTAKES)
def test_common_mistake_is_rejected(case: str, answer: Answer) -> None:
    failure = CASES[case].verdict(answer)
    assert failure is not None and failure.stage is Stage.VALUES
