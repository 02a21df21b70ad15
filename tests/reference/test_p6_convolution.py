"""Problem 6's convolution against torch.conv2d, and its error model both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from reference.hw5.p6_convolution import my_convolution

# Image (B, C, H, W) and kernel (O, C, KH, KW).
SHAPES = {
    "homework": ((5, 3, 24, 24), (16, 3, 5, 5)),
    "one_channel": ((2, 1, 7, 5), (3, 1, 2, 3)),
    "kernel_as_image": ((2, 3, 6, 4), (2, 3, 6, 4)),
    "pointwise": ((3, 2, 5, 5), (4, 2, 1, 1)),
    "single_pixel": ((1, 1, 1, 1), (1, 1, 1, 1)),
    "deep": ((1, 40, 6, 6), (2, 40, 3, 3)),
}
each_shape = pytest.mark.parametrize(("image", "kernel"), SHAPES.values(), ids=SHAPES)
each_kind = pytest.mark.parametrize("kind", ["uniform", "normal", "negative", "ramp", "large"])


def _torch(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    return torch.conv2d(torch.tensor(x), torch.tensor(k)).numpy()


def _einsum(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape[2:], (2, 3))
    return np.einsum("bchwij,ocij->bohw", windows, k)


def _loops(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Sums that grow by one shifted image at a time: the longest chain of roundings."""
    height, width = (n - m + 1 for n, m in zip(x.shape[2:], k.shape[2:], strict=True))
    total = np.zeros((len(x), len(k), height, width), dtype=x.dtype)
    for c, i, j in np.ndindex(k.shape[1:]):
        total += x[:, None, c, i : i + height, j : j + width] * k[:, c, i, j, None, None]
    return total


def _fourier(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Correlation as a product of spectra, whose error spreads over all pixels."""
    spectrum = np.einsum("bchw,ochw->bohw", np.fft.rfft2(x), np.fft.rfft2(k, s=x.shape[2:]).conj())
    full = np.fft.irfft2(spectrum, s=x.shape[2:])
    height, width = (n - m + 1 for n, m in zip(x.shape[2:], k.shape[2:], strict=True))
    return full[:, :, :height, :width]


ALTERNATIVES = {"torch": _torch, "einsum": _einsum, "loops": _loops, "fourier": _fourier}


@each_shape
@each_kind
def test_agrees_with_conv2d(
    image: tuple[int, ...], kernel: tuple[int, ...], kind: str, fill: Callable[..., np.ndarray]
) -> None:
    x, k = fill(kind, *image), fill("normal", *kernel, seed=1)
    scale = my_convolution(np.abs(x), np.abs(k)).max()
    np.testing.assert_allclose(my_convolution(x, k), _torch(x, k), rtol=0, atol=1e-14 * scale)


def test_does_not_flip_the_kernel() -> None:
    image = np.arange(12.0).reshape(1, 1, 3, 4)
    kernel = np.array([[[[1, 0], [0, 0]]]])
    assert np.array_equal(my_convolution(image, kernel), image[:, :, :2, :3])


@pytest.mark.parametrize("alternative", ALTERNATIVES.values(), ids=ALTERNATIVES)
@each_shape
@each_kind
def test_right_float32_answer_stays_within_the_bound(
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    kind: str,
    alternative: Callable[..., np.ndarray],
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    ratio: Callable[..., float],
) -> None:
    x, k = fill(kind, *image), fill("normal", *kernel, seed=1)
    actual = alternative(x.astype(np.float32), k.astype(np.float32))
    assert actual.dtype == np.float32
    assert ratio(actual, expect(my_convolution, x, k)) < 1


@each_shape
@each_kind
def test_wrong_answer_leaves_the_bound(
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    kind: str,
    fill: Callable[..., np.ndarray],
    expect: Callable[..., Any],
    refuse: Callable[..., None],
) -> None:
    refuse(expect(my_convolution, fill(kind, *image), fill("normal", *kernel, seed=1)))


def test_flipped_kernel_leaves_the_bound(
    fill: Callable[..., np.ndarray], expect: Callable[..., Any], ratio: Callable[..., float]
) -> None:
    x, k = fill("uniform", 2, 3, 8, 8), fill("uniform", 4, 3, 3, 3, seed=1)
    assert ratio(my_convolution(x, k[:, :, ::-1, ::-1]), expect(my_convolution, x, k)) > 4


@pytest.mark.parametrize(
    ("image", "kernel", "output"),
    [
        ((0, 3, 5, 5), (2, 3, 3, 3), (0, 2, 3, 3)),
        ((2, 0, 5, 5), (2, 0, 3, 3), (2, 2, 3, 3)),
        ((2, 1, 5, 4), (0, 1, 3, 3), (2, 0, 3, 2)),
    ],
    ids=["no_images", "no_channels", "no_kernels"],
)
def test_empty_arguments_give_empty_sums(
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    output: tuple[int, ...],
    expect: Callable[..., Any],
) -> None:
    expected = expect(my_convolution, np.ones(image), np.ones(kernel))
    assert np.array_equal(expected.value, np.zeros(output))
    assert np.array_equal(expected.error, np.zeros(output))


def test_integers_and_strides_do_not_matter(unchanged: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (6, 6, 3, 2), dtype=np.uint8).transpose(3, 2, 0, 1)
    k = rng.integers(-9, 9, (4, 3, 6, 3))[:, :, ::-2]
    actual = unchanged(my_convolution, x, k)
    assert actual.dtype == np.float64
    assert np.array_equal(actual, _torch(x.astype(float), np.ascontiguousarray(k, dtype=float)))


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ((2, 1, 3, 3), r"kernel channels=1, but should be 3 as in the image"),
        ((2, 3, 6, 3), r"kernel size=\(6, 3\), but should be at most the image's \(5, 5\)"),
    ],
    ids=["channels", "size"],
)
def test_misfitting_kernel_is_refused(kernel: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        my_convolution(np.ones((1, 3, 5, 5)), np.ones(kernel))
