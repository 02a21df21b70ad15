"""Problem 5's activations, each with its error model and its form on numbers that carry errors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from grader.checks.oracle import forward_error
from grader.checks.rounding import Array, Rounded, float64

# sigmoid(x), in units of u and absolute. 1/(1+e) with e = exp(-x) has the relative error
# (1-s)c + 2, where c u is that of exp: at most c/4 + 2 = 3 for c = 4 (2 ulp). (1+tanh(x/2))/2
# keeps tanh's error where s is small: c/2 + s = 3. Rounding x moves s by |x| s (1-s) < 0.23.
SIGMOID_UNITS = 4.0
# Relative error of an exp, and of the division by the sum, in softmax.
_SOFTMAX_UNITS = 4.0
# The coarsest precision that the models serve, with the comparison's safety factor of 4: how
# far an argument may be off decides how steep the sigmoid can be there.
_COARSEST = 4 * 2.0**-24

# The same formula serves plain arrays and, as its own error model, arrays that carry errors.
T = TypeVar("T", Array, Rounded)


def _sigmoid_error(x: ArrayLike) -> Array:
    """A constant: see SIGMOID_UNITS."""
    return np.full(np.shape(x), SIGMOID_UNITS)


@forward_error(_sigmoid_error)
def sigmoid(x: ArrayLike) -> Array:
    """Return 1/(1+exp(-x)) elementwise, any shape, Problem 5 (b-i); exact to the last bits."""
    z = float64(x)
    # exp of a negative number never overflows, and both branches keep their relative accuracy.
    decay = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, decay) / (1.0 + decay)


def rounded_sigmoid(z: Rounded) -> Rounded:
    """Carry an error through the steepest slope of the sigmoid within z's reach.

    The slope is at most 1/4, and next to nothing where a unit is saturated for certain.
    """
    nearest_zero = np.maximum(np.abs(z.value) - _COARSEST * z.error, 0.0)
    steepest = slope(sigmoid(nearest_zero))
    return Rounded(sigmoid(z.value), steepest * z.error + SIGMOID_UNITS)


def _softmax_error(x: ArrayLike) -> Array:
    """The error of `rounded_softmax` on an argument that the answer may have rounded."""
    return rounded_softmax(Rounded.given(x)).error


@forward_error(_softmax_error)
def softmax(x: ArrayLike) -> Array:
    """Return exp(x_j) / sum_k exp(x_k) along the last axis, Problem 5 (b-ii)."""
    z = float64(x)
    with np.errstate(invalid="ignore"):  # inf - inf: such a row is NaN, as torch has it
        powers = np.exp(z - z.max(axis=-1, keepdims=True, initial=-np.inf))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def rounded_softmax(x: Rounded) -> Rounded:
    """Carry errors through dp_i = p_i (dx_i - sum_j p_j dx_j) and add softmax's own.

    Own, relative: n for the sum, and 2 max|x| for what is subtracted before exp, which may be
    the maximum, the rounded log of the sum, or nothing. An entry far below the maximum loses
    more, but its share is too small for that to show beside the row's others.
    """
    p = softmax(x.value)
    carried = p * (x.error + (p * x.error).sum(axis=-1, keepdims=True))
    largest = np.abs(x.value).max(axis=-1, keepdims=True, initial=0.0)
    return Rounded(p, carried + p * (2 * largest + p.shape[-1] + _SOFTMAX_UNITS))


def _sigmoid_prime_error(sigmoid_out: ArrayLike) -> Array:
    """The formula on a rounded h: of order |h|, though h(1-h) vanishes where h is near 1.

    The form 1/4 - (h - 1/2)^2 rounds numbers as large as 1/4, also where h is small.
    """
    return np.maximum(slope(Rounded.given(sigmoid_out)).error, 0.25)


@forward_error(_sigmoid_prime_error)
def sigmoid_prime(sigmoid_out: ArrayLike) -> Array:
    """Return h(1-h), the sigmoid's derivative where its value is h; any shape, Problem 5 (c-i)."""
    return slope(float64(sigmoid_out))


def slope(h: T) -> T:
    """Return h(1-h), on plain numbers or on numbers that carry errors."""
    return h * (1.0 - h)
