"""Write the numbers of a counterexample: as small tables, and in one sentence on the worst.

Numbers that differ get enough digits to be told apart; the rest stay short.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from grader.model import Counterexample, Shown
from grader.report.cells import Index, at, dimensions, inside, level
from grader.report.words import index

MAX_ROWS, MAX_COLUMNS = 8, 8
_FEWEST_DIGITS, _MOST_DIGITS = 4, 17  # 17 tell any two float64 apart

Grid = list[list[Any]]


@dataclass(frozen=True)
class Entry:
    """One number of a table, and whether it is among those that differ."""

    text: str
    off: bool


Table = list[list[Entry]]


def table(shown: Shown | None) -> Table:
    """Return a value as a table of numbers; empty where it is too large or not numeric."""
    return [[Entry(number(value, 6), off=False) for value in row] for row in _grid(shown)]


def compared(example: Counterexample) -> dict[str, Table]:
    """Return `expected` and `actual` as tables, the entries that differ marked in both."""
    expected, actual, error = map(_grid, (example.expected, example.actual, example.error))
    if not error or not _shape(expected) == _shape(actual) == _shape(error):
        return {"expected": table(example.expected), "actual": table(example.actual)}
    off = [[level(value) > 0 for value in row] for row in error]
    digits = _digits(
        (a, b)
        for rows in zip(actual, expected, off, strict=True)
        for a, b, differs in zip(*rows, strict=True)
        if differs
    )
    return {"expected": _marked(expected, off, digits), "actual": _marked(actual, off, digits)}


def worst(example: Counterexample) -> str:
    """Return where and by how much the answer is furthest off; empty where that is not known."""
    shown = (example.actual, example.expected, example.error)
    actual, expected, error = (_entry(value, example.worst_index or ()) for value in shown)
    if actual is None or expected is None:
        return ""
    digits = _digits([(actual, expected)])
    text = f"{number(actual, digits)} instead of {number(expected, digits)}"
    if example.worst_index:
        text = f"Furthest off at {index(example.worst_index)}: {text}"
    factor = isinstance(error, (int, float)) and math.isfinite(error) and error > 1
    return f"{text}, {_times(error)} times the tolerance." if factor else f"{text}."


def number(value: Any, digits: int) -> str:
    """Write one entry with at most `digits` significant digits."""
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _entry(shown: Shown | None, position: Index) -> Any:
    cells = shown.cells if shown is not None else None
    return at(cells, position) if inside(position, dimensions(cells)) else None


def _times(error: float) -> str:
    return f"{error:.1f}" if error < 10 else f"{error:,.0f}" if error < 1e6 else f"{error:.0e}"


def _grid(shown: Shown | None) -> Grid:
    """Return the cells of a small value of one or two dimensions as rows, or nothing."""
    cells: Any = shown.cells if shown is not None else None
    shape = dimensions(cells)
    if shape is None or len(shape) not in (1, 2) or 0 in shape:
        return []
    rows: Grid = [list(cells)] if len(shape) == 1 else [list(row) for row in cells]
    return rows if len(rows) <= MAX_ROWS and len(rows[0]) <= MAX_COLUMNS else []


def _shape(grid: Grid) -> tuple[int, int]:
    return len(grid), len(grid[0]) if grid else 0


def _marked(grid: Grid, off: list[list[bool]], digits: int) -> Table:
    return [
        [Entry(number(value, digits), differs) for value, differs in zip(*rows, strict=True)]
        for rows in zip(grid, off, strict=True)
    ]


def _digits(pairs: Iterable[tuple[Any, Any]]) -> int:
    """Return the fewest digits that tell the two numbers of every pair apart."""
    known = list(pairs)
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        if all(number(a, digits) != number(b, digits) for a, b in known):
            return digits
    return _MOST_DIGITS
