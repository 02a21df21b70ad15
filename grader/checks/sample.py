"""The input on which a check has failed, as data that a report can show."""

from __future__ import annotations

from typing import Any

from grader.checks.context import current
from grader.checks.said import Said, to_paste
from grader.checks.show import show
from grader.model import Counterexample


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
