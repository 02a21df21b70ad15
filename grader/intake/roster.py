"""A roster as an LMS exports it, or as a TA writes it.

Known are Canvas's gradebook, Gradescope's roster, Moodle's grading worksheet, and any CSV with
the columns name (or first and last name), id, email, login.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderException, UsageError
from grader.intake.model import Student
from grader.submission.files import MIB, printable, read_whole

_MOST_BYTES = 16 * MIB
_MOST_ROWS = 50_000
_MOST_CELL = 300
_COLUMNS = {
    "name": ("student", "name", "full name", "student name", "display name"),
    "first": ("first name", "firstname", "first", "given name"),
    "last": ("last name", "lastname", "last", "surname", "family name"),
    "lms_id": ("id", "identifier", "canvas id", "user id"),
    "sis_id": ("sis user id", "sis id", "sid", "student id", "id number", "student number"),
    "login": ("sis login id", "login", "login id", "username", "user name", "netid"),
    "email": ("email", "email address", "e-mail", "mail"),
    "section": ("section", "sections", "section name", "section_name"),
    "role": ("role",),
}
_IDENTIFYING = ("name", "last", "lms_id", "sis_id", "login", "email")
_PARTICIPANT = "participant "  # Moodle's identifier: this word, and the number
_TEST_STUDENT = "student, test"  # in every Canvas course
_POINTS = "points possible"


@dataclass(frozen=True)
class Roster:
    """A class's students. `name` is the file's."""

    name: str
    students: tuple[Student, ...]


def read_roster(path: Path) -> Roster:
    """Read a roster. Raises UsageError where it cannot be read, or names nobody."""
    where = printable(str(path))
    try:
        data = read_whole(path, where, _MOST_BYTES)
    except GraderException as error:
        raise UsageError(f"The roster cannot be read: {error}") from error
    try:
        students = tuple(dict.fromkeys(_students(data.decode("utf-8-sig"))))
    except (UnicodeError, csv.Error, ValueError) as error:
        raise UsageError(
            f"{where} cannot be read as a roster: {error}. Export it as CSV in UTF-8."
        ) from error
    if not students:
        raise UsageError(f"{where} lists no students.")
    return Roster(printable(path.name), students)


def _students(text: str) -> Iterator[Student]:
    rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    columns = _columns(next(rows, []))
    if not any(name in columns for name in _IDENTIFYING):
        raise ValueError("it should have the columns name, id, email or login")
    for count, row in enumerate(rows):
        if count > _MOST_ROWS:
            raise ValueError(f"it has more than {_MOST_ROWS} rows")
        cells = {key: row[at].strip()[:_MOST_CELL] for key, at in columns.items() if at < len(row)}
        if _is_student(cells):
            yield _student({key: printable(cell) for key, cell in cells.items()})


def _delimiter(text: str) -> str:
    """What stands between the cells of the first line: Canvas writes `;` in some languages."""
    line = text.partition("\n")[0]
    return max(",;\t", key=line.count)


def _columns(header: list[str]) -> dict[str, int]:
    told = [cell.strip().casefold() for cell in header]
    found = {}
    for key, names in _COLUMNS.items():
        at = next((told.index(name) for name in names if name in told), None)
        if at is not None:
            found[key] = at
    return found


def _is_student(cells: dict[str, str]) -> bool:
    name = cells.get("name", "").casefold()
    if name.startswith(_POINTS) or (name == _TEST_STUDENT and not cells.get("sis_id")):
        return False
    if cells.get("role", "student").casefold() not in ("student", ""):
        return False
    return any(cells.get(key) for key in _IDENTIFYING)


def _student(cells: dict[str, str]) -> Student:
    name = cells.get("name", "")
    if not name:
        parts = [cells.get("last", ""), cells.get("first", "")]
        name = ", ".join(filter(None, parts))
    number = cells.get("lms_id", "")
    if number.casefold().startswith(_PARTICIPANT):
        number = number[len(_PARTICIPANT) :].strip()
    login, email = cells.get("login", ""), cells.get("email", "")
    email = email or (login if "@" in login else "")
    known = name or login or email or cells.get("sis_id", "") or number
    return Student(known, number, cells.get("sis_id", ""), login, email, cells.get("section", ""))
