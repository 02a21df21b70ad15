"""Lay out where an answer of two or more dimensions is off, as paths for an inline SVG.

One path a level instead of one element a cell keeps the page small. Each level has a mark of
its own as well as a colour, so that the map reads without colour, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from grader.model import Counterexample
from grader.report.cells import LEVEL_NAMES, NOT_FINITE, Index, at, dimensions, inside, level
from grader.report.words import index

MAX_SIDE = 32  # at 10 units a cell this still fits a phone
MAX_SLICES = 6
MAX_CELLS = 1024
_MARGIN = 22  # room for the numbers of the rows and columns

Plane = list[list[int]]
Draw = Callable[[int, int, int, int], str]  # level, x, y, size of one cell -> its path


@dataclass(frozen=True)
class Layer:
    """All cells of one level: `name` goes with the colour, `path` draws their fills or marks."""

    level: int
    path: str


@dataclass(frozen=True)
class Tick:
    """The number of a row or column, and where its middle lies."""

    place: float
    text: str


@dataclass(frozen=True)
class Slice:
    """Two dimensions of an error, drawn with cells that are `size` units wide."""

    label: str
    note: str
    size: int
    width: int
    height: int
    fills: tuple[Layer, ...]
    marks: tuple[Layer, ...]
    row_ticks: tuple[Tick, ...]
    column_ticks: tuple[Tick, ...]
    worst: tuple[int, int] | None


@dataclass(frozen=True)
class HeatMap:
    """An error slice by slice, the levels that it has, and what is left out."""

    slices: tuple[Slice, ...]
    legend: tuple[tuple[str, Layer, Layer], ...]
    shows_worst: bool
    summary: str
    note: str


def heat_map(example: Counterexample) -> HeatMap | None:
    """Return the map of an error of two or more dimensions, or None where there is none."""
    cells = example.error.cells if example.error is not None else None
    shape = dimensions(cells)
    if shape is None or len(shape) < 2 or 0 in shape:
        return None
    worst = example.worst_index if inside(example.worst_index, shape) else None
    prefixes = list(product(*map(range, shape[:-2])))
    planes = {p: [[level(value) for value in row] for row in at(cells, p)] for p in prefixes}
    chosen = _chosen(planes, worst)
    found = [rank for plane in planes.values() for row in plane for rank in row]
    off = sum(rank > 0 for rank in found)
    return HeatMap(
        slices=tuple(_slice(prefix, planes[prefix], worst) for prefix in chosen),
        legend=tuple(_legend(rank) for rank in sorted({0, *found})),
        shows_worst=worst is not None,
        summary=f"{off} of {len(found)} values {'is' if off == 1 else 'are'} off",
        note=_left_out(planes, chosen),
    )


def _chosen(planes: dict[Index, Plane], worst: Index | None) -> list[Index]:
    """Return the slices to draw, in the order of their index: the worst where not all fit."""
    home = worst[:-2] if worst is not None else None

    def rank(prefix: Index) -> tuple[bool, int, Index]:
        return prefix != home, -sum(map(sum, planes[prefix])), prefix

    plane = next(iter(planes.values()))
    drawn = min(len(plane), MAX_SIDE) * min(len(plane[0]), MAX_SIDE)
    room = min(MAX_SLICES, max(1, MAX_CELLS // drawn))
    ranked = sorted(filter(lambda prefix: _off(planes[prefix]), planes), key=rank)
    return sorted(ranked[:room]) or [next(iter(planes))]


def _off(plane: Plane) -> int:
    return sum(rank > 0 for row in plane for rank in row)


def _left_out(planes: dict[Index, Plane], chosen: list[Index]) -> str:
    if len(chosen) == len(planes):
        return ""
    others_right = not any(_off(plane) for place, plane in planes.items() if place not in chosen)
    rest = "the others are right" if others_right else "those that are furthest off"
    return f"{len(chosen)} of {len(planes)} slices, {rest}."


def _slice(prefix: Index, plane: Plane, worst: Index | None) -> Slice:
    here = worst[-2:] if worst is not None and worst[:-2] == prefix else None
    top, rows = _window(len(plane), here[0] if here else 0)
    left, columns = _window(len(plane[0]), here[1] if here else 0)
    shown = [row[left : left + columns] for row in plane[top : top + rows]]
    size = _size(max(rows, columns))
    cropped = (rows, columns) != (len(plane), len(plane[0]))
    return Slice(
        label=index([*prefix, ":", ":"]) if prefix else "",
        note=f"{rows} by {columns} of {len(plane)} by {len(plane[0])} values" if cropped else "",
        size=size,
        width=_MARGIN + columns * size,
        height=_MARGIN + rows * size,
        fills=_layers(shown, size, _fill),
        marks=_layers(shown, size, _mark),
        row_ticks=_ticks(top, rows, size),
        column_ticks=_ticks(left, columns, size),
        worst=((here[1] - left) * size, (here[0] - top) * size) if here else None,
    )


def _window(length: int, focus: int) -> tuple[int, int]:
    """Return start and length of the part of an axis to draw: around `focus` if not all fits."""
    start = max(0, min(focus - MAX_SIDE // 2, length - MAX_SIDE))
    return start, min(length, MAX_SIDE)


def _size(longest: int) -> int:
    return 24 if longest <= 8 else 16 if longest <= 16 else 10


def _layers(plane: Plane, size: int, draw: Draw) -> tuple[Layer, ...]:
    paths: dict[int, list[str]] = {}
    for y, row in enumerate(plane):
        for x, rank in enumerate(row):
            paths.setdefault(rank, []).append(draw(rank, x * size, y * size, size))
    layers = (Layer(rank, "".join(paths[rank])) for rank in sorted(paths))
    return tuple(layer for layer in layers if layer.path)


def _fill(rank: int, x: int, y: int, size: int) -> str:
    return f"M{x} {y}h{size - 1}v{size - 1}h{1 - size}z"


def _mark(rank: int, x: int, y: int, size: int) -> str:
    """Draw nothing where all is well, a growing dot where it is off, a cross where not finite."""
    middle = (size - 1) / 2
    if rank == NOT_FINITE:
        arm = round(size * 0.2, 1)
        cross = f"l{2 * arm} {2 * arm}m0 {-2 * arm}l{-2 * arm} {2 * arm}"
        return f"M{x + middle - arm:g} {y + middle - arm:g}{cross}"
    radius = round(size * 0.07 * rank, 1)
    half = f"a{radius} {radius} 0 1 0 {2 * radius:g} 0a{radius} {radius} 0 1 0 {-2 * radius:g} 0"
    return f"M{x + middle - radius:g} {y + middle:g}{half}" if rank else ""


def _ticks(first: int, count: int, size: int) -> tuple[Tick, ...]:
    """Number every row or column while there is room, else every fifth."""
    step = 1 if size >= 16 else 5
    places = (place for place in range(count) if (first + place) % step == 0)
    return tuple(Tick((place + 0.5) * size, str(first + place)) for place in places)


def _legend(rank: int) -> tuple[str, Layer, Layer]:
    return LEVEL_NAMES[rank], Layer(rank, _fill(rank, 0, 0, 16)), Layer(rank, _mark(rank, 0, 0, 16))
