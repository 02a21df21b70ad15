"""What broken policies cost: findings of a submission, priced by the rubric."""

from __future__ import annotations

import functools
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.model import Penalty, PolicyResult, PolicyState
from grader.policy_entries import Lateness, PolicyBase
from grader.submission import Submission
from grader.submission.policies import Finding, judge_policy

_DECIMALS = 4


def apply_policies(assignment: Assignment, submission: Submission) -> tuple[PolicyResult, ...]:
    """Judge the rubric's policies that are switched on, in its order.

    A share is one of all points of the assignment, whatever part of it is graded here.
    """
    total = sum(part.points for part in assignment.rubric.parts)
    template = _read_template(assignment.template)
    return tuple(
        _result(entry, judge_policy(submission, template, entry), total)
        for entry in assignment.rubric.policies
        if entry.enabled
    )


def penalties_of(results: tuple[PolicyResult, ...]) -> tuple[Penalty, ...]:
    """The points that broken policies take, with the evidence as the reason."""
    return tuple(
        Penalty(policy=result.title, points=result.points, reason=" ".join(result.evidence))
        for result in results
        if result.state is PolicyState.BROKEN
    )


def _result(entry: PolicyBase, finding: Finding, total: float) -> PolicyResult:
    cost = entry.price.of(total) * finding.times if finding.state == "broken" else 0.0
    if isinstance(entry, Lateness) and entry.at_most is not None:
        cost = min(cost, entry.at_most.of(total))
    return PolicyResult(
        policy=entry.policy,
        title=entry.title,
        state=PolicyState(finding.state),
        points=-round(min(cost, total), _DECIMALS) or 0.0,
        price=round(entry.price.of(total), _DECIMALS),
        evidence=finding.evidence,
    )


@functools.cache
def _read_template(path: Path | None) -> NotebookNode | None:
    """The notebook that students get; it is read once, and nobody changes it."""
    return nbformat.read(path, as_version=4) if path is not None and path.is_file() else None
