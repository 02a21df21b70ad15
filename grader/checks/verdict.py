"""How a check says no: one exception for each kind of verdict that is not a pass.

A check raises; the plugin turns what it raised into a `CheckResult`. Whatever else a check
raises is a fault of the grader and never of the student.
"""

from __future__ import annotations

from grader.model import Counterexample, Raised, Stage, Status


class CheckFailed(AssertionError):
    """The answer differs from what was asked, at `stage`."""

    status = Status.FAILED

    def __init__(
        self,
        stage: Stage,
        message: str,
        *,
        hint: str = "",
        counterexample: Counterexample | None = None,
        raised: Raised | None = None,
    ) -> None:
        super().__init__(message)
        self.stage = stage
        self.message = message
        self.hint = hint
        self.counterexample = counterexample
        self.raised = raised


class AnswerMissing(CheckFailed):
    """A name that the part should define is not there, or still holds its placeholder."""

    status = Status.MISSING


class LimitExceeded(CheckFailed):
    """The answer crashed its process or ran out of a limit."""

    status = Status.ERROR


class NeedsReview(Exception):
    """The check cannot decide: a person has to look. No points are taken or given."""
