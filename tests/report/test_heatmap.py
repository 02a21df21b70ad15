"""A map of the error shows each level by colour and mark, slice by slice, within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from grader.model import Counterexample, Shown
from grader.report.heatmap import MAX_SIDE, MAX_SLICES, HeatMap, heat_map

MakeShown = Callable[..., Shown]


def mapped(make_shown: MakeShown, cells: Any, worst: tuple[int, ...] | None = None) -> HeatMap:
    heat = heat_map(Counterexample(call="f()", error=make_shown(cells), worst_index=worst))
    assert heat is not None
    return heat


def test_every_level_has_a_colour_and_all_but_the_right_one_a_mark(make_shown: MakeShown) -> None:
    heat = mapped(make_shown, [[0.0, 5.0, 50.0], [5e5, math.nan, math.inf]])
    (plane,) = heat.slices
    assert [layer.level for layer in plane.fills] == [0, 1, 2, 3, 4]
    assert [layer.level for layer in plane.marks] == [1, 2, 3, 4]
    assert heat.summary == "5 of 6 values are off"
    assert [name for name, _, _ in heat.legend][-1] == "NaN or infinity"


def test_a_cell_is_drawn_at_its_row_and_column(make_shown: MakeShown) -> None:
    (plane,) = mapped(make_shown, [[0.0, 0.0, 5.0], [0.0, 0.0, 0.0]], worst=(0, 2)).slices
    off = next(layer for layer in plane.fills if layer.level == 1)
    assert off.path == "M48 0h23v23h-23z"
    assert plane.worst == (48, 0)
    assert [tick.text for tick in plane.column_ticks] == ["0", "1", "2"]
    assert (plane.width, plane.height) == (22 + 3 * 24, 22 + 2 * 24)


def test_slices_without_an_error_are_left_out_and_that_is_said(make_shown: MakeShown) -> None:
    right, wrong = [[0.0, 1.0]], [[0.0, 7.0]]
    heat = mapped(make_shown, [[right, wrong, right], [right, right, wrong]])
    assert [plane.label for plane in heat.slices] == ["[0, 1, :, :]", "[1, 2, :, :]"]
    assert heat.note == "2 of 6 slices, the others are right."


def test_the_slice_with_the_worst_entry_is_always_drawn(make_shown: MakeShown) -> None:
    cells = [[[5e6, 5e6]]] * 9 + [[[2.0, 0.0]]]
    heat = mapped(make_shown, cells, worst=(9, 0, 0))
    assert len(heat.slices) == MAX_SLICES
    assert heat.slices[-1].label == "[9, :, :]"
    assert heat.note == "6 of 10 slices, those that are furthest off."


def test_a_large_map_is_cropped_around_the_worst_entry(make_shown: MakeShown) -> None:
    cells = [[float(row == 90 and column == 70) * 9 for column in range(80)] for row in range(100)]
    (plane,) = mapped(make_shown, cells, worst=(90, 70)).slices
    assert plane.note == f"{MAX_SIDE} by {MAX_SIDE} of 100 by 80 values"
    assert [tick.text for tick in plane.row_ticks] == ["70", "75", "80", "85", "90", "95"]
    assert plane.worst == (22 * 10, 22 * 10)
    assert any(layer.level == 1 for layer in plane.fills)


@pytest.mark.parametrize(
    "cells",
    [None, 3.0, [1.0, 2.0], [[]], [[1.0], [1.0, 2.0]]],
    ids=["none", "scalar", "1-D", "empty", "ragged"],
)
def test_no_map_without_two_dimensions(cells: Any) -> None:
    error = Shown(kind="Tensor", text="", cells=cells)
    assert heat_map(Counterexample(call="f()", error=error)) is None
    assert heat_map(Counterexample(call="f()")) is None


def test_a_worst_index_of_another_shape_is_ignored(make_shown: MakeShown) -> None:
    heat = mapped(make_shown, [[2.0]], worst=(0, 3))
    assert heat.slices[0].worst is None
    assert not heat.shows_worst
    assert heat.summary == "1 of 1 values is off"
