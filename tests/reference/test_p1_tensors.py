"""Problem 1's constants against torch, autograd and the printed numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reference.hw5 import p1_tensors as p1

# As printed below the homework's cell.
PRINTED = {
    "V1": [[1], [2]],
    "V2": [[-2], [-1]],
    "A": [[1, -1], [0, 1]],
    "V": [[1, -2], [2, -1]],
    "HADAMARD_AV": [[1, 2], [0, -1]],
    "MATRIX_AV": [[-1, -1], [2, -1]],
    "SQUARE_L2_V": 18,
    "V1_GRAD": [[6], [6]],
    "V2_GRAD": [[-6], [-6]],
}


@pytest.mark.parametrize("name", PRINTED)
def test_constant_is_the_printed_one(name: str) -> None:
    constant = getattr(p1, name)
    assert constant.dtype == np.float64
    assert constant.shape == np.shape(PRINTED[name])
    assert np.array_equal(constant, PRINTED[name])


@pytest.mark.parametrize("name", PRINTED)
def test_constant_refuses_assignment(name: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        getattr(p1, name)[...] = 0


def test_products_agree_with_torch() -> None:
    a, v = torch.tensor(p1.A.copy()), torch.tensor(p1.V.copy())
    assert np.array_equal(p1.HADAMARD_AV, torch.mul(a, v))
    assert np.array_equal(p1.MATRIX_AV, torch.einsum("ij,jk->ik", a, v))


def test_operations_agree_with_torch_on_other_operands() -> None:
    a, v = torch.rand(2, 2, dtype=torch.float64), torch.rand(2, 2, dtype=torch.float64)
    np.testing.assert_allclose(p1.hadamard(a, v), torch.mul(a, v), rtol=1e-15)
    np.testing.assert_allclose(p1.matrix_product(a, v), torch.mm(a, v), rtol=1e-14)
    np.testing.assert_allclose(p1.squared_distance(a, v), torch.dist(a, v) ** 2, rtol=1e-14)


def test_gradients_agree_with_autograd() -> None:
    v1 = torch.tensor(p1.V1.copy(), requires_grad=True)
    v2 = torch.tensor(p1.V2.copy(), requires_grad=True)
    y = torch.dist(v1, v2) ** 2
    y.backward()
    assert y.item() == pytest.approx(p1.SQUARE_L2_V.item(), rel=1e-14)
    np.testing.assert_allclose(p1.V1_GRAD, v1.grad, rtol=1e-14)
    np.testing.assert_allclose(p1.V2_GRAD, v2.grad, rtol=1e-14)
