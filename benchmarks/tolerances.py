"""How much of the tolerance right and wrong answers use, over the examples that checks draw.

For each reference function: right alternatives (single precision, other orders of summation,
einsum, FFT) and saboteurs (zeros, the mean, a transposed or permuted result, an error of one
in a thousand, half precision). Printed is |actual - expected| in units of what is allowed:
for right answers the largest over all examples, which must stay below 1; for a saboteur the
largest, which must be above 1, and the share of examples on which it is rejected.

    python benchmarks/tolerances.py [--examples 200]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grader.checks import Expected, arrays, shapes
from grader.checks.examples import draw_examples
from grader.checks.reference import Reference
from grader.checks.tolerance import allowed_error

ROOT = Path(__file__).resolve().parents[1]
Answer = Callable[..., Any]


def single(function: Answer) -> Answer:
    """`function` on arguments rounded to single precision, by torch."""
    return lambda *args: function(*(torch.from_numpy(a.astype(np.float32)) for a in args)).numpy()


def softmax_unshifted(x: np.ndarray) -> np.ndarray:
    """The textbook formula in single precision, without the usual shift."""
    e = np.exp(x.astype(np.float32))
    return e / e.sum(axis=1, keepdims=True)


def convolution_fft(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Cross-correlation by the fast Fourier transform, in single precision throughout."""
    size = image.shape[2:]
    image, kernel = (torch.from_numpy(x.astype(np.float32)) for x in (image, kernel))
    product = torch.einsum(
        "nchw,ochw->nohw", torch.fft.rfft2(image), torch.fft.rfft2(kernel, s=size).conj()
    )
    full = torch.fft.irfft2(product, s=size)
    return full[..., : size[0] - kernel.shape[2] + 1, : size[1] - kernel.shape[3] + 1].numpy()


def convolution_einsum(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Windows of the image times the kernel, in single precision."""
    windows = np.lib.stride_tricks.sliding_window_view(
        image.astype(np.float32), kernel.shape[2:], axis=(2, 3)
    )
    return np.einsum("nchwij,ocij->nohw", windows, kernel.astype(np.float32))


RIGHT: dict[str, dict[str, Answer]] = {
    "sigmoid": {
        "torch, single": single(torch.sigmoid),
        "1/(1+exp(-x)), single": lambda x: 1 / (1 + np.exp(-x.astype(np.float32))),
        "tanh form, single": lambda x: (1 + np.tanh(x.astype(np.float32) / 2)) / 2,
    },
    "softmax": {
        "torch, single": single(lambda x: torch.softmax(x, dim=1)),
        "without the shift, single": softmax_unshifted,
        "by logarithms, single": single(
            lambda x: torch.exp(x - torch.logsumexp(x, dim=1, keepdim=True))
        ),
    },
    "sigmoid_prime": {
        "h - h*h, single": lambda h: h.astype(np.float32) - h.astype(np.float32) ** 2,
        "h * (1 - h), single": lambda h: h.astype(np.float32) * (1 - h.astype(np.float32)),
    },
    "my_convolution": {
        "torch, single": single(torch.conv2d),
        "einsum, single": convolution_einsum,
        "FFT, single": convolution_fft,
    },
}

SABOTEURS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "zeros": np.zeros_like,
    "the mean": lambda x: np.full_like(x, x.mean()),
    "transposed": lambda x: np.ascontiguousarray(np.swapaxes(x, -1, -2).reshape(x.shape)),
    "permuted": lambda x: np.roll(x.reshape(-1), 1).reshape(x.shape),
    "sign": lambda x: -x,
    "off by 1/1000": lambda x: x * 1.001,
    "half precision": lambda x: x.astype(np.float16).astype(float),
}

INPUTS = {
    "sigmoid": (arrays(shapes(min_dims=2), elements="logits"),),
    "softmax": (arrays(shapes(min_dims=2, max_dims=2), elements="logits"),),
    "sigmoid_prime": (arrays(shapes(min_dims=2), elements="open-unit"),),
    "my_convolution": (arrays((2, 3, 6, 5)), arrays((2, 3, 3, 2))),
}


def used(answer: np.ndarray, right: Expected) -> float:
    """The largest difference in units of what the comparison allows."""
    allowed = allowed_error(np.asarray(right.error), str(answer.dtype))
    with np.errstate(invalid="ignore"):
        largest = float(np.abs(np.asarray(answer, dtype=float) - right.value).max())
    return largest / allowed if allowed else np.inf * (largest > 0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=200)
    count = parser.parse_args().examples
    reference = Reference(ROOT / "reference" / "hw5")
    for name, strategies in INPUTS.items():
        from hypothesis import strategies as st

        drawn = draw_examples(st.fixed_dictionaries({"args": st.tuples(*strategies)}), 0, count)
        oracle = getattr(reference, name)
        examples = [(e["args"], oracle(*e["args"])) for e in drawn]
        print(name)
        for label, function in RIGHT[name].items():
            worst = max(used(np.asarray(function(*args)), right) for args, right in examples)
            print(f"  right     {label:28} uses at most {worst:.3f}")
        for label, sabotage in SABOTEURS.items():
            told = [used(sabotage(right.value), right) for _, right in examples]
            share = np.mean([t > 1 for t in told])
            print(f"  saboteur  {label:28} up to {max(told):.2g}, rejected on {share:.0%}")


if __name__ == "__main__":
    main()
