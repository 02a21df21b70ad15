"""Problem 3's split, Dataset and CNN against NumPy's generator, torch in float64 and float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.utils.data import DataLoader

from reference.hw5.p3_digits import (
    Digits,
    MySimpleCNN,
    cnn_forward,
    load_all_digits,
    load_split,
    split_digits,
)

PARAMETERS = {
    "conv1.weight": (16, 1, 3, 3),
    "conv1.bias": (16,),
    "conv2.weight": (32, 16, 3, 3),
    "conv2.bias": (32,),
    "fc.weight": (10, 512),
    "fc.bias": (10,),
}
each_kind = pytest.mark.parametrize("kind", ["digits", "uniform", "normal", "negative", "one_hot"])


@pytest.fixture(scope="module")
def net() -> MySimpleCNN:
    torch.manual_seed(4803)
    return MySimpleCNN()


@pytest.fixture(scope="module")
def parameters(net: MySimpleCNN) -> list[np.ndarray]:
    return [parameter.detach().numpy() for parameter in net.parameters()]


@pytest.fixture
def images(fill: Callable[..., np.ndarray]) -> Callable[[str], np.ndarray]:
    def draw(kind: str) -> np.ndarray:
        return (
            load_split()[0][:4].reshape(4, 1, 8, 8) if kind == "digits" else fill(kind, 4, 1, 8, 8)
        )

    return draw


def _unfolded(parameters: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The network as matrix products over unfolded patches."""
    w1, b1, w2, b2, w3, b3 = parameters
    for weight, bias in ((w1, b1), (w2, b2)):
        patches = functional.unfold(x, kernel_size=3, padding=1)
        z = weight.flatten(1) @ patches + bias[:, None]
        x = z.clamp(min=0).reshape(len(x), len(weight), 8, 8)
    tiles = x.unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(4, 5))
    return tiles.flatten(1) @ w3.T + b3


def test_split_follows_the_seeded_permutation() -> None:
    """sklearn takes the test rows first from one permutation, then the training rows."""
    X, y = load_digits().data, load_digits().target
    order = np.random.RandomState(4803).permutation(1797)
    X_train, X_test, y_train, y_test = load_split()
    assert X_train.shape == (500, 64) and X_test.shape == (1297, 64)
    assert np.array_equal(X_test, X[order[:1297]]) and np.array_equal(y_test, y[order[:1297]])
    assert np.array_equal(X_train, X[order[1297:]]) and np.array_equal(y_train, y[order[1297:]])


def test_all_digits_are_what_is_split() -> None:
    X, y = load_all_digits()
    assert X.shape == (1797, 64) and y.shape == (1797,)
    parts = zip(split_digits(X, y), load_split(), strict=True)
    assert all(np.array_equal(part, again) for part, again in parts)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_item_is_an_image_and_its_label(dtype: type, fill: Callable[..., np.ndarray]) -> None:
    X, y = (fill("uniform", 5, 64) * 16).astype(dtype), np.array([3, 1, 4, 1, 5])
    dataset = Digits(X, y)
    image, label = dataset[2]
    assert len(dataset) == 5
    assert image.dtype == torch.float32 and image.shape == (1, 8, 8)
    assert label.dtype == torch.int64 and label.shape == () and label == 4
    assert np.array_equal(image.numpy()[0], X[2].reshape(8, 8).astype(np.float32))
    assert dataset[-1][1] == 5


def test_item_does_not_share_the_data() -> None:
    X = np.ones((2, 64), dtype=np.float32)
    X.flags.writeable = False
    Digits(X, np.zeros(2))[0][0].zero_()
    assert (X == 1).all()


def test_loader_makes_batches() -> None:
    X, _, y, _ = load_split()
    batches = list(DataLoader(Digits(X, y), batch_size=200))
    assert [tuple(x.shape) for x, _ in batches] == [(200, 1, 8, 8), (200, 1, 8, 8), (100, 1, 8, 8)]
    assert torch.equal(torch.cat([label for _, label in batches]), torch.tensor(y))


def test_network_has_the_parameters_in_order(net: MySimpleCNN) -> None:
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert list(shapes.items()) == list(PARAMETERS.items())


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_forward_agrees_with_torch(
    batch: int,
    net: MySimpleCNN,
    parameters: list[np.ndarray],
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
) -> None:
    x = fill("normal", batch, 1, 8, 8)
    double = MySimpleCNN().double()
    double.load_state_dict(net.state_dict())
    expected = expect(cnn_forward, parameters, x)
    assert expected.value.dtype == np.float64 and expected.error.shape == (batch, 10)
    np.testing.assert_allclose(expected.value, double(torch.tensor(x)).detach(), atol=1e-13)
    single = [torch.tensor(p).double() for p in parameters]
    np.testing.assert_allclose(expected.value, _unfolded(single, torch.tensor(x)), atol=1e-13)


def test_loss_of_the_network_passes_gradcheck(net: MySimpleCNN) -> None:
    double = MySimpleCNN().double()
    double.load_state_dict(net.state_dict())
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(double, [x])


@each_kind
def test_right_float32_network_stays_within_the_bound(
    kind: str,
    net: MySimpleCNN,
    parameters: list[np.ndarray],
    images: Callable[[str], np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    expected = expect(cnn_forward, parameters, images(kind))
    single = torch.tensor(images(kind), dtype=torch.float32)
    assert ratio(net(single).detach(), expected) < 0.1
    assert ratio(_unfolded([torch.tensor(p) for p in parameters], single), expected) < 0.1


@each_kind
def test_wrong_answer_leaves_the_bound(
    kind: str,
    parameters: list[np.ndarray],
    images: Callable[[str], np.ndarray],
    expect: Callable[..., Any],
    refuse: Callable[..., None],
) -> None:
    refuse(expect(cnn_forward, parameters, images(kind)))


@pytest.mark.parametrize("missing", ["relu", "bias", "maximum"])
def test_wrong_architecture_leaves_the_bound(
    missing: str,
    parameters: list[np.ndarray],
    images: Callable[[str], np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    x = torch.tensor(images("digits"))
    w1, b1, w2, b2, w3, b3 = (torch.tensor(p).double() for p in parameters)
    rectify = (lambda t: t) if missing == "relu" else torch.relu
    pool = functional.avg_pool2d if missing == "maximum" else functional.max_pool2d
    z = rectify(functional.conv2d(x, w1, b1 * 0 if missing == "bias" else b1, padding=1))
    z = rectify(functional.conv2d(z, w2, b2, padding=1))
    actual = pool(z, 2).flatten(1) @ w3.T + b3
    assert ratio(actual, expect(cnn_forward, parameters, images("digits"))) > 4


def test_arguments_are_left_alone(
    parameters: list[np.ndarray], images: Callable[[str], np.ndarray], unchanged: Callable[..., Any]
) -> None:
    copies = [parameter.copy() for parameter in parameters]
    x = np.asfortranarray(np.round(images("digits")).astype(np.int64))
    assert np.array_equal(
        unchanged(cnn_forward, copies, x), cnn_forward(parameters, x.astype(float))
    )
