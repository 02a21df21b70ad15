"""Tensors that hold the numbers of others, both ways."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks.layouts import arranged, axis_orders, restored

KERNEL = (32, 16, 3, 3)
ORDERS = {
    "same": ((32, 16, 3, 3), KERNEL, [(0, 1, 2, 3)]),
    "transposed": ((512, 10), (10, 512), [(1, 0)]),
    "split": ((10, 32, 4, 4), (10, 512), [(0, 1)]),
    "split-and-transposed": ((32, 4, 4, 10), (10, 512), [(1, 0)]),
    "flat": ((20,), (4, 5), [(0, 1), (1, 0)]),
    "of-length-one": ((1, 10, 1), (10,), [(0,)]),
    "exchanged": ((16, 32, 3, 3), KERNEL, [(1, 0, 2, 3), (1, 0, 3, 2)]),
    "one-channel": ((9, 16), (16, 1, 3, 3), [(1, 2, 3, 0), (1, 3, 2, 0)]),
    "other-number": ((10, 511), (10, 512), []),
    "torn-apart": ((20, 256), (10, 512), []),
}


@pytest.mark.parametrize(("shape", "target", "orders"), ORDERS.values(), ids=ORDERS)
def test_orders_that_fit_are_found(shape: object, target: object, orders: object) -> None:
    assert axis_orders(shape, target) == orders  # type: ignore[arg-type]  # a table of all kinds


@pytest.mark.parametrize("shape", [(32, 144), (144, 32), (288, 16), (4608,), (3, 3, 16, 32)])
def test_numbers_come_back(shape: tuple[int, ...]) -> None:
    values = np.arange(4608).reshape(KERNEL)
    orders = axis_orders(shape, KERNEL)
    assert orders
    for order in orders:
        told = arranged(values, order, shape)
        assert told.shape == shape
        assert np.array_equal(restored(told, order, KERNEL), values)
