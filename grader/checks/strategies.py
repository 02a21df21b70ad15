"""Hypothesis strategies for inputs: a shape, a kind of content and a layout.

Hypothesis draws only these few choices; NumPy fills in the numbers from a drawn seed. So an
example costs microseconds and shrinks to a small array with plain content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]
Random = np.random.Generator


@dataclass(frozen=True)
class Elements:
    """What the numbers of an array stand for: their usual spread, their limits, their decimals."""

    scale: float
    low: float = -np.inf
    high: float = np.inf
    decimals: int = 4

    def clip(self, array: np.ndarray) -> np.ndarray:
        """The array with its numbers brought inside the limits."""
        clipped: np.ndarray = np.clip(array, self.low, self.high)
        return clipped


# Spread and limits by what is meant. `logits` stay where exp does not overflow in float32; `pixels`
# are grey values, whole numbers as in a file: making bytes of them loses nothing.
ELEMENTS = {
    "logits": Elements(2.0, -60.0, 60.0),
    "normal": Elements(1.0),
    "unit": Elements(0.4, 0.0, 1.0),
    "open-unit": Elements(0.3, 0.02, 0.98),
    "pixels": Elements(8.0, 0.0, 16.0, decimals=0),
    "weights": Elements(0.5, -4.0, 4.0),
}


def _ramp(rng: Random, shape: Shape, elements: Elements) -> np.ndarray:
    size = int(np.prod(shape))
    steps: np.ndarray = np.arange(size, dtype=float) - (size - 1) // 2
    return elements.scale * steps.reshape(shape) / 4


def _one_hot(rng: Random, shape: Shape, elements: Elements) -> np.ndarray:
    array = np.zeros(shape)
    if array.size:
        array.reshape(-1)[rng.integers(array.size)] = 1.0
    return array


def _random(rng: Random, shape: Shape, elements: Elements) -> np.ndarray:
    middle = 0.0 if elements.low < 0 else (elements.low + min(elements.high, 2.0)) / 2
    return middle + elements.scale * rng.standard_normal(shape)


def _large(rng: Random, shape: Shape, elements: Elements) -> np.ndarray:
    return 10 * elements.scale * rng.standard_normal(shape)


def _negative(rng: Random, shape: Shape, elements: Elements) -> np.ndarray:
    size: np.ndarray = np.abs(_random(rng, shape, elements))
    return -size


# Simplest first: shrinking moves towards the front.
CONTENT: dict[str, Callable[[Random, Shape, Elements], np.ndarray]] = {
    "ramp": _ramp,
    "random": _random,
    "one-hot": _one_hot,
    "negative": _negative,
    "large": _large,
}

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contiguous": lambda array: array,
    "fortran": lambda array: np.asfortranarray(array),
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
}


def fill(
    shape: Sequence[int],
    kind: str,
    seed: int,
    *,
    elements: str = "normal",
    dtype: str = "float64",
    layout: str = "contiguous",
) -> np.ndarray:
    """An array of one kind of content. Numbers that the eye can read: four decimals at most."""
    meant = ELEMENTS[elements]
    array = CONTENT[kind](np.random.default_rng(seed), tuple(shape), meant)
    rounded = np.round(meant.clip(array), meant.decimals).astype(dtype)
    return LAYOUTS[layout](rounded) if rounded.ndim else rounded


def shapes(
    *, min_dims: int = 1, max_dims: int = 3, min_side: int = 1, max_side: int = 5
) -> st.SearchStrategy[Shape]:
    """Shapes within bounds, sides drawn one by one."""
    side = st.integers(min_side, max_side)
    return st.lists(side, min_size=min_dims, max_size=max_dims).map(tuple)


def seeds() -> st.SearchStrategy[int]:
    """Seeds for the content."""
    return st.integers(0, 2**16)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: st.SearchStrategy[Shape] | Shape,
    *,
    elements: str = "normal",
    dtype: str = "float64",
    kinds: Sequence[str] = tuple(CONTENT),
    layouts: Sequence[str] = tuple(LAYOUTS),
) -> np.ndarray:
    """Arrays of a drawn shape, kind of content, seed and memory layout."""
    drawn = shape if isinstance(shape, tuple) else draw(shape)
    possible = [k for k in kinds if k != "negative" or ELEMENTS[elements].low < 0]
    kind = draw(st.sampled_from(possible))
    layout = draw(st.sampled_from(list(layouts)))
    seed = draw(seeds())
    return fill(drawn, kind, seed, elements=elements, dtype=dtype, layout=layout)
