"""The edges that problem 6 has of its own are among the examples that every student gets."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st

from grader.assignment import Assignment
from grader.checks.examples import draw_examples

Pair = tuple[np.ndarray, np.ndarray]

EDGES: dict[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "an image of one pixel": lambda image, kernel: image.shape[2:] == (1, 1),
    "a kernel of one pixel": lambda image, kernel: kernel.shape[2:] == (1, 1),
    "a kernel as large as the image": lambda image, kernel: (
        image.shape[2:] == kernel.shape[2:] and kernel[0, 0].size > 1
    ),
    "a square image and a square kernel": lambda image, kernel: (
        image.shape[2] == image.shape[3] > kernel.shape[2] == kernel.shape[3] > 1
        and min(np.ptp(image[0, 0]), np.ptp(kernel[0, 0])) > 0
        and image.shape[2] > kernel.shape[2] + 1
    ),
    "one channel": lambda image, kernel: image.shape[1] == 1,
    "more channels": lambda image, kernel: image.shape[1] > 1,
    "many channels": lambda image, kernel: image.shape[1] > 8,
    "many samples": lambda image, kernel: len(image) > 10,
    "many filters": lambda image, kernel: len(kernel) > 8,
    "whole numbers": lambda image, kernel: image.dtype.kind == "i" and image.any(),
    "one sample": lambda image, kernel: len(image) == 1,
    "one filter": lambda image, kernel: len(kernel) == 1,
    "an image that is not square": lambda image, kernel: image.shape[2] != image.shape[3],
    "a kernel that is not square": lambda image, kernel: kernel.shape[2] != kernel.shape[3],
}


@pytest.fixture(scope="module")
def drawn(hw5: Assignment) -> list[Pair]:
    """The images and kernels of the check of problem 6."""
    file = hw5.folder / "test_p6_convolution.py"
    spec = importlib.util.spec_from_file_location("p6", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    strategy = st.fixed_dictionaries({"drawn": module.images_and_kernels()})
    examples = draw_examples(strategy, hw5.rubric.seed, hw5.rubric.examples)
    return [(example["drawn"]["x"], example["drawn"]["k"]) for example in examples]


@pytest.mark.parametrize("is_one", EDGES.values(), ids=EDGES)
def test_edge_is_among_the_examples(
    drawn: list[Pair], is_one: Callable[[np.ndarray, np.ndarray], bool]
) -> None:
    assert any(is_one(image, kernel) for image, kernel in drawn)
