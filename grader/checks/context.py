"""What is known while one check runs: the drawn example and the call that was made last.

Comparisons read it to show a counterexample without being told what was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.checks.said import Transcript

Example = dict[str, Any]


class Keeper(Protocol):
    """Whoever decides on which examples a check is run."""

    def examples(self, check: str, draw: Callable[[], list[Example]],
                 draw_more: Callable[[], list[Example]]) -> list[Example]:  # fmt: skip
        """The examples of a check; `draw` draws the usual ones, `draw_more` many others."""

    def smaller(self, check: str) -> list[Example] | None:
        """Examples among which to look for the smallest that fails; None to have it shrunk."""


@dataclass
class CheckContext:
    """The state of one running check."""

    check: str = ""
    call: str = ""
    transcript: Transcript = field(default_factory=Transcript)
    keeper: Keeper | None = None
    examples_run: int = 0
    shrink_s: float = 3.0
    example_count: int = 25
    seed: int = 0
    first_failure_ends: bool = False
    #: Whether a failure is shrunk later: it may not be the one that counts.
    shrinks_later: bool = False
    #: Of the check's last run, the example that failed: where most mistakes show at once.
    failing: Example | None = None

    def start_example(self, example: Example) -> None:
        """Begin anew with another example."""
        self.call = ""
        self.transcript = Transcript.of(example)


_CURRENT: ContextVar[CheckContext | None] = ContextVar("grader_check", default=None)


def current() -> CheckContext:
    """The running check's context; an empty one outside of a check."""
    return _CURRENT.get() or CheckContext()


@contextmanager
def running(context: CheckContext) -> Iterator[CheckContext]:
    """Make `context` the current one."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)


def show_as(**values: Any) -> None:
    """Give values that a check has made the names under which a counterexample shows them."""
    current().transcript.name(**values)
