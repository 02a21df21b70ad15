"""Sigmoid, softmax and the sigmoid's slope against torch, the printed tables and float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from reference.hw5.p5_mlp import sigmoid, sigmoid_prime, softmax

# Corners and one wrong-printed cell of the homework's table of sigmoid on -5, -4.9, ... 4.9:
# its text has 0.9781873 for the last but one cell of row 8, a digit short of 0.97811873.
PRINTED_SIGMOID = {
    (0, 0): 0.00669285,
    (0, 9): 0.0163025,
    (4, 5): 0.37754067,
    (5, 0): 0.5,
    (6, 3): 0.78583498,
    (8, 8): 0.97811873,
    (9, 9): 0.99260846,
}
# Rows 0 and 3 of the table of softmax on default_rng(8803).random((5, 10)). The text has
# 0.11710343 for the eighth cell of row 3: two digits swapped, as the row then misses 1.
PRINTED_SOFTMAX = {
    0: (
        *(0.11308373, 0.09495527, 0.10991099, 0.12813875, 0.07212035),
        *(0.11325271, 0.10747322, 0.0645221, 0.08195541, 0.11458748),
    ),
    3: (
        *(0.13846278, 0.08526933, 0.07106004, 0.06695615, 0.09966726),
        *(0.05240115, 0.12935594, 0.11170343, 0.13277632, 0.11234761),
    ),
}
SHAPES = {"0d": (), "1d": (7,), "homework": (5, 10), "3d": (3, 4, 6), "long": (2, 1000)}
rows = pytest.mark.parametrize(
    "shape", [(7,), (5, 10), (1, 1), (3, 4, 6), (2, 1000)], ids=lambda s: "x".join(map(str, s))
)
each_kind = pytest.mark.parametrize(
    "kind", ["uniform", "normal", "negative", "ramp", "one_hot", "constant", "large"]
)


def _tanh_form(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _textbook_sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def _odds_form(x: np.ndarray) -> np.ndarray:
    odds = np.exp(np.minimum(x, 80))
    return odds / (1 + odds)


def _torch_sigmoid(x: np.ndarray) -> np.ndarray:
    return torch.sigmoid(torch.tensor(x)).numpy()


def _shifted(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _unshifted(x: np.ndarray) -> np.ndarray:
    # Where exp overflows this form is not a right answer, so that it is given milder rows.
    powers = np.exp(x) if np.abs(x).max() < 80 else np.exp(x - x.max(-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def _log_sum_exp(x: np.ndarray) -> np.ndarray:
    peak = x.max(axis=-1, keepdims=True)
    return np.exp(x - (peak + np.log(np.exp(x - peak).sum(axis=-1, keepdims=True))))


def _torch_softmax(x: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.tensor(x), dim=-1).numpy()


SIGMOIDS = {
    "textbook": _textbook_sigmoid,
    "tanh": _tanh_form,
    "odds": _odds_form,
    "torch": _torch_sigmoid,
}
SOFTMAXES = {
    "shifted": _shifted,
    "unshifted": _unshifted,
    "log_sum_exp": _log_sum_exp,
    "torch": _torch_softmax,
}


@pytest.mark.parametrize(("cell", "printed"), PRINTED_SIGMOID.items(), ids=str)
def test_sigmoid_is_the_printed_one(cell: tuple[int, int], printed: float) -> None:
    table = sigmoid(np.arange(-5, 5, 0.1).reshape(10, 10))
    assert table[cell] == pytest.approx(printed, abs=5.1e-9)


@pytest.mark.parametrize(("row", "printed"), PRINTED_SOFTMAX.items(), ids=str)
def test_softmax_is_the_printed_one(row: int, printed: tuple[float, ...]) -> None:
    table = softmax(np.random.default_rng(seed=8803).random((5, 10)))
    np.testing.assert_allclose(table[row], printed, rtol=0, atol=5.1e-9)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@each_kind
def test_sigmoid_agrees_with_torch(
    shape: tuple[int, ...], kind: str, fill: Callable[..., np.ndarray]
) -> None:
    x = fill(kind, *shape)
    np.testing.assert_allclose(sigmoid(x), _torch_sigmoid(x), rtol=1e-14, atol=1e-300)


@rows
@each_kind
def test_softmax_agrees_with_torch(
    shape: tuple[int, ...], kind: str, fill: Callable[..., np.ndarray]
) -> None:
    x = fill(kind, *shape)
    np.testing.assert_allclose(softmax(x), _torch_softmax(x), rtol=1e-12, atol=1e-300)


def test_slope_agrees_with_autograd(fill: Callable[..., np.ndarray]) -> None:
    x = torch.tensor(fill("ramp", 4, 5) * 4, requires_grad=True)
    torch.sigmoid(x).sum().backward()
    slopes = sigmoid_prime(sigmoid(x.detach().numpy()))
    np.testing.assert_allclose(slopes, x.grad, rtol=1e-11)
    assert torch.autograd.gradcheck(torch.sigmoid, [x])


@pytest.mark.parametrize("alternative", SIGMOIDS.values(), ids=SIGMOIDS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@each_kind
def test_right_float32_sigmoid_stays_within_the_bound(
    shape: tuple[int, ...],
    kind: str,
    alternative: Callable[..., np.ndarray],
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    x = fill(kind, *shape)
    assert ratio(alternative(np.asarray(x, np.float32)), expect(sigmoid, x)) < 1


@pytest.mark.parametrize("alternative", SOFTMAXES.values(), ids=SOFTMAXES)
@rows
@each_kind
def test_right_float32_softmax_stays_within_the_bound(
    shape: tuple[int, ...],
    kind: str,
    alternative: Callable[..., np.ndarray],
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    x = fill(kind, *shape)
    assert ratio(alternative(x.astype(np.float32)), expect(softmax, x)) < 1


@pytest.mark.parametrize("offset", [-900.0, -50.0, 50.0, 900.0])
def test_softmax_far_from_zero_stays_within_the_bound(
    offset: float,
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    """Rounding the log of the sum, as large as the offset, is the worst of the right ways."""
    x = fill("normal", 20, 10) + offset
    observed = [
        ratio(form(x.astype(np.float32)), expect(softmax, x)) for form in SOFTMAXES.values()
    ]
    assert max(observed) < 1


@pytest.mark.parametrize("form", ["product", "difference"])
@each_kind
def test_right_float32_slope_stays_within_the_bound(
    form: str,
    kind: str,
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    h = sigmoid(fill(kind, 6, 9))
    single = h.astype(np.float32)
    actual = single * (1 - single) if form == "product" else single - single**2
    assert ratio(actual, expect(sigmoid_prime, h)) < 1


@pytest.mark.parametrize("function", [sigmoid, softmax, sigmoid_prime])
@pytest.mark.parametrize("kind", ["uniform", "normal", "negative", "ramp", "one_hot"])
def test_wrong_answer_leaves_the_bound(
    function: Callable[..., np.ndarray],
    kind: str,
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    refuse: Callable[..., None],
) -> None:
    refuse(expect(function, fill(kind, 5, 10)))


def test_softmax_along_another_axis_leaves_the_bound(
    fill: Callable[..., np.ndarray], expect: Callable[..., Any], ratio: Callable[..., float]
) -> None:
    x = fill("normal", 6, 6)
    assert ratio(softmax(x.T).T, expect(softmax, x)) > 4
    assert ratio(np.exp(x) / np.exp(x).sum(), expect(softmax, x)) > 4


def test_extremes_are_exact() -> None:
    ends = [-np.inf, -1000, 0, 1000, np.inf]
    assert np.array_equal(sigmoid(ends), [0, 0, 0.5, 1, 1])
    assert np.array_equal(softmax([-1000, 1000]), [0, 1])
    assert np.array_equal(softmax([-1000, -1000]), [0.5, 0.5])
    assert np.array_equal(softmax([-np.inf, 3]), [0, 1])
    assert np.isnan(softmax([np.inf, 0])).all() and np.isnan(sigmoid(np.nan))
    assert sigmoid(-700) == pytest.approx(np.exp(-700), rel=1e-14)


@pytest.mark.parametrize("shape", [(0,), (0, 10), (5, 0), (0, 3, 4)], ids=str)
@pytest.mark.parametrize("function", [sigmoid, softmax, sigmoid_prime])
def test_empty_arguments_stay_empty(
    function: Callable[..., np.ndarray], shape: tuple[int, ...], expect: Callable[..., Any]
) -> None:
    expected = expect(function, np.empty(shape))
    assert expected.value.shape == expected.error.shape == shape


@pytest.mark.parametrize("function", [sigmoid, softmax, sigmoid_prime])
def test_integers_strides_and_read_only_do_not_matter(
    function: Callable[..., np.ndarray], unchanged: Callable[..., Any]
) -> None:
    strided = np.arange(48).reshape(6, 8).T[::2, ::-1]
    expected = function(np.ascontiguousarray(strided, dtype=np.float64))
    assert np.array_equal(unchanged(function, strided), expected)
    assert np.array_equal(function(strided.tolist()), expected)
