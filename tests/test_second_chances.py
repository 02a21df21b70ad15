"""Helpers of parts that are judged before the helper's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import GradeReport, PartResult, Status
from tests.submissions.build import perfect, slim

Judged = Callable[[str, str], dict[str, PartResult]]


@pytest.fixture
def judged(graded: Callable[..., GradeReport]) -> Judged:
    """Both parts of a notebook in which sigmoid is defined below the pass that uses it."""

    def run(begin: str, sigmoid: str) -> dict[str, PartResult]:
        notebook = slim(perfect())
        cells = {cell.id: cell for cell in notebook.cells}
        head = "hidden_layers[0] = batch\n"
        assert head in cells["5b-iii"].source
        cells["5b-iii"].source = cells["5b-iii"].source.replace(head, f"{begin}\n    {head}")
        cells["5b-i"].source = sigmoid
        order = [cell for cell in notebook.cells if cell.id != "5b-i"]
        order.insert(order.index(cells["5b-iii"]) + 1, cells["5b-i"])
        notebook.cells = order
        report = graded(notebook, parts=("5b-i", "5b-iii"))
        return {part.id: part for part in report.parts}

    return run


RIGHT = "def sigmoid(x):\n    return 1 / (1 + np.exp(-x))"
# What a lent sigmoid gives goes into a file, and from there into a sigmoid that nobody wrote.
KEEPS = "np.save('grid.npy', sigmoid(np.linspace(-60, 60, 2000001)))"
LOOKS_UP = """
def sigmoid(x):
    return np.interp(x, np.linspace(-60, 60, 2000001), np.load('grid.npy'))
"""


def test_the_students_own_helper_from_further_down_comes_first(judged: Judged) -> None:
    parts = judged("pass", RIGHT)
    assert {part.status for part in parts.values()} == {Status.PASSED}
    told = [check.message for check in parts["5b-iii"].checks if check.max_score]
    assert all("stands further down, was run before it" in message for message in told)


def test_what_was_lent_before_its_part_was_judged_is_for_a_person(judged: Judged) -> None:
    parts = judged(KEEPS, LOOKS_UP)
    assert parts["5b-i"].status is Status.NEEDS_REVIEW
    assert parts["5b-i"].score == 0 and parts["5b-i"].pending_points == 2
    told = [check.message for check in parts["5b-i"].checks if check.max_score]
    assert all("was given right answers of this one" in message for message in told)


def test_a_wrong_helper_further_down_is_charged_in_its_part(judged: Judged) -> None:
    parts = judged("pass", RIGHT.replace("-x", "x"))
    assert parts["5b-iii"].status is Status.PASSED
    assert parts["5b-i"].status is Status.FAILED
