"""A sample of hw5's exam: known mistakes are found where they were made, and only there; accepted
alternatives lose nothing. All of it, with the mutants, takes longer: `grader validate hw5`.
"""

from __future__ import annotations

from grader.assignment import Assignment
from grader.exam import Scope, hold_exam

# Each Nth variant, so that each problem has some.
EVERY = 61


# One test, since a process that had another would hold the exam again.
def test_sample_of_the_exam_is_passed(hw5: Assignment, one_reference: None) -> None:
    told = hold_exam(hw5, Scope(only="variants", every=EVERY))
    assert told.problems == ()
    assert len({mistake.part for mistake in told.mistakes}) >= 8
    assert len(told.accepted) >= 2
    figures = told.figures
    assert figures.reference_points == figures.reference_max
    assert figures.template_points == 0
