"""The input on which a check has failed, as data that a report can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.context import current
from grader.checks.said import Said, Transcript, to_paste
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


@dataclass(frozen=True)
class Moment:
    """What was known of the running check when an answer turned out to be wrong."""

    call: str
    transcript: Transcript

    @classmethod
    def now(cls) -> Moment:
        """The present one: what the check goes on to ask does not change it."""
        context = current()
        return cls(context.call, context.transcript.copy())

    def sample(self, actual: Any = None, expected: Any = None) -> Counterexample:
        """Input, call and outcome."""
        said = self.transcript.behind(actual)
        return self._sample(said, expected, show(actual)).model_copy(
            update={"expected": None if expected is None else show(expected)}
        )

    def raising(self, said: Said) -> Counterexample:
        """Input, and the call that raised an exception."""
        return self._sample(said, None, None)

    def part_of(self, value: Any, window: Window) -> Any:
        """A part of a value, which counts as asked for where the value was."""
        rows, columns = window
        part, said = value[(*rows, columns)], self.transcript.behind(value)
        if said is not None:
            text = ", ".join([*map(str, rows), f"{columns.start}:{columns.stop}"])
            self.transcript.came(part, said.item(text))
        return part

    def _sample(self, said: Said | None, expected: Any, actual: Any) -> Counterexample:
        return Counterexample(
            call=self.call,
            inputs={name: show(value) for name, value in self.transcript.values().items()},
            actual=actual,
            code=to_paste(self.transcript, said, expected),
        )


def counterexample(actual: Any = None, expected: Any = None) -> Counterexample:
    """The running check's input, call and outcome."""
    return Moment.now().sample(actual, expected)
