"""Naming the mistake behind a failed check: which known variant would have been judged right?

A variant is put in the place of the reference and the check is run again: where it then passes
on every example, the answer is that mistake. Variants without such an oracle are recognised
by the verdict itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from grader.checks.verdict import AnswerMissing, CheckFailed, LimitExceeded, NeedsReview
from grader.model import Stage
from grader.variants import KnownMistake


class Solution(Protocol):
    """What checks compare with: a reference, or a book of its answers."""

    def mistaken(self, mistake: KnownMistake, form: int) -> Any:
        """The same with one form of a known mistake in place of the right answer."""

    def find(self, name: str) -> Any:
        """The object of that name, None where there is none that could be lent."""


def diagnose(
    check: str,
    failure: CheckFailed,
    known: Iterable[KnownMistake],
    again: Callable[[Any], Any],
    reference: Solution,
    *,
    patience_s: float,
) -> KnownMistake | None:
    """The first known mistake that a failed check shows, None where it shows none of them.

    What is known by a sign comes before what is known by an oracle, and general names come last.
    `again` runs the check with another reference, and raises where it fails. Once `patience_s` is
    over, no oracles are tried behind the last that gives credit: a busy machine may cost a name,
    and never points.
    """
    listed = tuple(known)
    deadline = time.monotonic() + patience_s
    for group in ([m for m in listed if not m.general], [m for m in listed if m.general]):
        for mistake in group:
            if any(sign.fits(check, failure.stage, failure.message) for sign in mistake.signs):
                return mistake
        if isinstance(failure, AnswerMissing | LimitExceeded):
            continue
        oracles = [(m, form) for m in group for form in range(m.forms)]
        owed = max((i for i, (m, _) in enumerate(oracles) if m.credit), default=-1)
        for number, (mistake, form) in enumerate(oracles):
            if number > owed and time.monotonic() > deadline:
                break
            if _explains(again, reference.mistaken(mistake, form), failure):
                return mistake
    return None


#: What a variant raises on arguments that it was not written for.
NOT_IT = (CheckFailed, NeedsReview, ArithmeticError, AttributeError, LookupError, RuntimeError,
           TypeError, ValueError)  # fmt: skip


def _explains(again: Callable[[Any], Any], other: Any, failure: CheckFailed) -> bool:
    """Whether a check passes against another reference.

    Or fails by the means alone, where it was the result that had failed: that is the mistake too.
    """
    try:
        again(other)
    except CheckFailed as failed:
        return failed.stage is Stage.MEANS is not failure.stage
    except NOT_IT:
        return False
    return True
