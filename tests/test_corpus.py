"""A sample of hw5's exam: known mistakes are found where they were made, and only there; accepted
alternatives lose nothing. All of it, with the mutants, takes longer: `grader validate hw5`.
"""

from __future__ import annotations

import pytest

from grader.assignment import Assignment
from grader.exam import ExamReport, Scope, hold_exam

# Each Nth variant, so that each problem has some.
EVERY = 31


@pytest.fixture(scope="module")
def told(hw5: Assignment, exam_launchers: None) -> ExamReport:
    """The exam on a sample of the variants."""
    return hold_exam(hw5, Scope(only="variants", every=EVERY))


def test_sample_of_the_exam_is_passed(told: ExamReport) -> None:
    assert told.problems == ()


def test_sample_has_mistakes_and_alternatives_of_most_parts(told: ExamReport) -> None:
    assert len({mistake.part for mistake in told.mistakes}) >= 8
    assert len(told.accepted) >= 2


def test_reference_gets_every_point_and_the_template_none(told: ExamReport) -> None:
    figures = told.figures
    assert figures.reference_points == figures.reference_max
    assert figures.template_points == 0
