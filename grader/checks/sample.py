"""The input on which a check has failed, as data that a report can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks.context import current
from grader.checks.said import Said, to_paste
from grader.checks.show import show
from grader.model import Counterexample

# Of an array with more numbers than a page can show, so many are shown.
_MOST_SHOWN, _WINDOW = 400, 8

Index = tuple[int, ...]
Window = tuple[Index, slice]


def around(array: np.ndarray, worst: Index) -> Window | None:
    """Which numbers of a large array to show: some along its last axis, the worst among them.

    None where the array is small enough to be shown as a whole.
    """
    if array.size <= _MOST_SHOWN:
        return None
    start = max(0, min(worst[-1] - _WINDOW // 2, array.shape[-1] - _WINDOW))
    return worst[:-1], slice(start, start + _WINDOW)


def part_of(value: Any, window: Window) -> Any:
    """A part of a value, which counts as asked for where the value was."""
    rows, columns = window
    part, transcript = value[(*rows, columns)], current().transcript
    said = transcript.behind(value)
    if said is not None:
        text = ", ".join([*map(str, rows), f"{columns.start}:{columns.stop}"])
        transcript.came(part, said.item(text))
    return part


def counterexample(actual: Any = None, expected: Any = None) -> Counterexample:
    """The running check's input, call and outcome."""
    said = current().transcript.behind(actual)
    return _sample(said, expected, show(actual)).model_copy(
        update={"expected": None if expected is None else show(expected)}
    )


def raising(said: Said) -> Counterexample:
    """The running check's input and the call that raised an exception."""
    return _sample(said, None, None)


def _sample(said: Said | None, expected: Any, actual: Any) -> Counterexample:
    context = current()
    return Counterexample(
        call=context.call,
        inputs={name: show(value) for name, value in context.transcript.values().items()},
        actual=actual,
        code=to_paste(context.transcript, said, expected),
    )
