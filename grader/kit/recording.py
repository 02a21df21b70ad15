"""Recording the answers of a reference: the public checks judge the model answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import nbformat

from grader.assignment import Assignment
from grader.checks.answer_book import Recorder, write_book
from grader.checks.reference import Reference
from grader.errors import UsageError
from grader.exam import read_blank
from grader.grading import run_checks
from grader.judge import make_judge, make_launcher
from grader.model import Status
from grader.submission import read_submission
from grader.variants import KnownMistake, Mistake


def record_book(
    assignment: Assignment,
    path: Path,
    mistakes: Iterable[KnownMistake],
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the book of an assignment's answers, and of what those mistakes answer instead.

    Raises UsageError where the assignment has no model answers, or a check fails on them.
    """
    reference = Reference(assignment.reference_folder)
    recorder = Recorder(reference)
    launcher = make_launcher(assignment)
    try:
        with tempfile.TemporaryDirectory(prefix="grader-kit-") as folder:
            notebook = Path(folder) / "answers.ipynb"
            nbformat.write(read_blank(assignment).answered(), notebook)
            judge = make_judge(
                assignment, read_submission(notebook), launcher, public_only=True,
                reference=recorder, keeper=recorder,
            )  # fmt: skip
            try:
                run_checks(judge)
            finally:
                judge.close()
    finally:
        launcher.close()
    for name, result in judge.results.items():
        if result.status not in (Status.PASSED, Status.NEEDS_REVIEW):
            raise UsageError(f"the model answers fail {name}: {result.message}")
    progress("recording what known mistakes answer")
    listed = [
        (mistake.id, oracle)
        for mistake in mistakes
        if isinstance(mistake, Mistake)
        for oracle in mistake.oracles
    ]
    write_book(path, recorder, reference, listed)
