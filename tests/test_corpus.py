"""Whole submissions: each listed mistake is found where it was made, and only there; each
accepted alternative loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import GradeReport
from tests.submissions.build import Case, cases, perfect, slim

Graded = Callable[..., GradeReport]


def short_of(report: GradeReport) -> dict[str, str]:
    """Parts that lack automatic points, with the first message that says why."""
    return {
        part.id: next((c.message for c in part.checks if c.score < c.max_score), "")
        for part in report.parts
        if part.checks and any(c.score < c.max_score for c in part.checks)
    }


def test_perfect_submission_gets_every_automatic_point(graded: Graded) -> None:
    report = graded(slim(perfect()))
    assert short_of(report) == {}
    assert report.score == report.auto_max_score


@pytest.mark.parametrize("case", cases("mistakes"), ids=lambda case: case.name)
def test_mistake_loses_points_in_its_part_only(graded: Graded, case: Case) -> None:
    assert set(short_of(graded(slim(case.notebook())))) == {case.part}


@pytest.mark.parametrize("case", cases("accepted"), ids=lambda case: case.name)
def test_accepted_alternative_loses_nothing(graded: Graded, case: Case) -> None:
    assert short_of(graded(slim(case.notebook()))) == {}
