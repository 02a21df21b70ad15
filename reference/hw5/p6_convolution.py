"""Problem 6: two-dimensional convolution as torch.conv2d computes it by default."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grader.checks.oracle import forward_error
from grader.checks.rounding import Array, Rounded, float64, reduction_units


def rounded_convolution(image: Rounded, kernel: Rounded) -> Rounded:
    """Return the convolution of numbers that carry errors: each output sums n = C KH KW products.

    Shapes as in `my_convolution`; errors combine as in `Rounded.__matmul__`.
    """
    x, k = np.abs(image.value), np.abs(kernel.value)
    terms = int(np.prod(k.shape[1:]))
    brought = my_convolution(image.error**2, k**2) + my_convolution(x**2, kernel.error**2)
    own = reduction_units(terms) * my_convolution(x, k)
    return Rounded(my_convolution(image.value, kernel.value), np.sqrt(brought) + own)


def _convolution_error(input_numpy: ArrayLike, kernel_numpy: ArrayLike) -> Array:
    """Bound the sum of n = C KH KW products of rounded factors, and the same by way of the FFT.

    Summed directly: n (|x| * |k|) and the factors' own errors. By the FFT the error is small
    against the norms only: at most of order log2(H W) ||x|| ||k|| (Higham, section 24.1), also
    where all products are zero.
    """
    image, kernel = Rounded.given(input_numpy), Rounded.given(kernel_numpy)
    direct = rounded_convolution(image, kernel).error
    norms = [np.sqrt((x.value**2).sum(axis=(1, 2, 3))) for x in (image, kernel)]
    steps = 1 + np.log2(max(np.prod(image.value.shape[2:]), 1))
    transformed = steps * np.multiply.outer(*norms)
    return np.maximum(direct, transformed[:, :, None, None])


@forward_error(_convolution_error)
def my_convolution(input_numpy: ArrayLike, kernel_numpy: ArrayLike) -> Array:
    """Return the cross-correlation of images with kernels: no padding, stride 1, no bias.

    Shapes (B, C, H, W) and (O, C, KH, KW) give (B, O, H-KH+1, W-KW+1). The formula is that of
    torch.conv2d's documentation, which Problem 6 names as its standard. The homework also
    prints one with the kernel flipped, B(j-p+1, k-q+1); conv2d does not flip.

    Raises ValueError where the channels differ or the kernel is larger than the image.
    """
    image, kernel = float64(input_numpy), float64(kernel_numpy)
    if image.shape[1] != kernel.shape[1]:
        raise ValueError(
            f"kernel channels={kernel.shape[1]}, but should be {image.shape[1]} as in the image"
        )
    size, window = image.shape[2:], kernel.shape[2:]
    if window[0] > size[0] or window[1] > size[1]:
        raise ValueError(f"kernel size={window}, but should be at most the image's {size}")
    patches = np.lib.stride_tricks.sliding_window_view(image, window, axis=(2, 3))
    # patches: (B, C, H-KH+1, W-KW+1, KH, KW), a view; contract C, KH and KW with the kernel's.
    output = np.tensordot(patches, kernel, axes=((1, 4, 5), (1, 2, 3)))
    return np.ascontiguousarray(np.moveaxis(output, -1, 1))
