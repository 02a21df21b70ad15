"""What plain code makes certain, and what it does not."""

from __future__ import annotations

import pytest

from grader.checks.slices import comes_from_backward, is_gradient, used_by

PLAIN = "import torch\na = torch.tensor([1.0])\nb = a - 1\nn = (b * b).sum()\n"


def test_what_a_value_is_made_with_is_followed_through_names() -> None:
    assert used_by([PLAIN], "n") == {"sum", "torch", "tensor"}


def test_a_later_value_of_another_name_plays_no_part() -> None:
    assert "norm" not in (used_by([PLAIN, "other = torch.norm(b)"], "n") or set())


@pytest.mark.parametrize(
    "more",
    [
        "n = torch.norm(b) ** 2",
        "b = torch.linalg.norm(a)",
        "m = torch.norm\nn = m(b)",
        "n, m = torch.norm(b), 1",
    ],
)
def test_a_norm_on_the_way_is_seen(more: str) -> None:
    assert "norm" in (used_by([PLAIN, more], "n") or set())


@pytest.mark.parametrize(
    "more",
    [
        "if len(b):\n    n = torch.norm(b)",
        "for _ in range(1):\n    b = torch.norm(a)",
        "n: float = torch.norm(b)",
        "import torch.linalg as total\nn = total.norm(b)",
        "torch.norm(b, out=n)",
        "n.copy_(torch.norm(b))",
        "n[...] = torch.norm(b)",
        "n += torch.norm(b)",
        "from torch import norm as total\nn = total(b)",
        "n = getattr(torch, 'no' + 'rm')(b)",
        "def f(x): return torch.norm(x)\nn = f(b)",
        "n = (lambda x: x)(b)",
        "exec('n = torch.norm(b)')",
        "torch.norm(b, **{'out': n})",
        "n = (",
    ],
)
def test_other_code_is_not_certain(more: str) -> None:
    assert used_by([PLAIN, more], "n") is None


def test_a_name_that_is_bound_otherwise_is_not_certain() -> None:
    assert used_by(["for n in (1, 2):\n    pass"], "n") is None


BACKWARD = "w = torch.ones(1, requires_grad=True)\ne = (w * 2).sum()\ne.backward()\n"


@pytest.mark.parametrize("value", ["w.grad", "w.grad.item()", "w.grad.clone().detach()"])
def test_a_gradient_taken_as_it_is_is_one(value: str) -> None:
    assert is_gradient([BACKWARD, f"d = {value}"], "d")


@pytest.mark.parametrize(
    "value", ["2.0", "w.grad * 0 + 2", "torch.tensor(w.grad)", "w.grad.fill_(2)", "other"]
)
def test_what_may_be_something_else_is_none(value: str) -> None:
    assert not is_gradient([BACKWARD, f"d = {value}"], "d")


def test_a_second_value_makes_it_uncertain() -> None:
    assert not is_gradient([BACKWARD, "d = w.grad\nd = 2.0"], "d")


def test_a_value_in_a_branch_makes_it_uncertain() -> None:
    assert not is_gradient([BACKWARD, "d = w.grad\nif True:\n    d = 2.0"], "d")


def test_no_gradient_comes_without_a_backward_pass() -> None:
    assert comes_from_backward([BACKWARD])
    assert not comes_from_backward(["w = 1"])
    assert not comes_from_backward([BACKWARD, "w.grad = torch.ones(1)"])
    assert not comes_from_backward([BACKWARD, "w.grad.data[0] = 2"])
