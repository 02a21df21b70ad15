"""What a reference solution promises: a value and how far rounding may take an answer from it.

A reference function is plain Python. `forward_error` hangs an error model on it: a function
of the same arguments that returns, in the same structure as the value, the first-order
forward error in units of the unit roundoff u. The classical way to get it is to run the
oracle on absolute values (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
sections 3.1 and 3.5): a sum of n products carries at most n*u*sum(|x||y|).

A function without a model promises that only its last operation rounds: the error is |value|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from grader.checks.verdict import CheckFailed, NeedsReview

F = TypeVar("F", bound=Callable[..., Any])

_MODEL = "__forward_error__"


@dataclass(frozen=True)
class Expected:
    """An oracle's answer: `value`, and `error` in units of u (None: |value|)."""

    value: Any
    error: Any = None

    def __getitem__(self, index: int) -> Expected:
        """The answer's item `index`, where the value is a tuple or list."""
        return Expected(self.value[index], None if self.error is None else self.error[index])


def forward_error(model: Callable[..., Any]) -> Callable[[F], F]:
    """Attach `model(*args, **kwargs)`, the forward error in units of u, to a reference function."""

    def attach(function: F) -> F:
        setattr(function, _MODEL, model)
        return function

    return attach


def error_model(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The error model that `forward_error` attached to `function`, if any."""
    model: Callable[..., Any] | None = getattr(function, _MODEL, None)
    return model


def ahead(ask: Callable[[], Any]) -> Callable[[], Any]:
    """Ask now, and give or raise later what came of it.

    For what a check compares with only where another comparison has failed: so it is among the
    answers that are recorded when a right answer is judged.
    """
    try:
        told = ask()
    except (CheckFailed, NeedsReview) as error:
        failure = error  # Python forgets `error` at the end of its block

        def give() -> Any:
            raise failure

        return give
    return lambda: told
