"""A class as a table for a spreadsheet: a row a submission, a column a part.

A spreadsheet takes a cell that starts with `=`, `+`, `-` or `@` for a formula, which can run
programs and send the sheet away. So texts get an apostrophe before such a start, as OWASP
recommends (https://owasp.org/www-community/attacks/CSV_Injection). Numbers are ours and stay as
they are. `plain` is the way back.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from grader.model import GradeReport, PolicyState
from grader.report import words
from grader.report.escape import visible
from grader.report.rows import Row, decimal

COLUMNS = (
    "id", "student", "lms_id", "sis_id", "login", "status", "reason",
    "total", "max", "auto", "auto_max", "pending", "penalties", "late",
)  # fmt: skip

_LATE = {PolicyState.MET: "no", PolicyState.BROKEN: "yes", PolicyState.UNDECIDED: "not known"}
# Also after a semicolon: where decimals have a comma, it parts the cells of a file. The wide
# forms count as the others in some spreadsheets.
_BEGINS = r"(^|;)"
_FORMULA = r"(?=[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_OPEN = re.compile(_BEGINS + _FORMULA)
_CLOSED = re.compile(f"{_BEGINS}'{_FORMULA}")


def grades_csv(rows: Sequence[Row]) -> str:
    """Return the table, with a header. Write it as UTF-8 with a mark (`utf-8-sig`) for Excel.

    `status` is `graded`, `review pending` or `ungraded`; `reason` says why there is no grade.
    `total` is empty where the row has no score. Points of a part that a person has yet to mark
    are left out of its cell, which is empty where nothing of it is decided. A part that a report
    does not have is empty, too. `late` is `yes`, `no`, `not known`, or empty where the rubric
    does not ask.
    """
    parts = list(dict.fromkeys(p.id for row in rows if row.report for p in row.report.parts))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*COLUMNS, *(_text(f"part {name}") for name in parts)])
    for row in rows:
        points = _parts(row.report) if row.report else {}
        cells = [*_identity(row), *_points(row), *(points.get(name, "") for name in parts)]
        writer.writerow(cells)
    return table.getvalue()


def plain(cell: str) -> str:
    """Return the text that a cell of the table stands for, without apostrophes put in."""
    return _CLOSED.sub(r"\1", cell)


def _text(text: str) -> str:
    """One line of text that starts no formula."""
    return _OPEN.sub(r"\1'", " ".join(visible(text).split()))


def _identity(row: Row) -> Iterator[str]:
    status = "ungraded"
    if row.score is not None:
        status = "review pending" if row.report and row.report.pending_points else "graded"
    named = (row.id, row.student, row.lms_id, row.sis_id, row.login, status, row.reason)
    yield from map(_text, named)


def _points(row: Row) -> Iterator[str]:
    yield "" if row.score is None else decimal(row.score)
    report = row.report
    if report is None:
        yield from [""] * (len(COLUMNS) - COLUMNS.index("max"))
        return
    taken = sum(penalty.points for penalty in report.penalties)
    numbers = (report.max_score, report.auto_score, report.auto_max_score, report.pending_points)
    yield from map(decimal, (*numbers, taken))
    late = [policy.state for policy in report.policies if policy.policy == "lateness"]
    yield _LATE[late[0]] if late else ""


def _parts(report: GradeReport) -> dict[str, str]:
    return {p.id: "" if words.unmarked(p) else decimal(p.score) for p in report.parts}
