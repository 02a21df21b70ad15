"""Numbers that carry how far rounding may have moved them: the arithmetic of the error models.

Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
section 3.3) to first order, in units of the unit roundoff u: the error model of a formula
is the formula itself, evaluated on `Rounded` operands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]


def float64(x: ArrayLike) -> Array:
    """Return `x` as a float64 array; `x` itself, not a copy, where it is one already."""
    return np.asarray(x, dtype=np.float64)


def read_only(x: ArrayLike) -> Array:
    """Return a float64 copy of `x` that refuses assignment: a constant."""
    constant = np.array(x, dtype=np.float64)
    constant.flags.writeable = False
    return constant


def reduction_units(n: int) -> float:
    """Return the units of u that a sum of n products carries, relative to sum(|x||y|).

    The classical n (section 3.1) up to 64, then 8 sqrt(n): with roundings that are independent
    the sum leaves lambda sqrt(n) with a probability below 2n exp(-lambda^2/2) (Higham and Mary,
    SIAM J. Sci. Comput. 41(5), 2019). n itself is hundreds of times what long sums show. Equal
    terms added one by one round alike, to at most n/2: the comparison's factor of 4 has room
    for that up to n = 4096.
    """
    return min(float(n), 8 * float(np.sqrt(n)))


@dataclass(frozen=True, eq=False)
class Rounded:
    """An array and the bound of its error, elementwise and in units of u."""

    value: Array
    error: Array

    # Without this NumPy would spread an operation over the cells of its left operand.
    __array_ufunc__ = None

    @classmethod
    def given(cls, x: ArrayLike) -> Rounded:
        """An argument: the answer may have rounded it to its own precision on the way in."""
        value = float64(x)
        return cls(value, np.abs(value))

    @property
    def T(self) -> Rounded:
        """The transpose."""
        return Rounded(self.value.T, self.error.T)

    def __add__(self, other: Rounded) -> Rounded:
        value = self.value + other.value
        return Rounded(value, self.error + other.error + np.abs(value))

    def __sub__(self, other: Rounded) -> Rounded:
        value = self.value - other.value
        return Rounded(value, self.error + other.error + np.abs(value))

    def __rsub__(self, exact: float) -> Rounded:
        value = exact - self.value
        return Rounded(value, self.error + np.abs(value))

    def __mul__(self, other: Rounded) -> Rounded:
        value = self.value * other.value
        return Rounded(value, self.spread(other) + np.abs(value))

    def __rmul__(self, factor: float) -> Rounded:
        # Three roundings: of the factor itself, of the product, and of a division in the factor.
        value = factor * self.value
        return Rounded(value, abs(factor) * self.error + 3.0 * np.abs(value))

    def __matmul__(self, other: Rounded) -> Rounded:
        """Add the reduction's own units to what the cells bring along.

        That adds up as independent errors do, by squares: the worst case, all of one sign,
        would grow by |W| a layer and admit anything after three.
        """
        x, y = np.abs(self.value), np.abs(other.value)
        brought = np.sqrt(self.error**2 @ y**2 + x**2 @ other.error**2)
        return Rounded(self.value @ other.value, brought + reduction_units(x.shape[-1]) * (x @ y))

    def spread(self, other: Rounded) -> Array:
        """The part of an elementwise product's error that its two factors bring along."""
        return self.error * np.abs(other.value) + np.abs(self.value) * other.error
