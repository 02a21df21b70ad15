"""Problem 3: the digits split, its Dataset, and the small CNN in torch and in float64 NumPy.

Training, part (d), is judged by what it does and has no oracle here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import Dataset

from grader.checks.oracle import forward_error
from grader.checks.rounding import Array, Rounded, float64

from .p6_convolution import my_convolution, rounded_convolution

NUM_TRAIN = 500
RANDOM_STATE = 4803


def load_all_digits() -> tuple[Array, np.ndarray]:
    """Return the data matrix X (1797, 64) and the labels y (1797,) of Problem 3 (a)."""
    X, y = load_digits(return_X_y=True)
    return X, y


def load_split() -> tuple[Array, Array, np.ndarray, np.ndarray]:
    """Return X_train (500, 64), X_test (1297, 64), y_train (500,) and y_test (1297,).

    The split of Problem 3 (a): its sizes and its random state.
    """
    return split_digits(*load_all_digits())


def split_digits(X: Array, y: np.ndarray) -> tuple[Array, Array, np.ndarray, np.ndarray]:
    """Return 500 rows of X for training and the others for testing, then the labels likewise."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=len(X) - NUM_TRAIN, train_size=NUM_TRAIN, random_state=RANDOM_STATE
    )
    return X_train, X_test, y_train, y_test


class Digits(Dataset[tuple[Tensor, Tensor]]):
    """Problem 3 (b): rows of 64 grey values as images with their labels."""

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        self.X = np.asarray(X)
        self.y = np.asarray(y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return image `index`, float32 (1, 8, 8), and its label, int64 without dimensions."""
        # torch.tensor copies, so that a batch never writes into X; via an array, because a
        # single NumPy label is a scalar.
        image = torch.tensor(np.asarray(self.X[index]), dtype=torch.float32).reshape(1, 8, 8)
        return image, torch.tensor(int(self.y[index]), dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.X)


class MySimpleCNN(nn.Module):
    """Problem 3 (c): two padded 3 x 3 convolutions, one halving max-pool, one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, 10), of images (B, 1, 8, 8)."""
        features = self.pool(self.conv2(self.conv1(x).relu()).relu())
        logits: Tensor = self.fc(features.flatten(1))
        return logits


def _pad(x: Array) -> Array:
    """Put one ring of zeros around each image."""
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))


def _pool(x: Array) -> Array:
    """Return the maxima of 2 x 2 tiles: (B, C, H, W) to (B, C, H//2, W//2)."""
    batch, channels, height, width = x.shape
    rows, columns = height // 2, width // 2
    tiles = x[:, :, : 2 * rows, : 2 * columns]
    pooled: Array = tiles.reshape(batch, channels, rows, 2, columns, 2).max(axis=(3, 5))
    return pooled


def _rectify(z: Array) -> Array:
    """Return the ReLU of z."""
    rectified: Array = np.maximum(z, 0)
    return rectified


def _channelwise(bias: Array) -> Array:
    """Shape a bias (O,) so that it adds to every pixel of its channel."""
    return bias[:, None, None]


def _rounded_layer(x: Rounded, weight: ArrayLike, bias: ArrayLike) -> Rounded:
    """A padded convolution and ReLU, whose Lipschitz constant is 1: errors pass as they are."""
    padded = Rounded(_pad(x.value), _pad(x.error))
    z = rounded_convolution(padded, Rounded.given(weight))
    z += Rounded.given(_channelwise(float64(bias)))
    return Rounded(np.maximum(z.value, 0), z.error)


def _cnn_error(parameters: Sequence[np.ndarray], x: np.ndarray) -> Array:
    """Carry errors through the layers; a maximum is moved by no more than its worst input."""
    w1, b1, w2, b2, w3, b3 = parameters
    z = _rounded_layer(_rounded_layer(Rounded.given(x), w1, b1), w2, b2)
    flat = (len(z.value), w3.shape[1])
    features = Rounded(_pool(z.value).reshape(flat), _pool(z.error).reshape(flat))
    return (features @ Rounded.given(w3).T + Rounded.given(b3)).error


@forward_error(_cnn_error)
def cnn_forward(parameters: Sequence[np.ndarray], x: np.ndarray) -> Array:
    """Return the logits, (B, 10), that `MySimpleCNN` gives for x, (B, 1, 8, 8), in float64.

    `parameters` are conv1.weight (16, 1, 3, 3), conv1.bias (16,), conv2.weight (32, 16, 3, 3),
    conv2.bias (32,), fc.weight (10, 512) and fc.bias (10,), the order of nn.Module.parameters.
    """
    return network_of(parameters, x)


def network_of(
    parameters: Sequence[np.ndarray],
    x: np.ndarray,
    *,
    pad: Callable[[Array], Array] = _pad,
    first: Callable[[Array], Array] = _rectify,
    second: Callable[[Array], Array] = _rectify,
    pool: Callable[[Array], Array] = _pool,
) -> Array:
    """Return the logits of `cnn_forward`, with other functions in place of the network's own.

    `pad` comes before each convolution, `first` and `second` after it, and `pool` after both.
    """
    w1, b1, w2, b2, w3, b3 = map(float64, parameters)
    z = first(my_convolution(pad(float64(x)), w1) + _channelwise(b1))
    z = second(my_convolution(pad(z), w2) + _channelwise(b2))
    logits: Array = pool(z).reshape(len(z), w3.shape[1]) @ w3.T + b3
    return logits
