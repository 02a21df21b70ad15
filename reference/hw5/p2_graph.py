"""Problem 2, parts (b) to (d): the forward pass and the gradients of f = exp(-(w1 x1 + w2 x2)).

The functions take the homework's numbers by default. Of the graphs, (a) and (b), there is only what
they compute: `neuron`, `f` and `e`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grader.checks.oracle import forward_error
from grader.checks.rounding import Array, Rounded, float64

W1, X1 = 0.1, 0.3
W2, X2 = -0.2, 0.4
F_STAR = 1.0

# exp of a library is good to 1 or 2 ulp; an ulp is at most 2 u.
_EXP_UNITS = 4.0


def neuron(w0: ArrayLike, x0: ArrayLike, w1: ArrayLike, x1: ArrayLike, w2: ArrayLike) -> Array:
    """Return 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), Problem 2 (a); arguments of one shape."""
    w0, x0, w1, x1, w2 = map(float64, (w0, x0, w1, x1, w2))
    told: Array = 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))
    return told


def error_of(f: ArrayLike, f_star: ArrayLike = F_STAR) -> Array:
    """Return the error of a value f, f - f*."""
    return float64(f) - float64(f_star)


def _rounded_f(w1: ArrayLike, x1: ArrayLike, w2: ArrayLike, x2: ArrayLike) -> Rounded:
    w1_, x1_, w2_, x2_ = map(Rounded.given, (w1, x1, w2, x2))
    z = w1_ * x1_ + w2_ * x2_
    value = np.exp(-z.value)
    return Rounded(value, value * (z.error + _EXP_UNITS))


def _f_error(
    w1: ArrayLike = W1, x1: ArrayLike = X1, w2: ArrayLike = W2, x2: ArrayLike = X2
) -> Array:
    """An error in the exponent becomes a relative error of f."""
    return _rounded_f(w1, x1, w2, x2).error


@forward_error(_f_error)
def f(w1: ArrayLike = W1, x1: ArrayLike = X1, w2: ArrayLike = W2, x2: ArrayLike = X2) -> Array:
    """Return exp(-(w1 x1 + w2 x2)), Problem 2 (b); arguments of one shape, which f has too."""
    w1, x1, w2, x2 = map(float64, (w1, x1, w2, x2))
    return np.exp(-(w1 * x1 + w2 * x2))


def _e_error(
    w1: ArrayLike = W1,
    x1: ArrayLike = X1,
    w2: ArrayLike = W2,
    x2: ArrayLike = X2,
    f_star: ArrayLike = F_STAR,
) -> Array:
    """The difference is small beside f and f*, and keeps the errors of both."""
    return (_rounded_f(w1, x1, w2, x2) - Rounded.given(f_star)).error


@forward_error(_e_error)
def e(
    w1: ArrayLike = W1,
    x1: ArrayLike = X1,
    w2: ArrayLike = W2,
    x2: ArrayLike = X2,
    f_star: ArrayLike = F_STAR,
) -> Array:
    """Return the error f - f*, Problem 2 (b)."""
    return error_of(f(w1, x1, w2, x2), f_star)


def _gradients_error(
    w1: ArrayLike = W1, x1: ArrayLike = X1, w2: ArrayLike = W2, x2: ArrayLike = X2
) -> tuple[Array, Array, Array]:
    """de/df is exact; the other two carry f's error and one product's."""
    value = _rounded_f(w1, x1, w2, x2)
    slopes = [(Rounded.given(x) * value).error for x in (x1, x2)]
    return np.zeros_like(value.value), slopes[0], slopes[1]


@forward_error(_gradients_error)
def gradients(
    w1: ArrayLike = W1, x1: ArrayLike = X1, w2: ArrayLike = W2, x2: ArrayLike = X2
) -> tuple[Array, Array, Array]:
    """Return de/df = 1, de/dw1 = -x1 f and de/dw2 = -x2 f, Problem 2 (c): the chain rule."""
    value = f(w1, x1, w2, x2)
    return np.ones_like(value), -float64(x1) * value, -float64(x2) * value


F = float(f())
E = float(e())
DEDF, DEDW1, DEDW2 = map(float, gradients())
