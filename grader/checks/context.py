"""What is known while one check runs: the drawn example and the call that was made last.

Comparisons read it to show a counterexample without being told what was compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CheckContext:
    """The state of one running check."""

    example: dict[str, Any] = field(default_factory=dict)
    recipes: dict[str, str] = field(default_factory=dict)
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    examples_run: int = 0
    shrink_s: float = 3.0
    example_count: int = 25
    seed: int = 0
    first_failure_ends: bool = False


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
