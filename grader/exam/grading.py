"""Grading one submission of an exam, in whichever process it is."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.errors import GraderError, SubmissionError
from grader.exam.excerpt import excerpt
from grader.exam.notebooks import Blank, read_blank
from grader.exam.results import Graded, Loss
from grader.exam.tasks import Task
from grader.grading import Options, grade
from grader.judge import make_launcher
from grader.model import GradeReport, Status
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from grader.variants import KnownMistake

# A mutant that takes longer is caught in a loop; nobody reads its smallest example.
_MUTANT_CELL_S = 30.0
_MUTANT_SHRINK_S = 0.01


class _Hurried(Assignment):
    """The assignment for answers of which only the verdict counts: nothing is explained."""

    def mistakes(self, part: str) -> tuple[KnownMistake, ...]:
        """None: no failure is given a name."""
        return ()


class Examiner:
    """Grades one submission after the other with a launcher of its own."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._hurried = _hurried(assignment)
        self._blank: Blank = read_blank(assignment)
        self._launcher: Launcher = make_launcher(assignment)

    def close(self) -> None:
        """End the launcher's processes."""
        self._launcher.close()

    def work(self, task: Task) -> Graded:
        """Grade one submission; a fault of the grader is told, and not raised.

        Raises UsageError where the rubric is wrong: then no other submission fares better.
        """
        started = time.perf_counter()
        assignment = self._hurried if task.alone else self._assignment
        # Parts are named, even if all of them: policies are not part of the exam.
        # Above the cell that was edited all is right, and need not be judged again.
        options = Options(parts=task.parts or tuple(assignment.parts), alone=True)
        try:
            with tempfile.TemporaryDirectory(prefix="exam-") as folder:
                path = _written(self._notebook(task), Path(folder))
                report = grade(assignment, read_submission(path), self._launcher, options)
        except (GraderError, SubmissionError) as error:
            return Graded(task=task.id, fault=str(error), duration_s=_since(started))
        return _outcome(task, report, _since(started))

    def _notebook(self, task: Task) -> NotebookNode:
        if task.kind == "template":
            return self._blank.unanswered()
        whole = self._blank.answered(task.cells)
        return excerpt(whole, task.alone) if task.alone else whole


def _hurried(assignment: Assignment) -> Assignment:
    limits = assignment.rubric.limits
    quick = limits.model_copy(
        update={"cell_s": min(limits.cell_s, _MUTANT_CELL_S), "shrink_s": _MUTANT_SHRINK_S}
    )
    rubric = assignment.rubric.model_copy(update={"limits": quick, "min_known_parts": 0})
    return _Hurried(assignment.folder, rubric)


def _written(notebook: NotebookNode, folder: Path) -> Path:
    path = folder / "submission.ipynb"
    nbformat.write(notebook, path)
    return path


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)


def _outcome(task: Task, report: GradeReport, duration_s: float) -> Graded:
    checks = [(part.id, check) for part in report.parts for check in part.checks]
    return Graded(
        task=task.id,
        score=report.auto_score,
        max_score=report.auto_max_score,
        losses=tuple(
            Loss(
                part=part,
                check=check.id,
                points=round(check.max_score - check.score, 4),
                message=check.message,
                diagnosis=check.diagnosis or "",
            )
            for part, check in checks
            if check.score < check.max_score and check.status is not Status.NEEDS_REVIEW
        ),
        review=tuple((p, c.id) for p, c in checks if c.status is Status.NEEDS_REVIEW),
        earned={part.id: part.score for part in report.parts},
        seconds={check.id: check.duration_s for _, check in checks},
        duration_s=duration_s,
    )
