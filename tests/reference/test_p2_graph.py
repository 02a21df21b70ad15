"""Problem 2's numbers against autograd, and its error models on float32 answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from reference.hw5 import p2_graph as p2

NUMBERS = (p2.W1, p2.X1, p2.W2, p2.X2)
# Where z is 0, where it cancels, where f is small, and where it is large.
POINTS = {
    "homework": NUMBERS,
    "zero": (0.0, 0.7, -0.0, 0.9),
    "cancelling": (1.1, 3.3, -1.21, 3.0),
    "small": (2.0, 3.1, 1.5, 2.9),
    "large": (-1.7, 3.0, 0.3, -8.0),
}
each_point = pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)


def _in_torch(point: tuple[float, ...], dtype: torch.dtype) -> list[torch.Tensor]:
    w1, x1, w2, x2 = (torch.tensor([p], dtype=dtype, requires_grad=True) for p in point)
    f = torch.exp(-(w1 * x1 + w2 * x2))
    f.retain_grad()
    e = f - torch.tensor([p2.F_STAR], dtype=dtype)
    e.backward()
    return [f.detach(), e.detach(), f.grad, w1.grad, w2.grad]


@pytest.mark.parametrize(
    ("number", "printed"),
    [(p2.F, 1.051), (p2.E, 0.051), (p2.DEDF, 1), (p2.DEDW1, -0.3154), (p2.DEDW2, -0.4205)],
    ids=["f", "e", "de/df", "de/dw1", "de/dw2"],
)
def test_number_rounds_to_the_printed_one(number: float, printed: float) -> None:
    decimals = len(str(printed).partition(".")[2])
    assert round(number, decimals) == printed


def test_values_come_from_their_closed_forms() -> None:
    assert pytest.approx(np.exp(0.05), rel=1e-15) == p2.F
    assert pytest.approx(np.expm1(0.05), rel=1e-14) == p2.E


def test_neuron_is_a_sigmoid_of_the_weighted_sum() -> None:
    w0, x0, w1, x1, w2 = np.random.default_rng(0).normal(size=(5, 7))
    z = torch.tensor(w0 * x0 + w1 * x1 + w2)
    np.testing.assert_allclose(p2.neuron(w0, x0, w1, x1, w2), torch.sigmoid(z), rtol=1e-14)


def test_error_is_what_f_exceeds_its_target_by() -> None:
    assert p2.error_of(p2.F) == p2.E
    assert p2.error_of(1.5, 2.0) == -0.5


@each_point
def test_gradients_agree_with_autograd(point: tuple[float, ...]) -> None:
    actual = [p2.f(*point), p2.e(*point), *p2.gradients(*point)]
    for ours, theirs in zip(actual, _in_torch(point, torch.float64), strict=True):
        np.testing.assert_allclose(ours, theirs.item(), rtol=1e-13, atol=1e-15)


def test_autograd_passes_gradcheck() -> None:
    inputs = [torch.tensor([p], dtype=torch.float64, requires_grad=True) for p in NUMBERS]
    assert torch.autograd.gradcheck(lambda w1, x1, w2, x2: torch.exp(-(w1 * x1 + w2 * x2)), inputs)


@each_point
def test_float32_stays_within_the_bound(
    point: tuple[float, ...], expect: Callable[..., Any], ratio: Callable[..., float]
) -> None:
    f, e, dedf, *slopes = (float(t) for t in _in_torch(point, torch.float32))
    assert ratio(f, expect(p2.f, *point)) < 1
    assert ratio(e, expect(p2.e, *point)) < 1
    expected = expect(p2.gradients, *point)
    assert dedf == expected.value[0]
    assert all(ratio(slope, expected[i + 1]) < 1 for i, slope in enumerate(slopes))


def test_wrong_answers_leave_the_bound(
    expect: Callable[..., Any], ratio: Callable[..., float]
) -> None:
    """A sign error, the value f* in place of f, and gradients at f = 1 as hand work has them."""
    assert ratio(np.exp(-0.05), expect(p2.f)) > 4
    assert ratio(0.0, expect(p2.e)) > 4
    assert ratio(1 - p2.F, expect(p2.e)) > 4
    assert ratio(-0.3, expect(p2.gradients)[1]) > 4
    assert ratio(-0.4, expect(p2.gradients)[2]) > 4


def test_arrays_keep_their_shape_and_contents(unchanged: Callable[..., Any]) -> None:
    columns = [np.full((3, 2), number) for number in NUMBERS]
    assert unchanged(p2.f, *columns).shape == (3, 2)
    assert [g.shape for g in unchanged(p2.gradients, *columns)] == [(3, 2)] * 3
