"""Small arrays become tables whose differing entries can be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from grader.model import Counterexample, Shown
from grader.report.cells import dimensions, level
from grader.report.tables import compared, table, worst

MakeShown = Callable[..., Shown]


def texts(rows: list[Any]) -> list[list[str]]:
    return [[entry.text for entry in row] for row in rows]


def test_entries_that_differ_are_marked_on_both_sides(make_shown: MakeShown) -> None:
    example = Counterexample(
        call="f()",
        expected=make_shown([[1.0, 2.0], [3.0, 4.0]]),
        actual=make_shown([[1.0, 2.5], [3.0, math.nan]]),
        error=make_shown([[0.0, 1.1], [1.0, math.nan]]),
    )
    sides = compared(example)
    assert texts(sides["expected"]) == [["1", "2"], ["3", "4"]]
    assert texts(sides["actual"]) == [["1", "2.5"], ["3", "nan"]]
    for side in sides.values():
        assert [[entry.off for entry in row] for row in side] == [[False, True], [False, True]]


def test_close_numbers_get_the_digits_that_tell_them_apart(make_shown: MakeShown) -> None:
    example = Counterexample(
        call="f()",
        expected=make_shown([0.3333333333, 1 / 7]),
        actual=make_shown([0.3333334444, 1 / 7]),
        error=make_shown([12.0, 0.0]),
    )
    sides = compared(example)
    assert texts(sides["expected"]) == [["0.3333333", "0.1428571"]]
    assert texts(sides["actual"]) == [["0.3333334", "0.1428571"]]


def test_sides_of_other_shapes_are_shown_unmarked(make_shown: MakeShown) -> None:
    example = Counterexample(
        call="f()", expected=make_shown([[1.0], [2.0]]), actual=make_shown([1.0, 2.0])
    )
    sides = compared(example)
    assert texts(sides["expected"]) == [["1"], ["2"]]
    assert texts(sides["actual"]) == [["1", "2"]]
    assert not any(entry.off for side in sides.values() for row in side for entry in row)


@pytest.mark.parametrize(
    "cells",
    [None, 1.5, [], [[]], [[1.0], [1.0, 2.0]], [1.0, [2.0]], [[[1.0]]], [0.0] * 9, [[0.0]] * 9],
    ids=["none", "scalar", "empty", "no columns", "ragged", "mixed", "3-D", "wide", "tall"],
)
def test_what_is_no_small_table_is_left_as_text(cells: Any) -> None:
    assert table(Shown(kind="list", text="...", cells=cells)) == []


@pytest.mark.parametrize(
    ("cells", "shape"), [(1.0, ()), ([], (0,)), ([[1, 2]], (1, 2)), ([[1], [2, 3]], None)]
)
def test_dimensions_of_nested_lists(cells: Any, shape: tuple[int, ...] | None) -> None:
    assert dimensions(cells) == shape


@pytest.mark.parametrize(
    ("error", "expected"),
    [(0, 0), (1.0, 0), (1.01, 1), (10.0, 1), (999.0, 2), (1e300, 3), (math.inf, 4), (None, 4)],
)
def test_level_of_an_error(error: Any, expected: int) -> None:
    assert level(error) == expected


@pytest.mark.parametrize(
    ("actual", "error", "sentence"),
    [
        (2.5, 5.25, "Furthest off at [0, 1]: 2.5 instead of 2, 5.2 times the tolerance."),
        (2.5, 41300.5, "Furthest off at [0, 1]: 2.5 instead of 2, 41,300 times the tolerance."),
        (2.5, 3e9, "Furthest off at [0, 1]: 2.5 instead of 2, 3e+09 times the tolerance."),
        (math.nan, math.inf, "Furthest off at [0, 1]: nan instead of 2."),
    ],
)
def test_worst_entry_in_a_sentence(
    make_shown: MakeShown, actual: float, error: float, sentence: str
) -> None:
    example = Counterexample(
        call="f()",
        expected=make_shown([[1.0, 2.0]]),
        actual=make_shown([[1.0, actual]]),
        error=make_shown([[0.0, error]]),
        worst_index=(0, 1),
    )
    assert worst(example) == sentence


def test_worst_is_silent_where_nothing_can_be_compared(make_shown: MakeShown) -> None:
    example = Counterexample(call="f()", expected=make_shown([1.0]), worst_index=(5,))
    assert worst(example) == ""
    assert worst(Counterexample(call="f()")) == ""
