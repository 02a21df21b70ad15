"""Problem 5's encoding, passes and steps against torch, autograd and float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from reference.hw5 import p5_mlp as p5

# Layer sizes and the batch: the homework's, the class's for digits, and small ones.
NETWORKS = {
    "homework": ((784, 128, 128, 128, 10), 2),
    "digits": ((65, 16, 10), 8),
    "one_layer": ((6, 10), 5),
    "narrow": ((5, 1, 4), 3),
    "single": ((3, 4, 5), 1),
}
each_network = pytest.mark.parametrize(("sizes", "batch"), NETWORKS.values(), ids=NETWORKS)
each_kind = pytest.mark.parametrize("kind", ["uniform", "normal", "ramp", "one_hot", "constant"])
LR = 0.5

# The top left of each updated matrix in the output of 5 (c-ii): small steps from the seeds'.
PRINTED_UPDATED = (
    [[0.624641, -0.24525379], [-0.40082366, 0.67766191]],
    [[0.7128274, 0.36318954], [0.96627078, 0.05399214]],
    [[0.62468509, -0.24525376], [-0.4008181, 0.67766192]],
    [[0.62398812, -0.2454467], [-0.96627555, 0.3345222]],
)


class Case:
    """A batch, its one-hot labels and weights; what `feed_forward` makes of them."""

    def __init__(self, sizes: tuple[int, ...], batch: int, x: np.ndarray) -> None:
        rng = np.random.default_rng(7)
        self.x, self.weights = x, p5.init_weights(sizes, fix_seed=True)
        self.y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)]
        self.output, self.layers = p5.feed_forward(x, None, self.weights)

    @property
    def step(self) -> tuple[Any, ...]:
        return self.output, self.y, self.layers, self.weights, len(self.x), LR


@pytest.fixture
def case(fill: Callable[..., np.ndarray]) -> Callable[..., Case]:
    def build(sizes: tuple[int, ...], batch: int, kind: str = "uniform") -> Case:
        return Case(sizes, batch, fill(kind, batch, sizes[0]))

    return build


def _torch_forward(x: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
    layers = [x]
    for weight in weights:
        layers.append(torch.sigmoid(layers[-1] @ weight))
    return layers


def _loss(x: np.ndarray, y: np.ndarray, weights: list[torch.Tensor]) -> torch.Tensor:
    last = _torch_forward(torch.tensor(x), weights)[-1]
    return functional.cross_entropy(last, torch.tensor(y))


def _torch_step(x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> list[np.ndarray]:
    leaves = [torch.tensor(weight, requires_grad=True) for weight in weights]
    _loss(x, y, leaves).backward()
    return [(leaf - LR * leaf.grad).detach().numpy() for leaf in leaves]


def _single_forward(case: Case, form: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """The forward pass in float32: textbook, by tanh and log-sum-exp, or on transposes."""
    layers = [case.x.astype(np.float32)]
    for weight in (w.astype(np.float32) for w in case.weights):
        z = (weight.T @ layers[-1].T).T if form == "transposed" else layers[-1] @ weight
        with np.errstate(over="ignore"):
            layers.append(0.5 * (1 + np.tanh(z / 2)) if form == "tanh" else 1 / (1 + np.exp(-z)))
    last = layers[-1]
    if form == "tanh":
        return np.exp(last - np.log(np.exp(last).sum(-1, keepdims=True))), layers
    return np.exp(last) / np.exp(last).sum(-1, keepdims=True), layers


def _single_step(arguments: tuple[Any, ...], first: bool) -> list[np.ndarray]:
    """One step in float32, in place, with the mean taken sample by sample."""
    output, y, layers, weights, batch, lr = arguments
    layers, weights = ([np.array(a, np.float32) for a in group] for group in (layers, weights))
    delta = (output - y).astype(np.float32) * (layers[-1] - layers[-1] ** 2)
    for i in range(len(weights) - 1, -1, -1):
        old = weights[i].copy()
        for sample, error in zip(layers[i], delta, strict=True):
            weights[i] -= np.float32(lr) * np.outer(sample, error) / np.float32(batch)
        delta = (delta @ (weights[i] if first else old).T) * layers[i] * (1 - layers[i])
    return weights


def test_scale_divides_by_the_maximum(unchanged: Callable[..., Any]) -> None:
    pixels = np.array([[0, 51], [255, 102]], dtype=np.uint8)
    assert np.array_equal(unchanged(p5.scale, pixels), [[0, 0.2], [1, 0.4]])
    assert np.array_equal(p5.scale(np.zeros((2, 3))), np.zeros((2, 3)))
    assert p5.scale(np.empty((0, 4))).shape == (0, 4)


def test_scale_bounds_float32(
    fill: Callable[..., np.ndarray], expect: Callable[..., Any], ratio: Callable[..., float]
) -> None:
    x = fill("uniform", 4, 9) * 255
    expected, single = expect(p5.scale, x), x.astype(np.float32)
    assert ratio(single / single.max(), expected) < 1
    assert ratio(single * (1 / single.max()), expected) < 1
    assert ratio(single / 255, expected) > 4


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3)], ids=str)
def test_one_hot_agrees_with_torch(dtype: type, shape: tuple[int, ...]) -> None:
    labels = np.array([3, 0, 9, 9, 1, 5])
    rows = functional.one_hot(torch.tensor(labels), 10).numpy()
    assert np.array_equal(p5.one_hot(labels.astype(dtype).reshape(shape)), rows)


@pytest.mark.parametrize("label", [-1, 10, 2.5, np.nan])
def test_one_hot_refuses_what_is_no_label(label: float) -> None:
    with pytest.raises(ValueError, match=f"label={label}, but should be one of 0 to 9"):
        p5.one_hot([1, label])


def test_one_hot_of_nothing_has_no_rows() -> None:
    assert p5.one_hot([]).shape == (0, 10)
    assert p5.one_hot([2], classes=3).tolist() == [[0, 0, 1]]


def test_layers_have_the_sizes() -> None:
    shapes = [layer.shape for layer in p5.init_layers(2, np.array([784, 128, 10]))]
    assert shapes == [(2, 784), (2, 128), (2, 10)]


def test_seeded_weights_are_the_homeworks() -> None:
    weights = p5.init_weights(np.array([784, 128, 128, 128, 10]), fix_seed=True)
    assert [w.shape for w in weights] == [(784, 128), (128, 128), (128, 128), (128, 10)]
    for i, (weight, printed) in enumerate(zip(weights, PRINTED_UPDATED, strict=True)):
        # Row 0 and 1 of the first matrix meet pixels that are black: they are not moved at all.
        atol = 1e-8 if i == 0 else 1e-3
        np.testing.assert_allclose(weight[:2, :2], printed, rtol=0, atol=atol)


def test_other_weights_follow_the_global_seed() -> None:
    np.random.seed(1)
    weights = p5.init_weights([4, 3, 2])
    stream = np.random.RandomState(1).uniform(-1, 1, 18)
    assert np.array_equal(np.concatenate([w.ravel() for w in weights]), stream)


@each_network
@each_kind
def test_forward_agrees_with_torch(
    sizes: tuple[int, ...], batch: int, kind: str, case: Callable[..., Case]
) -> None:
    c = case(sizes, batch, kind)
    theirs = _torch_forward(torch.tensor(c.x), [torch.tensor(w) for w in c.weights])
    for ours, layer in zip(c.layers, theirs, strict=True):
        np.testing.assert_allclose(ours, layer, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(c.output, torch.softmax(theirs[-1], 1), rtol=1e-12)


@pytest.mark.parametrize("form", ["textbook", "tanh", "transposed"])
@each_network
@each_kind
def test_right_float32_forward_stays_within_the_bound(
    sizes: tuple[int, ...],
    batch: int,
    kind: str,
    form: str,
    case: Callable[..., Case],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    c = case(sizes, batch, kind)
    expected = expect(p5.feed_forward, c.x, None, c.weights)
    assert ratio(_single_forward(c, form), expected) < 1


@each_network
def test_wrong_forward_leaves_the_bound(
    sizes: tuple[int, ...],
    batch: int,
    case: Callable[..., Case],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
    refuse: Callable[..., None],
) -> None:
    """Impostors, and a last layer without its sigmoid."""
    c = case(sizes, batch)
    expected = expect(p5.feed_forward, c.x, None, c.weights)
    for item in (expected[0], *(expected[1][i] for i in range(len(c.layers)))):
        refuse(item)
    assert ratio(p5.softmax(c.layers[-2] @ c.weights[-1]), expected[0]) > 4


@each_network
@each_kind
def test_step_agrees_with_autograd(
    sizes: tuple[int, ...], batch: int, kind: str, case: Callable[..., Case]
) -> None:
    c = case(sizes, batch, kind)
    for ours, theirs in zip(p5.back_prop(*c.step), _torch_step(c.x, c.y, c.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


def test_loss_passes_gradcheck(case: Callable[..., Case]) -> None:
    c = case((3, 4, 2, 5), 3)
    weights = [torch.tensor(w, requires_grad=True) for w in c.weights]
    assert torch.autograd.gradcheck(lambda *w: _loss(c.x, c.y, list(w)), weights)


def test_update_first_differs_below_the_last_layer_only(case: Callable[..., Case]) -> None:
    c = case((6, 5, 4, 3), 4)
    exact, first = p5.back_prop(*c.step), p5.back_prop_update_first(*c.step)
    assert np.array_equal(exact[2], first[2])
    # By hand for the middle matrix: its delta came down through the updated last one.
    last = (c.output - c.y) * c.layers[3] * (1 - c.layers[3])
    delta = last @ exact[2].T * c.layers[2] * (1 - c.layers[2])
    expected = c.weights[1] - LR * c.layers[1].T @ delta / 4
    np.testing.assert_allclose(first[1], expected, rtol=0, atol=1e-15)
    assert all(np.abs(exact[i] - first[i]).max() > 1e-6 for i in (0, 1))


@pytest.mark.parametrize("step", [p5.back_prop, p5.back_prop_update_first])
@each_network
@each_kind
def test_right_float32_step_stays_within_the_bound(
    sizes: tuple[int, ...],
    batch: int,
    kind: str,
    step: Callable[..., list[np.ndarray]],
    case: Callable[..., Case],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    c = case(sizes, batch, kind)
    actual = _single_step(c.step, first=step is p5.back_prop_update_first)
    assert ratio(actual, expect(step, *c.step)) < 1


@pytest.mark.parametrize("first", [False, True], ids=["old", "updated"])
@each_network
def test_right_float32_pass_and_step_stay_within_the_bound(
    sizes: tuple[int, ...],
    batch: int,
    first: bool,
    case: Callable[..., Case],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    c = case(sizes, batch)
    output, layers = _single_forward(c, "tanh")
    actual = _single_step((output, c.y, layers, *c.step[3:]), first)
    assert ratio(actual, expect(p5.sgd_step, c.x, c.y, c.weights, batch, LR, first)) < 1


@each_network
def test_wrong_step_leaves_the_bound(
    sizes: tuple[int, ...],
    batch: int,
    case: Callable[..., Case],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
    refuse: Callable[..., None],
) -> None:
    """Impostors, no step, a step up, and one without the last sigmoid's slope."""
    c = case(sizes, batch)
    expected = expect(p5.back_prop, *c.step)
    for i, old in enumerate(c.weights):
        refuse(expected[i])
        assert ratio(old, expected[i]) > 4
        assert ratio(2 * old - expected.value[i], expected[i]) > 4
    steep = c.weights[-1] - LR * c.layers[-2].T @ (c.output - c.y) / batch
    assert ratio(steep, expected[len(c.weights) - 1]) > 4


