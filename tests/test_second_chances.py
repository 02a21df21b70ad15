"""Helpers of parts that are judged before the helper's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.checks.loan import Loan
from grader.checks.student import Student
from grader.grading import Options, grade
from grader.model import GradeReport, PartResult, Status
from grader.rubric import Limits
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.submissions.build import perfect, slim

Graded = Callable[..., GradeReport]
Judged = Callable[[str, str], dict[str, PartResult]]
# Cells that do not end are given up soon.
SHORT = Limits(cell_s=8)
RIGHT = "def sigmoid(x):\n    return 1 / (1 + np.exp(-x))"
# What a lent sigmoid gives goes into a file, and from there into a sigmoid that nobody wrote.
KEEPS = "np.save('grid.npy', sigmoid(np.linspace(-60, 60, 2000001)))"
LOOKS_UP = """
def sigmoid(x):
    return np.interp(x, np.linspace(-60, 60, 2000001), np.load('grid.npy'))
"""


def sigmoid_below(begin: str, sigmoid: str) -> NotebookNode:
    """A notebook in which sigmoid is defined below the pass that uses it."""
    notebook = slim(perfect())
    cells = {cell.id: cell for cell in notebook.cells}
    head = "hidden_layers[0] = batch\n"
    assert head in cells["5b-iii"].source
    cells["5b-iii"].source = cells["5b-iii"].source.replace(head, f"{begin}\n    {head}")
    cells["5b-i"].source = sigmoid
    order = [cell for cell in notebook.cells if cell.id != "5b-i"]
    order.insert(order.index(cells["5b-iii"]) + 1, cells["5b-i"])
    notebook.cells = order
    return notebook


def parts_of(report: GradeReport) -> dict[str, PartResult]:
    return {part.id: part for part in report.parts}


@pytest.fixture
def judged(graded: Graded) -> Judged:
    """Both parts of a notebook in which sigmoid is defined below the pass that uses it."""
    return lambda begin, sigmoid: parts_of(
        graded(sigmoid_below(begin, sigmoid), parts=("5b-i", "5b-iii"))
    )


@pytest.fixture
def soon_graded(hw5: Assignment, launcher: Launcher, tmp_path: Path) -> Graded:
    """Grade a notebook where a cell has a few seconds, of which right ones need less than one."""
    short = Assignment(hw5.folder, hw5.rubric.model_copy(update={"limits": SHORT}))

    def run(notebook: NotebookNode, *parts: str) -> GradeReport:
        path = tmp_path / "submission.ipynb"
        nbformat.write(notebook, path)
        return grade(short, read_submission(path), launcher, Options(parts=parts))

    return run


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The code that is run again."""
    run: list[str] = []
    real_replay, real_lend = Student.replay, Student.lend

    def replay(self: Student, sources: Sequence[str], cells: Sequence[int], limit: float) -> None:
        run.extend(sources)
        real_replay(self, sources, cells, limit)

    def lend(self: Student, loan: Loan, limit: float) -> None:
        run.extend(source for _, source in loan.replay)
        real_lend(self, loan, limit)

    monkeypatch.setattr(Student, "replay", replay)
    monkeypatch.setattr(Student, "lend", lend)
    return run


def test_the_students_own_helper_from_further_down_comes_first(
    judged: Judged,
) -> None:
    parts = judged("pass", RIGHT)
    assert {part.status for part in parts.values()} == {Status.PASSED}
    told = [check.message for check in parts["5b-iii"].checks if check.max_score]
    assert all("stands further down, was run before it" in message for message in told)


def test_what_was_lent_before_its_part_was_judged_is_for_a_person(
    judged: Judged,
) -> None:
    parts = judged(KEEPS, LOOKS_UP)
    assert parts["5b-i"].status is Status.NEEDS_REVIEW
    assert parts["5b-i"].score == 0 and parts["5b-i"].pending_points == 2
    told = [check.message for check in parts["5b-i"].checks if check.max_score]
    assert all("was given right answers of this one" in message for message in told)


def test_a_wrong_helper_further_down_is_charged_in_its_part(
    judged: Judged,
) -> None:
    parts = judged("pass", RIGHT.replace("-x", "x"))
    assert parts["5b-iii"].status is Status.PASSED
    assert parts["5b-i"].status is Status.FAILED


def test_a_cell_without_an_end_is_run_ahead_once(again: list[str], soon_graded: Graded) -> None:
    endless = f"{RIGHT}\nwhile True:\n    pass"
    parts = parts_of(soon_graded(sigmoid_below("pass", endless), "5b-iii"))
    assert parts["5b-iii"].status is Status.PASSED
    assert again.count(endless) == 1


def test_a_cell_that_ran_out_of_time_is_not_run_again(
    again: list[str], soon_graded: Graded
) -> None:
    notebook = slim(perfect())
    (cell,) = (cell for cell in notebook.cells if cell.id == "3b")
    cell.source = f"while True:\n    pass\n{cell.source}"
    soon_graded(notebook, "3d")
    assert again and not any("while True" in source for source in again)
