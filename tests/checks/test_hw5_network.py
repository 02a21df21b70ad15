"""The weights that hw5's check of a CNN loads into the student's network, and how."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grader.assignment import Assignment
from grader.checks import CheckFailed, NeedsReview
from rubrics.hw5 import test_p3_network as p3


@pytest.fixture(scope="module")
def models(hw5: Assignment) -> ModuleType:
    """The scaffold that loads them."""
    spec = importlib.util.spec_from_file_location("models", hw5.folder / "scaffolds" / "models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network(first: nn.Module) -> nn.Module:
    linear = nn.Linear(512, 10)
    return nn.ModuleDict({"z": linear, "b": first, "a": nn.Conv2d(16, 32, 3, padding=1)})


def parameters(net: nn.Module, **options: bool) -> list[np.ndarray]:
    """The network's parameters as the check reads them, in the first layout that they may have."""
    own = p3.tensors(net)
    told: list[np.ndarray] = p3.read_in(p3.layouts(own, **options)[0], own)
    return told


class ByHand(nn.Module):
    """The same numbers in other shapes: kernels as a matrix, a bias with three axes."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.rand(16, 9))
        self.two = nn.Parameter(torch.rand(32, 144))
        self.biases = nn.ParameterList([torch.rand(1, 10), torch.rand(16, 1, 1), torch.rand(32)])
        self.last = nn.Parameter(torch.rand(512, 10))
        self.register_buffer("places", torch.arange(4))


def test_parameters_of_other_shapes_take_what_is_drawn(models: ModuleType) -> None:
    net, drawn = ByHand(), p3.drawn_parameters(0)
    own = p3.tensors(net)
    possible = p3.layouts(own)
    assert len(possible) == 2 * 6
    for layout in possible:
        models.load(net, p3.arranged_in(layout, own, drawn))
        read = p3.read_in(layout, p3.tensors(net))
        assert all(np.array_equal(a, b) for a, b in zip(read, drawn, strict=True))
    assert torch.equal(net.last, drawn[4].T)


def test_parameters_in_other_tensors_go_to_a_person() -> None:
    net = ByHand()
    net.last, net.biases[0] = nn.Parameter(torch.rand(513, 10)), nn.Parameter(torch.rand(0))
    with pytest.raises(NeedsReview, match="in other tensors"):
        p3.layouts(p3.tensors(net))


def test_drawn_parameters_hide_nothing() -> None:
    drawn = p3.drawn_parameters(3)
    assert [tuple(one.shape) for one in drawn] == p3.SHAPES
    assert all(one.dtype == torch.float32 for one in drawn)
    assert min(float(one.abs().min()) for one in drawn if one.dim() == 1) >= 0.2
    assert all(torch.equal(*pair) for pair in zip(drawn, p3.drawn_parameters(3), strict=True))


def test_parameters_are_found_by_their_shapes(models: ModuleType) -> None:
    net = network(nn.LazyConv2d(16, 3, padding=1))
    net["b"](torch.zeros(1, 1, 8, 8))
    drawn = p3.drawn_parameters(0)
    models.load(net, drawn)
    own = parameters(net)
    assert all(np.array_equal(a, b) for a, b in zip(own, drawn, strict=True))
    assert all(p.requires_grad for p in net.parameters())


class Guarded(nn.Module):
    """Hands out copies of its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.own = network(nn.Conv2d(1, 16, 3))

    def state_dict(self) -> dict[str, torch.Tensor]:  # type: ignore[override]  # as a student may
        return {name: value.clone() for name, value in self.own.state_dict().items()}


def test_a_network_that_keeps_its_tensors_stays_as_it_is(models: ModuleType) -> None:
    net = Guarded()
    before = parameters(net)
    models.load(net, p3.drawn_parameters(0))
    assert all(np.array_equal(a, b) for a, b in zip(parameters(net), before, strict=True))


def test_tensors_that_take_no_values_are_left_alone(models: ModuleType) -> None:
    first = nn.Conv2d(1, 16, 3)
    first.weight = nn.Parameter(torch.zeros(1, 1, 1, 1).expand(16, 1, 3, 3))
    net = network(first)
    drawn = p3.drawn_parameters(0)
    models.load(net, drawn)
    own = parameters(net)
    assert np.array_equal(own[2], drawn[2]) and not np.array_equal(own[0], drawn[0])


