"""Numbers that carry errors: each operation's bound against float32 arithmetic."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest

from grader.checks.rounding import Rounded, float64, read_only, reduction_units

U32 = 2.0**-24
OPERATIONS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "matmul": operator.matmul,
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("kind", ["uniform", "normal", "ramp", "constant", "large"])
def test_operation_bounds_every_cell(
    operation: Callable[..., Rounded], kind: str, fill: Callable[..., np.ndarray]
) -> None:
    x, y = fill(kind, 6, 6), fill("normal", 6, 6, seed=1)
    bound = operation(Rounded.given(x), Rounded.given(y))
    assert np.array_equal(bound.value, operation(x, y))
    actual = operation(x.astype(np.float32), y.astype(np.float32))
    assert (np.abs(actual - bound.value) <= U32 * bound.error * (1 + 1e-6)).all()


def test_scalars_bound_every_cell(fill: Callable[..., np.ndarray]) -> None:
    x = fill("normal", 50)
    scaled, complement = 0.3 * Rounded.given(x), 1.0 - Rounded.given(x)
    single = x.astype(np.float32)
    assert (np.abs(np.float32(0.3) * single - 0.3 * x) <= U32 * scaled.error).all()
    assert (np.abs(1 - single - (1 - x)) <= U32 * complement.error).all()


@pytest.mark.parametrize("terms", [10, 64, 784, 3000])
@pytest.mark.parametrize("cell", [0.1, 0.7, 1 / 3, 1e5 + 0.1])
def test_longest_chain_stays_within_the_units(cell: float, terms: int) -> None:
    """Equal cells one by one: their roundings go one way, which takes the comparison's factor."""
    cells = np.full(terms, cell)
    total = np.cumsum(cells.astype(np.float32), dtype=np.float32)[-1]
    bound = Rounded.given(cells[None]) @ Rounded.given(np.ones((terms, 1)))
    assert abs(total - bound.value.item()) < 4 * U32 * bound.error.item()


def test_units_are_classical_for_short_sums() -> None:
    assert [reduction_units(n) for n in (0, 1, 64)] == [0, 1, 64]
    assert reduction_units(65) < 65 and reduction_units(784) == pytest.approx(224)


def test_plain_array_is_not_spread_over_cells() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = np.ones(2) @ Rounded.given(np.ones(2))


def test_transpose_keeps_value_and_error_together() -> None:
    number = Rounded(np.arange(6.0).reshape(2, 3), np.ones((2, 3)))
    assert number.T.value.shape == number.T.error.shape == (3, 2)


def test_float64_does_not_copy_but_constants_do() -> None:
    x = np.ones(3)
    assert float64(x) is x
    constant = read_only(x)
    x[0] = 2
    assert constant[0] == 1
