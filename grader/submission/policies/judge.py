"""Which function judges which policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode

from grader.policy_entries import PolicyBase
from grader.submission.ingest import Submission
from grader.submission.policies.comments import judge_comments
from grader.submission.policies.executed import judge_executed
from grader.submission.policies.finding import Finding
from grader.submission.policies.headings import judge_headings
from grader.submission.policies.lateness import judge_lateness
from grader.submission.policies.names import judge_names, judge_pdf
from grader.submission.policies.protected import judge_protected
from grader.submission.policies.questions import judge_questions

#: Judges by the policy's name in a rubric; each takes the options that bear this name.
JUDGES: dict[str, Callable[[Submission, NotebookNode | None, Any], Finding]] = {
    "names": judge_names,
    "pdf": judge_pdf,
    "headings": judge_headings,
    "protected": judge_protected,
    "executed": judge_executed,
    "questions": judge_questions,
    "comments": judge_comments,
    "lateness": judge_lateness,
}


def judge_policy(
    submission: Submission, template: NotebookNode | None, entry: PolicyBase
) -> Finding:
    """Judge one policy. The submission is only read, and none of its code is run."""
    return JUDGES[entry.policy](submission, template, entry)
