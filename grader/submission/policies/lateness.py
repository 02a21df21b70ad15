"""Policy: the submission came in time, by the stamp of the LMS."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

from nbformat import NotebookNode

from grader.policy_entries import Lateness
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, undecided

# Canvas writes it into the name of a file that came late.
_MARKED_LATE = re.compile(r"(?:^|_)LATE_\d{2,}_")


def judge_lateness(
    submission: Submission, template: NotebookNode | None, options: Lateness
) -> Finding:
    """Compare the stamp with the date that holds for this submission."""
    arranged = options.arranged.get(submission.id) or options.arranged.get(submission.student)
    due = options.zoned(arranged or options.due)
    if submission.submitted_at is None:
        return _without_stamp(submission, options, arranged is not None)
    at = options.zoned(submission.submitted_at).astimezone(due.tzinfo)
    late = at - due - timedelta(minutes=options.grace_minutes)
    shown = f"Handed in {_shown(at)}, due {_shown(due)}"
    if late <= timedelta(0):
        return met(f"{shown}.")
    days = max(1, math.ceil((at - due) / timedelta(days=1)))
    told = f"{shown}: {days} day{'' if days == 1 else 's'} late, begun days counted."
    return broken([told], times=days if options.per_day else 1.0)


def _without_stamp(submission: Submission, options: Lateness, arranged: bool) -> Finding:
    name = submission.container_name or submission.source
    if not _MARKED_LATE.search(name):
        return undecided("When it was handed in is not known here.")
    told = "The name of the file says LATE"
    if options.per_day or arranged:
        return undecided(f"{told}, but not by how much.")
    return broken([f"{told}."])


def _shown(date: datetime) -> str:
    return date.strftime("%Y-%m-%d %H:%M %z")
