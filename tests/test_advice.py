"""Checks that the rubric gives no weight advise: they change neither points nor status."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import GradeReport, Stage, Status
from grader.report.text import render_text
from tests.submissions.build import slim, with_edit

UNSHIFTED = ("powers / np.sum(powers, axis=-1, keepdims=True)", "5b-ii")


@pytest.mark.parametrize("part", ["5b-ii"])
def test_softmax_that_overflows_is_advised_and_loses_nothing(
    graded: Callable[..., GradeReport], part: str
) -> None:
    old, cell = UNSHIFTED
    new = "np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)"
    report = graded(slim(with_edit(cell, old, new)), parts=(part,))
    found = next(c for c in report.parts[0].checks if c.id == "softmax_of_extremes")
    assert (found.status, found.stage, found.max_score) == (Status.FAILED, Stage.EXTREMES, 0)
    assert (report.parts[0].status, report.score) == (Status.PASSED, report.max_score)
    assert "Advice, costs nothing" in render_text(report)
