"""How a result came about: the cells are run again with one thing changed that it may rest on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from grader.checks.remote import Remote
from grader.checks.student import Student
from grader.checks.verdict import CheckFailed, NeedsReview


class Cells(Protocol):
    """What of a submission's evidence is run again."""

    @property
    def cells(self) -> tuple[int, ...]:
        """Numbers of code cells."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Their code."""


def after_change(
    student: Student, submission: Cells, change: str, read: Callable[[Remote], Any]
) -> Any:
    """What `read` finds among the names of the cells, run again after a change.

    `change` is a function of the assignment's `scaffolds/means.py`. None where the cells do not
    run to their end with it: then nothing is proven. A part's checks share one answer.
    """
    if change not in student.memo:
        means = student.scaffold("means", patches=True)
        getattr(means, change)()
        told = None
        with contextlib.suppress(CheckFailed):  # by the cells, or by what is read of them
            told = read(student.rerun(submission.sources, submission.cells, timeout_s=30))
        student.renew()  # forgets what it is told to keep
        student.memo[change] = told
    return student.memo[change]


def assert_runs_again(student: Student, submission: Cells, what: str) -> None:
    """Raise NeedsReview where the cells do not even run again as they are.

    After a change that stopped them this says nothing of `what`; where they do run without it,
    it was the change that stopped them, and they rest on what was changed.
    """
    if "as they are" not in student.memo:
        ran = True
        try:
            student.rerun(submission.sources, submission.cells, timeout_s=30)
        except CheckFailed:
            ran = False
        student.renew()
        student.memo["as they are"] = ran
    if not student.memo["as they are"]:
        raise NeedsReview(f"The cells do not run a second time here, so that {what} is not "
                          "certain: a person looks at it.")  # fmt: skip
