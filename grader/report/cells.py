"""Read the nested lists in `Shown.cells`: their shape, one entry, how far off an error is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Index = tuple[int, ...]

# Upper ends of the levels, in units of what was allowed: up to 1 an answer is right.
LEVELS = (
    (1.0, "within tolerance"),
    (10.0, "up to 10 times the tolerance"),
    (1000.0, "up to 1000 times"),
    (math.inf, "further off"),
)
NOT_FINITE = len(LEVELS)
LEVEL_NAMES = (*(name for _, name in LEVELS), "NaN or infinity")


def dimensions(cells: Any) -> Index | None:
    """Return the shape of nested lists, `()` for anything else, None where they are ragged."""
    if not isinstance(cells, (list, tuple)):
        return ()
    inner = {dimensions(cell) for cell in cells} or {()}
    only = inner.pop()
    return None if inner or only is None else (len(cells), *only)


def at(cells: Any, position: Sequence[int]) -> Any:
    """Return the entry of nested lists at `position`."""
    for place in position:
        cells = cells[place]
    return cells


def inside(position: Index | None, shape: Index | None) -> bool:
    """Say whether `position` is the index of an entry of an array of `shape`."""
    return (
        position is not None
        and shape is not None
        and len(position) == len(shape)
        and all(0 <= place < side for place, side in zip(position, shape, strict=True))
    )


def level(error: Any) -> int:
    """Return which of the levels an error falls in; what is no finite number has its own."""
    if not isinstance(error, (int, float)) or not math.isfinite(error):
        return NOT_FINITE
    return next(rank for rank, (end, _) in enumerate(LEVELS) if error <= end)
