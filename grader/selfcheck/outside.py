"""The public checks of a file as pytest's tests: what `pytest` runs in a student's folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from grader.assignment import load_assignment
from grader.desk import Desk, Task
from grader.grading import Options
from grader.model import CheckResult, Status
from grader.report.text import render_check
from grader.submission import name_of


def checks_of(file: str | Path, *, assignment: str) -> Callable[[str], None]:
    """A test function with a case for each public check of an assignment, judging `file`.

    Raises UsageError where there is no such assignment.
    """
    names = [name for name, (_, entry) in load_assignment(assignment).checks.items()
             if entry.public]  # fmt: skip

    @pytest.mark.parametrize("check", names)
    def test(check: str) -> None:
        result = _results(Path(file), assignment)[check.removeprefix("test_")]
        if result.status is Status.NEEDS_REVIEW:
            pytest.skip(f"a person decides: {result.message}")
        if result.score < result.max_score or result.status is not Status.PASSED:
            pytest.fail(f"{result.title}\n{render_check(result)}", pytrace=False)

    return test


@lru_cache(maxsize=8)
def _results(file: Path, assignment: str) -> dict[str, CheckResult]:
    """What became of each check of a file, which is judged once."""
    desk = Desk(load_assignment(assignment), Options(public_only=True))
    try:
        report = desk.report(Task(*name_of(file), file))
    finally:
        desk.close()
    return {check.id: check for part in report.parts for check in part.checks}
