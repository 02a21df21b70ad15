"""Numbers that a loop prints, in whatever words, order and precision it prints them."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

# What a number may be: within one of these ranges, ends included.
Ranges: TypeAlias = Sequence[tuple[float, float]]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\bnan\b|[-+]?\binf\b", re.IGNORECASE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def first_unprinted(
    text: str, rows: Sequence[Mapping[str, Ranges]]
) -> tuple[int, list[str]] | None:
    """The first row that `text` does not show, and the names of what it lacks; None if none does.

    Rows are shown one after another, each by numbers that are as many as its names: a number
    stands for one name only, and may be rounded or cut off at its last digit.
    """
    lines = [_NUMBER.findall(line) for line in _ESCAPES.sub("", text).splitlines()]
    numbers = [(Decimal(number), place) for place, line in enumerate(lines) for number in line]
    for index, row in enumerate(rows):
        # What some numbers show, more of them show too: so the fewest can be searched for.
        ends = range(len(numbers) + 1)
        end = bisect.bisect_left(ends, True, key=lambda n: not _lacking(numbers[:n], row))
        if end == len(ends):
            left = [list(line) for _, line in itertools.groupby(numbers, key=lambda n: n[1])]
            return index, min((_lacking(line, row) for line in left), key=len, default=list(row))
        numbers = numbers[end:]
    return None


def _lacking(numbers: Sequence[tuple[Decimal, int]], row: Mapping[str, Ranges]) -> list[str]:
    """The names that no number is left for, where as many as possible get one."""
    fits = [[_fits(number, ranges) for number, _ in numbers] for ranges in row.values()]
    if not numbers:
        return list(row)
    matched = maximum_bipartite_matching(csr_matrix(fits, dtype=bool), perm_type="column")
    return [name for name, column in zip(row, matched, strict=True) if column < 0]


def _fits(number: Decimal, ranges: Ranges) -> bool:
    if not number.is_finite():
        return any(_is_same(float(number), low) for low, _ in ranges)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    value = float(number)
    for low, high in ranges:
        # A share that is shown as 0 or 1, or a power of ten, tells nothing of what it stands for.
        coarsest = 0 if abs(high) >= 1 else -1
        last_digit = 10.0 ** max(min(exponent, coarsest), -300)
        if low - last_digit < value < high + last_digit or low <= value <= high:
            return True
    return False


def _is_same(number: float, wanted: float) -> bool:
    return number == wanted or (math.isnan(number) and math.isnan(wanted))
