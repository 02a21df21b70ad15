"""`grader export`: the grades of a folder in the form that another program reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from grader.class_files import rows_of, table_of
from grader.desk import page_of, replace_file
from grader.errors import UsageError
from grader.gradebook import NAME, Gradebook
from grader.report import canvas, gradescope, junit


@dataclasses.dataclass(frozen=True)
class Export:
    """What is to be exported, and where to.

    `table` and `column` are the instructor's own Canvas gradebook and the column to fill.
    """

    source: Path
    to: Path
    table: Path | None = None
    column: str = ""


def export(form: str, wanted: Export) -> list[str]:
    """Write the export; sentences about what a person should know.

    Raises UsageError where there is no gradebook, or the table does not suit it.
    """
    path = wanted.source / NAME
    if not path.is_file():
        raise UsageError(f"{wanted.source} has no {NAME}: give the folder that `grade` wrote to.")
    with Gradebook(path) as book:
        return FORMS[form](book, wanted)


def _canvas(book: Gradebook, wanted: Export) -> list[str]:
    if wanted.table is None or not wanted.column:
        raise UsageError(
            "For Canvas, give the gradebook that you exported there and the assignment's column: "
            "--gradebook FILE --column TITLE"
        )
    try:
        text = wanted.table.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{wanted.table} cannot be read as a gradebook: {error}") from error
    rows = [dataclasses.replace(row, report=None) for row in rows_of(book)]
    filled = canvas.fill_gradebook(text, wanted.column, rows)
    replace_file(wanted.to, filled.text.encode("utf-8"))
    return _told(filled)


def _told(filled: canvas.Filled) -> list[str]:
    """What was not filled in, and what was there before."""
    possible = f", of {filled.points_possible} points" if filled.points_possible else ""
    return [
        f"{filled.written} grades in {filled.column}{possible}",
        *(f"replaced: {one.student}: {one.before} by {one.after}" for one in filled.changed),
        *(f"left as it is: {one.row.student}: {one.reason}" for one in filled.kept),
        *(f"not in the gradebook: {row.student}" for row in filled.without_student),
        *(f"without a grade: {name}" for name in filled.without_grade),
    ]


def _feedback(book: Gradebook, wanted: Export) -> list[str]:
    files: dict[str, bytes] = {}
    left: list[str] = []
    for handed, grade in book.grades():
        page = page_of(wanted.source, handed.id)
        name = canvas.feedback_name(handed.source)
        if grade is None or grade.report is None or not page.is_file():
            left.append(f"left out: {handed.student}: no report")
        elif name is None:
            left.append(f"left out: {handed.student}: {handed.source} is no name of Canvas's")
        else:
            files[name] = page.read_bytes()
    replace_file(wanted.to, canvas.feedback_zip(files))
    return left


def _gradescope(book: Gradebook, wanted: Export) -> list[str]:
    """One results.json a submission, in a folder."""
    left = []
    for row in rows_of(book):
        if row.report is None:
            left.append(f"left out: {row.student}: {row.reason}")
            continue
        replace_file(wanted.to / row.id / "results.json", gradescope.results_json(row.report))
    return left


def _junit(book: Gradebook, wanted: Export) -> list[str]:
    rows = list(rows_of(book))
    reports = [row.report for row in rows if row.report is not None]
    replace_file(wanted.to, junit.junit_xml(reports, [r for r in rows if r.report is None]))
    return []


def _csv(book: Gradebook, wanted: Export) -> list[str]:
    replace_file(wanted.to, table_of(book))
    return []


FORMS: dict[str, Callable[[Gradebook, Export], list[str]]] = {
    "canvas": _canvas,
    "canvas-feedback": _feedback,
    "gradescope": _gradescope,
    "junit": _junit,
    "csv": _csv,
}
