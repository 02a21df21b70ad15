"""Problem 1: two vectors, two matrices, and what parts (a) to (e) ask of them.

Read-only constants, computed here from their definitions.
"""

from __future__ import annotations

import numpy as np

from ._rounding import Array, read_only

# Part (a). v1 and v2 are columns, (2, 1); V has them side by side, (2, 2).
V1: Array = read_only([[1], [2]])
V2: Array = read_only([[-2], [-1]])
A: Array = read_only([[1, -1], [0, 1]])
V: Array = read_only(np.hstack([V1, V2]))

# Parts (b) and (c): cell by cell, and row by column; both (2, 2).
HADAMARD_AV: Array = read_only(np.multiply(A, V))
MATRIX_AV: Array = read_only(np.matmul(A, V))

# Part (d): the squared Euclidean length of v1 - v2, 0-dimensional.
SQUARE_L2_V: Array = read_only(np.square(V1 - V2).sum())

# Part (e): the gradient of |v1 - v2|^2 is 2(v1 - v2) in v1 and its opposite in v2; both (2, 1).
V1_GRAD: Array = read_only(2 * (V1 - V2))
V2_GRAD: Array = read_only(-V1_GRAD)
