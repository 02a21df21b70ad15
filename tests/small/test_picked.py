"""Parts that are picked out: only the check files that hold their checks are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from tests.small.assignment import CHECKS, Grade, load_small

OTHER = 'raise RuntimeError("read")\n\n\n@pytest.mark.part("1e")\ndef test_scaled(student): ...\n'


def without_scaled(folder: Path) -> None:
    """Leave the check of part 1e out of its file."""
    path = folder / "rubrics" / "small" / "test_small.py"
    path.write_text(CHECKS.partition('@pytest.mark.part("1e")')[0], encoding="utf-8")


def test_a_check_that_another_part_lacks_is_told_where_all_are_graded(
    graded: Grade, tmp_path: Path
) -> None:
    assignment = load_small(tmp_path)
    without_scaled(tmp_path)
    assert graded({}, assignment, parts=("1a", "1b")).score == 6
    with pytest.raises(UsageError, match="part 1e lists test_scaled, which no test_"):
        graded({}, assignment, parts=("1e",))


def test_a_file_of_other_parts_is_not_loaded(graded: Grade, tmp_path: Path) -> None:
    assignment = load_small(tmp_path)
    without_scaled(tmp_path)
    (assignment.folder / "test_other.py").write_text(OTHER, encoding="utf-8")
    assert graded({}, assignment, parts=("1a",)).score == 2
    with pytest.raises(UsageError, match=r"A check file cannot be loaded:(.|\n)*read"):
        graded({}, assignment)


def test_parts_that_a_person_marks_read_no_file(graded: Grade) -> None:
    report = graded(parts=("2",))
    assert (report.score, report.pending_points) == (0, 2)
