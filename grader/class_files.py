"""The files about a whole class, made from the gradebook: its table, its page, what is alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat

from grader import __version__
from grader.assignment import Assignment
from grader.desk import replace_file
from grader.gradebook import Grade, Gradebook, Handed
from grader.model import GradeReport
from grader.report.class_page import render_class
from grader.report.class_summary import summarise
from grader.report.grades_csv import grades_csv
from grader.report.rows import Row
from grader.similarity import SubmittedCode, compare, render_similarity
from grader.submission import map_parts

TABLE, PAGE, ALIKE = "grades.csv", "index.html", "similarity.html"
# The setting that says of which state of the gradebook they tell.
_WRITTEN = "class files"


def write_class(book: Gradebook, assignment: Assignment, out: Path) -> None:
    """Write them, unless they are there and tell what the gradebook holds.

    Raises UsageError where one cannot be written.
    """
    key = f"{__version__} {book.state_key()}"
    if book.setting(_WRITTEN) == key and all((out / name).exists() for name in (TABLE, PAGE)):
        return
    replace_file(out / TABLE, table_of(book))
    summary = summarise(rows_of(book))
    others: tuple[tuple[str, str], ...] = ()
    if len(summary.graded) > 1:
        others = (("Code that submissions share", ALIKE),)
        replace_file(out / ALIKE, _alike(book, assignment))
    replace_file(out / PAGE, render_class(summary, others))
    book.keep(_WRITTEN, key)


def table_of(book: Gradebook) -> bytes:
    """The class as CSV, with a mark in front by which spreadsheets know its letters."""
    return grades_csv([_without_checks(row) for row in rows_of(book)]).encode("utf-8-sig")


def _alike(book: Gradebook, assignment: Assignment) -> str:
    """The page of code that submissions share, beside what everybody was given."""
    codes = [
        SubmittedCode(row.id, row.student, {p.id: p.source for p in row.report.parts if p.source})
        for row in rows_of(book)
        if row.report is not None
    ]
    comparison = compare(codes, _template_code(assignment))
    return render_similarity(comparison, codes, assignment.rubric.title or assignment.name)


def _template_code(assignment: Assignment) -> dict[str, str]:
    if assignment.template is None:
        return {}
    notebook = nbformat.read(assignment.template, as_version=4)
    parts = map_parts(notebook, assignment.rubric.parts)
    return {
        part: "\n\n".join(notebook.cells[i].source for i in cells)
        for part, cells in parts.cells.items()
    }


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
