"""A grade from one that is there: only what may have changed is judged again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from grader.assignment import Assignment
from grader.grading import Options, grade, info, totalled
from grader.model import GradeReport, PartResult
from grader.penalties import apply_policies
from grader.sandbox.launcher import Launcher
from grader.submission import Submission


def regrade(
    assignment: Assignment,
    submission: Submission,
    before: GradeReport,
    stale: tuple[str, ...],
    launcher: Callable[[], Launcher],
    options: Options,
) -> GradeReport:
    """Judge the `stale` parts again; the others keep what `before` says of them.

    The submission is the one of `before`, or one with the same files. Policies are judged anew:
    they are about names and dates too. Raises what `grade` raises.
    """
    kept = {part.id: part for part in before.parts if part.id not in stale}
    report = before
    if stale:
        chosen = dataclasses.replace(options, parts=stale)
        known = tuple(kept.values())
        report = grade(assignment, submission, launcher(), chosen, known=known)
    new = {part.id: part for part in report.parts}
    parts = tuple(_placed(kept.get(p.id) or new[p.id], p.title) for p in assignment.rubric.parts)
    update = {
        "parts": parts,
        "title": assignment.rubric.title,
        "submission": info(submission),
        "notes": submission.notes,
        # Parts that a person marks run nothing, and so tell nothing of it.
        "isolation": report.isolation if report.isolation.layers else before.isolation,
    }
    merged = report.model_copy(update=update)
    return totalled(merged, apply_policies(assignment, submission))


def _placed(part: PartResult, title: str) -> PartResult:
    return part if part.title == title else part.model_copy(update={"title": title})
