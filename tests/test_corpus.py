"""Whole submissions: each listed mistake is found where it was made, and only there; each
accepted alternative loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import CheckResult, GradeReport, Status
from tests.submissions.build import Case, cases, perfect, slim

Graded = Callable[..., GradeReport]


# What a notebook alone does not show.
FOR_A_PERSON = {"images_are_there"}


def is_short(check: CheckResult) -> bool:
    """Whether a check has taken points; what goes to a person has not."""
    return check.score < check.max_score and check.id not in FOR_A_PERSON


def short_of(report: GradeReport) -> dict[str, str]:
    """Parts that lack automatic points, with the first message that says why."""
    return {
        part.id: next((c.message for c in part.checks if is_short(c)), "")
        for part in report.parts
        if any(is_short(c) for c in part.checks)
    }


def test_perfect_submission_gets_every_automatic_point(graded: Graded) -> None:
    report = graded(slim(perfect()))
    assert short_of(report) == {}
    assert report.auto_score == report.auto_max_score
    waiting = {c.id for p in report.parts for c in p.checks if c.status is Status.NEEDS_REVIEW}
    assert waiting == FOR_A_PERSON


@pytest.mark.parametrize("case", cases("mistakes"), ids=lambda case: case.name)
def test_mistake_loses_points_in_its_part_only(graded: Graded, case: Case) -> None:
    assert set(short_of(graded(slim(case.notebook())))) == {case.part}


@pytest.mark.parametrize("case", cases("accepted"), ids=lambda case: case.name)
def test_accepted_alternative_loses_nothing(graded: Graded, case: Case) -> None:
    assert short_of(graded(slim(case.notebook()))) == {}
