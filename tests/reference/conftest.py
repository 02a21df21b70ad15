"""What the tests of the references share: contents to fill arrays with, and ratios to bounds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from grader.checks.oracle import Expected, error_model

# The unit roundoff of float32, and the factor by which a comparison widens the bound.
U32 = 2.0**-24
SAFETY = 4.0


def _fill(kind: str, *shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    flat = {
        "uniform": lambda: rng.random(size),
        "normal": lambda: rng.standard_normal(size),
        "negative": lambda: -rng.random(size),
        "ramp": lambda: np.linspace(-2, 3, size),
        "one_hot": lambda: (np.arange(size) == size // 2).astype(float),
        "constant": lambda: np.full(size, 0.1),
        "large": lambda: rng.uniform(-1000, 1000, size),
    }[kind]()
    return flat.reshape(shape)


def _expect(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Expected:
    model = error_model(function)
    assert model is not None, f"{function.__name__} has no error model"
    return Expected(function(*args, **kwargs), model(*args, **kwargs))


def _ratio(actual: Any, expected: Expected) -> float:
    """The largest error over the largest bound in float32; lists and tuples: the worst item."""
    if isinstance(expected.value, (list, tuple)):
        assert len(actual) == len(expected.value) == len(expected.error)
        return max(_ratio(item, expected[i]) for i, item in enumerate(actual))
    answer = np.asarray(actual, dtype=np.float64)
    assert answer.shape == np.shape(expected.value) == np.shape(expected.error)
    return float(np.abs(answer - expected.value).max() / (U32 * np.max(expected.error)))


def _impostors(value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Wrong answers of the right shape: zeros, the mean, transposed and permuted cells."""
    yield "zeros", np.zeros_like(value)
    yield "mean", np.full_like(value, value.mean())
    yield "transposed", np.swapaxes(value, -1, -2).reshape(value.shape)
    yield "permuted", np.roll(value.reshape(-1), 1).reshape(value.shape)


def _refuse(expected: Expected) -> None:
    for name, wrong in _impostors(expected.value):
        if not np.array_equal(wrong, expected.value):
            assert _ratio(wrong, expected) > SAFETY, f"{name} would be admitted"


def _unchanged(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` on read-only arguments and check that each is as it was."""
    before = copy.deepcopy(args)
    for arg in args:
        for item in arg if isinstance(arg, (list, tuple)) else [arg]:
            if isinstance(item, np.ndarray):
                item.flags.writeable = False
    answer = function(*args)
    np.testing.assert_equal(args, before)
    return answer


@pytest.fixture
def fill() -> Callable[..., np.ndarray]:
    """fill(kind, *shape, seed=0): an array with that kind of content."""
    return _fill


@pytest.fixture
def expect() -> Callable[..., Expected]:
    """expect(function, *args): the oracle's value and its error model."""
    return _expect


@pytest.fixture
def ratio() -> Callable[[Any, Expected], float]:
    """ratio(actual, expected): error over bound for a float32 answer; at most 4 is admitted."""
    return _ratio


@pytest.fixture
def refuse() -> Callable[[Expected], None]:
    """refuse(expected): assert that no impostor of its value would be admitted."""
    return _refuse


@pytest.fixture
def unchanged() -> Callable[..., Any]:
    """unchanged(function, *args): the answer, once it is sure that no argument was written to."""
    return _unchanged
