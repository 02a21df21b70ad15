"""Problem 1: two vectors, two matrices, and what parts (a) to (e) ask of them.

Read-only constants, computed here from their definitions, and the three operations of parts (b)
to (d) for other operands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grader.checks.rounding import Array, float64, read_only


def hadamard(a: ArrayLike, v: ArrayLike) -> Array:
    """Return the product of two matrices of one shape, cell by cell."""
    return float64(a) * float64(v)


def matrix_product(a: ArrayLike, v: ArrayLike) -> Array:
    """Return the matrix product AV, row by column."""
    told: Array = float64(a) @ float64(v)
    return told


def squared_distance(v1: ArrayLike, v2: ArrayLike) -> Array:
    """Return the squared Euclidean length of v1 - v2, 0-dimensional."""
    return np.asarray(np.square(float64(v1) - float64(v2)).sum())


# Part (a). v1 and v2 are columns, (2, 1); V has them side by side, (2, 2).
V1: Array = read_only([[1], [2]])
V2: Array = read_only([[-2], [-1]])
A: Array = read_only([[1, -1], [0, 1]])
V: Array = read_only(np.hstack([V1, V2]))

# Parts (b) and (c): cell by cell, and row by column; both (2, 2).
HADAMARD_AV: Array = read_only(hadamard(A, V))
MATRIX_AV: Array = read_only(matrix_product(A, V))

# Part (d): the squared Euclidean length of v1 - v2, 0-dimensional.
SQUARE_L2_V: Array = read_only(squared_distance(V1, V2))

# Part (e): the gradient of |v1 - v2|^2 is 2(v1 - v2) in v1 and its opposite in v2; both (2, 1).
V1_GRAD: Array = read_only(2 * (V1 - V2))
V2_GRAD: Array = read_only(-V1_GRAD)