@pytest.mark.parametrize("bias", [False, True])
def test_other_parameters_keep_their_values(models: ModuleType, bias: bool) -> None:
    net = network(nn.Conv2d(1, 16, 3))
    net.add_module("other", nn.Linear(3, 7, bias=bias))
    before = net["other"].weight.detach().clone()
    models.load(net, p3.drawn_parameters(0))
    assert torch.equal(net["other"].weight, before)
    assert np.array_equal(parameters(net, others=True)[0], p3.drawn_parameters(0)[0])


def test_a_layer_with_two_names_counts_once(models: ModuleType) -> None:
    net = network(nn.Conv2d(1, 16, 3))
    net["again"] = nn.Sequential(net["b"], nn.ReLU(), net["a"], net["z"])
    assert len(net.state_dict()) == 12
    models.load(net, p3.drawn_parameters(0))
    own = parameters(net)
    assert all(np.array_equal(a, b) for a, b in zip(own, p3.drawn_parameters(0), strict=True))


def test_two_layers_of_one_shape_count_twice() -> None:
    net = network(nn.Conv2d(1, 16, 3))
    net["again"] = nn.Conv2d(16, 32, 3)
    for layer in (net["a"], net["again"]):
        nn.init.zeros_(layer.bias)
    with pytest.raises(CheckFailed, match=r"again\.weight \(32, 16, 3, 3\), but should have"):
        parameters(net)


LAYERS = nn.Linear(64, 10)


@pytest.mark.parametrize(
    "scores",
    [
        lambda x: LAYERS(x.flatten(1)),
        lambda x: LAYERS(x.flatten(1)).bfloat16().float(),
        lambda x: torch.rand(len(x), 10),  # another mistake
        lambda x: LAYERS(x.flatten(1)) * torch.nan,
        lambda x: x.flatten(1),
        lambda x: LAYERS(x.flatten(1)).sum(),
    ],
)
def test_images_that_a_network_keeps_apart(scores: Callable[[torch.Tensor], torch.Tensor]) -> None:
    p3.assert_each_alone(scores, np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x: LAYERS(x.reshape(64, -1).T),
        lambda x: LAYERS(x.flatten(1) - x.flatten(1).mean(0)),
        lambda x: LAYERS(x.flatten(1)).cumsum(0),
        lambda x: LAYERS(x.flatten(1)).softmax(0),
    ],
)
def test_images_that_a_network_mixes(mixed: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)
    with pytest.raises(CheckFailed, match="changes with the other images of the batch"):
        p3.assert_each_alone(mixed, x)
    p3.assert_each_alone(mixed, x[:1])


class Rectify(torch.autograd.Function):
    """A ReLU whose derivative is given by hand: that of the input, or of the gradient."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, by_input: bool) -> torch.Tensor:  # type: ignore[override]
        ctx.save_for_backward(values)
        ctx.by_input = by_input
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        values = ctx.saved_tensors[0] if ctx.by_input else gradient
        return gradient * (values > 0), None


class Scores(nn.Module):
    """The homework's network, with a step of its own before the linear layer."""

    def __init__(self, step: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.step = step
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1)
        )
        self.last = nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self.last(self.step(nn.MaxPool2d(2)(self.layers(x))).flatten(1))
        return told


@pytest.mark.parametrize(
    "step",
    [
        torch.relu,
        lambda x: Rectify.apply(x, True),
        lambda x: x.float().relu().double(),
        lambda x: x.float().relu(),
        nn.Dropout(0.5),
        lambda x: x.relu() + torch.rand(()),
    ],
)
def test_gradients_of_the_scores_are_right(
    models: ModuleType, step: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(0)
    try:
        told = models.slopes(Scores(step))
    except RuntimeError:  # no double precision beside its own: nothing is said
        told = []
    assert not p3.slopes_differ(told)


@pytest.mark.parametrize(
    "step",
    [
        lambda x: Rectify.apply(x, False),
        lambda x: 2 * x.relu() - x.relu().detach(),
        lambda x: x.relu().detach() + 0 * x,
        lambda x: x + (x.relu() - x).detach(),
    ],
)
def test_other_gradients_than_those_of_the_scores_are_told(
    models: ModuleType, step: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(0)
    assert p3.slopes_differ(models.slopes(Scores(step)))


@pytest.mark.parametrize("told", [[], None, [("a", 1, 2)], [(1,)], 3.0, [(1, 2, 3)]])
def test_slopes_of_another_form_say_nothing(told: Any) -> None:
    assert not p3.slopes_differ(told)