@pytest.mark.parametrize("function", [p5.back_prop, p5.back_prop_update_first])
def test_step_leaves_its_arguments_alone(
    function: Callable[..., Any], case: Callable[..., Case], unchanged: Callable[..., Any]
) -> None:
    c = case((6, 5, 4), 3)
    updated = unchanged(function, *c.step)
    assert not any(np.shares_memory(a, b) for a, b in zip(updated, c.weights, strict=True))


def test_forward_leaves_its_arguments_alone(
    case: Callable[..., Case], unchanged: Callable[..., Any]
) -> None:
    c = case((6, 5, 4), 3)
    storage = p5.init_layers(3, [6, 5, 4])
    _, layers = unchanged(p5.feed_forward, c.x, storage, c.weights)
    assert not np.shares_memory(layers[0], c.x)
    integers = np.asfortranarray(np.arange(18).reshape(3, 6))
    output, _ = unchanged(p5.feed_forward, integers, storage, c.weights)
    assert np.array_equal(output, p5.feed_forward(integers.astype(float), None, c.weights)[0])


def test_saturated_units_stay_finite(expect: Callable[..., Any]) -> None:
    weights = [np.full((3, 4), 1e4), np.full((4, 2), -1e4)]
    expected = expect(p5.feed_forward, np.ones((2, 3)), None, weights)
    assert np.array_equal(expected.value[0], np.full((2, 2), 0.5))
    step = expect(p5.sgd_step, np.ones((2, 3)), np.eye(2), weights, 2, LR)
    assert all(np.isfinite(error).all() for error in step.error)
    assert all(np.array_equal(a, b) for a, b in zip(step.value, weights, strict=True))


def test_empty_batch_moves_nothing(case: Callable[..., Case], expect: Callable[..., Any]) -> None:
    c = case((6, 5, 4), 0)
    assert c.output.shape == (0, 4)
    step = expect(p5.back_prop, *c.step)
    assert all(np.array_equal(a, b) for a, b in zip(step.value, c.weights, strict=True))
    assert all(np.isfinite(error).all() for error in step.error)
