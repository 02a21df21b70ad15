"""Right helpers for parts that are judged before the helper's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import GradeReport, PartResult, Status
from tests.submissions.build import perfect, slim


@pytest.fixture
def judged(graded: Callable[..., GradeReport]) -> Callable[[str, str], dict[str, PartResult]]:
    """Both parts of a notebook in which sigmoid is defined below the pass that uses it."""

    def run(above: str, sigmoid: str) -> dict[str, PartResult]:
        notebook = slim(perfect())
        cells = {cell.id: cell for cell in notebook.cells}
        cells["5b-iii"].source = f"{above}\n{cells['5b-iii'].source}"
        cells["5b-i"].source = sigmoid
        order = [cell for cell in notebook.cells if cell.id != "5b-i"]
        order.insert(order.index(cells["5b-iii"]) + 1, cells["5b-i"])
        notebook.cells = order
        report = graded(notebook, parts=("5b-i", "5b-iii"))
        return {part.id: part for part in report.parts}

    return run


RIGHT = "def sigmoid(x):\n    return 1 / (1 + np.exp(-x))"


def test_what_was_lent_before_its_part_was_judged_is_for_a_person(
    judged: Callable[[str, str], dict[str, PartResult]],
) -> None:
    parts = judged("", RIGHT)
    assert parts["5b-iii"].status is Status.PASSED
    assert parts["5b-i"].status is Status.NEEDS_REVIEW
    assert parts["5b-i"].score == 0 and parts["5b-i"].pending_points == 2
    told = [check.message for check in parts["5b-i"].checks if check.max_score]
    assert all("was given right answers of this one" in message for message in told)


def test_what_was_not_lent_is_judged(judged: Callable[[str, str], dict[str, PartResult]]) -> None:
    parts = judged(RIGHT, RIGHT)
    assert {part.status for part in parts.values()} == {Status.PASSED}
    parts = judged(RIGHT, RIGHT.replace("-x", "x"))
    assert parts["5b-iii"].status is Status.PASSED
    assert parts["5b-i"].status is Status.FAILED
