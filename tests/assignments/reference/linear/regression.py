"""Linear regression by gradient descent in float64 NumPy.

Each error model is the formula itself on numbers that carry their errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grader.checks import Rounded, float64, forward_error
from grader.checks.rounding import Array


def _rounded_center(X: ArrayLike) -> Rounded:
    given = Rounded.given(X)
    samples = len(given.value)
    total = Rounded(np.ones((1, samples)), np.zeros((1, samples))) @ given
    return given - (1 / samples) * total


@forward_error(lambda X: _rounded_center(X).error)
def center(X: ArrayLike) -> Array:
    """Return X, (N, D), with each column's mean taken off."""
    data = float64(X)
    return data - data.mean(axis=0)


def _rounded_gradient(w: Rounded, X: Rounded, y: Rounded) -> Rounded:
    return (2 / len(X.value)) * (X.T @ (X @ w - y))


@forward_error(lambda w, X, y: _rounded_gradient(*map(Rounded.given, (w, X, y))).error)
def mse_gradient(w: ArrayLike, X: ArrayLike, y: ArrayLike) -> Array:
    """Return the gradient in w, (D,), of the mean of (X w - y)^2 over the N rows of X."""
    w, X, y = map(float64, (w, X, y))
    return 2 / len(X) * X.T @ (X @ w - y)


def _fit_error(X: ArrayLike, y: ArrayLike, lr: float, steps: int) -> Array:
    data, target = Rounded.given(X), Rounded.given(y)
    w = Rounded(np.zeros(data.value.shape[1]), np.zeros(data.value.shape[1]))
    for _ in range(steps):
        w = w - lr * _rounded_gradient(w, data, target)
    return w.error


@forward_error(_fit_error)
def fit(X: ArrayLike, y: ArrayLike, lr: float, steps: int) -> Array:
    """Return the weights, (D,), after `steps` of gradient descent that starts from zeros."""
    w = np.zeros(np.shape(X)[1])
    for _ in range(steps):
        w = w - lr * mse_gradient(w, X, y)
    return w
