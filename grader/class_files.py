"""The files about a whole class: its table and its page, made from the gradebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader import __version__
from grader.desk import replace_file
from grader.gradebook import Grade, Gradebook, Handed
from grader.model import GradeReport
from grader.report.class_page import render_class
from grader.report.class_summary import summarise
from grader.report.grades_csv import grades_csv
from grader.report.rows import Row

TABLE, PAGE = "grades.csv", "index.html"
# The setting that says of which state of the gradebook they tell.
_WRITTEN = "class files"


def write_class(book: Gradebook, out: Path) -> None:
    """Write both, unless they are there and tell what the gradebook holds.

    Raises UsageError where one cannot be written.
    """
    key = f"{__version__} {book.state_key()}"
    if book.setting(_WRITTEN) == key and all((out / name).exists() for name in (TABLE, PAGE)):
        return
    table = grades_csv([_without_checks(row) for row in rows_of(book)])
    replace_file(out / TABLE, table.encode("utf-8-sig"))  # so that spreadsheets know its letters
    replace_file(out / PAGE, render_class(summarise(rows_of(book))))
    book.keep(_WRITTEN, key)


def rows_of(book: Gradebook) -> Iterator[Row]:
    """Everybody in the class, one report in memory at a time."""
    for handed, grade in book.grades():
        yield row_of(handed, grade)


def row_of(handed: Handed, grade: Grade | None) -> Row:
    """What an export needs of one submission. Without a grade there is no score, but a reason."""
    report = grade.report if grade else None
    return Row(
        id=handed.id,
        student=handed.student,
        lms_id=handed.lms_id,
        sis_id=handed.sis_id,
        login=handed.login,
        score=report.score if report else None,
        reason=grade.reason if grade else "not graded yet",
        report=report,
    )


def _without_checks(row: Row) -> Row:
    """The row with as much of its report as a table needs: a class of them is in memory at once."""
    if row.report is None:
        return row
    parts = tuple(
        part.model_copy(update={"checks": (), "source": "", "problems": ()})
        for part in row.report.parts
    )
    slim: GradeReport = row.report.model_copy(update={"parts": parts})
    return Row(row.id, row.student, row.lms_id, row.sis_id, row.login, row.score, row.reason, slim)
