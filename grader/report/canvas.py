"""Grades and feedback for Canvas: a column of its gradebook, and a ZIP of reports.

What Canvas does with either is read off its source (`lib/gradebook_importer.rb`,
`lib/content_zipper.rb`, `app/models/abstract_assignment.rb` of canvas-lms).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.report.escape import visible
from grader.report.rows import Row, decimal
from grader.report.spans import Cell, Line, read_lines, replaced

_START = re.compile(r'\ufeff?"?(?:Student|LastName)"?(?P<separator>[,;])')
_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<id>[0-9]+)\)")
# Canvas takes no grades from a column with one of these words in its header.
_TOTALS = re.compile(r"(?:Current|Final) (?:Score|Points|Grade)|Override (?:Score|Grade|Status)")
_READ_ONLY = re.compile(r"read\s+only")
_POSTING = re.compile(r"\s*(?:Muted|Manual Posting.*)?\s*", re.IGNORECASE)
_NO_SCORE = ("", "-")
_KEPT = {"EX": "the student is excused", "N/A": "the assignment is not given to the student"}
_MOST_LISTED = 30

_DOWNLOADED = re.compile(r"(?P<who>\w+?)_(?:LATE_)?(?P<ids>[0-9]+_[0-9]+)_.+", re.DOTALL)
_ANONYMOUS = re.compile(r"(?:LATE_)?(?P<ids>anon_[^\W_]+_[0-9]+)_.+", re.DOTALL)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a ZIP can hold
_ORDINARY_FILE = 0o100644 << 16


@dataclass(frozen=True)
class Change:
    """A cell that had a grade, and has another now."""

    student: str
    before: str
    after: str


@dataclass(frozen=True)
class Kept:
    """A grade that was not written, and why the cell was left as it is."""

    row: Row
    reason: str


@dataclass(frozen=True)
class Filled:
    """A gradebook with one column filled in.

    `column` is the header of that column and `points_possible` what Canvas gives for it, empty
    where it says nothing. `written` counts the cells that hold a grade of ours; `changed` are
    those of them that held another. `kept` are grades that were not written. `without_grade`
    names the students of the gradebook whose cell is as it was because there is no grade for
    them, `without_student` the submissions whose student the gradebook does not list.
    """

    text: str
    column: str
    points_possible: str
    written: int
    changed: tuple[Change, ...]
    kept: tuple[Kept, ...]
    without_grade: tuple[str, ...]
    without_student: tuple[Row, ...]


def fill_gradebook(text: str, column: str, scores: Sequence[Row]) -> Filled:
    """Write scores into one column of a gradebook that Canvas exported.

    `text` is the whole file, decoded with its byte order mark and its line ends (read it with
    `newline=""`). `column` is an assignment's header, title or id. Every other byte comes back as
    it was; Canvas passes over columns that did not change. An excused student (`EX`) and one who
    does not get the assignment (`N/A`) keep their cell, and a row without a score changes nothing.

    Raises UsageError where this is no gradebook, the column is not one assignment's, or a row
    fits two students or a student two rows.
    """
    book = _read(text)
    place = _column(book, column)
    owners, strangers = _matched(book, scores)
    values: dict[Cell, str] = {}
    changed, kept = [], []
    for line, row in owners.items():
        if row.score is None:
            continue
        cell, after = _cell(line, place), decimal(row.score)
        before = cell.value.strip()
        if before.upper() in _KEPT:
            kept.append(Kept(row, _KEPT[before.upper()]))
            continue
        values[cell] = after
        if before not in _NO_SCORE and not _same(before, after):
            changed.append(Change(book.name(line), before, after))
    silent = [s for s in book.students if s not in owners or owners[s].score is None]
    return Filled(
        text=replaced(text, values),
        column=book.header.value(place),
        points_possible=book.points.value(place) if book.points else "",
        written=len(values),
        changed=tuple(changed),
        kept=tuple(kept),
        without_grade=tuple(book.name(s) for s in silent if not book.is_test_student(s)),
        without_student=tuple(strangers),
    )


@dataclass(frozen=True)
class _Gradebook:
    header: Line
    points: Line | None
    students: tuple[Line, ...]

    def place(self, name: str) -> int | None:
        names = [cell.value.strip() for cell in self.header.cells]
        return names.index(name) if name in names else None

    def name(self, line: Line) -> str:
        last = self.place("LastName")
        if last is None:
            return line.value(0)
        return f"{line.value(last)}, {line.value(self.place('FirstName'))}"

    def is_test_student(self, line: Line) -> bool:
        return self.name(line) == "Student, Test" and not line.value(self.place("SIS User ID"))


def _read(text: str) -> _Gradebook:
    start = _START.match(text)
    after_mark = 1 if text.startswith("\ufeff") else 0
    lines = read_lines(text, start["separator"], after_mark) if start else ()
    header = [cell.value.strip() for cell in lines[0].cells] if lines else []
    if not start or "ID" not in header or "Section" not in header:
        raise UsageError(
            "This is no gradebook of Canvas: its first row should begin with Student and ID, and "
            "hold Section. Export it in Canvas under Grades, Export, Export Entire Gradebook."
        )
    number = header.index("ID")
    points = [x for x in lines[1:] if x.value(0) == "Points Possible" and not x.value(number)]
    students = [x for x in lines[1:] if x not in points and not _is_posting(x)]
    return _Gradebook(lines[0], points[0] if points else None, tuple(students))


def _is_posting(line: Line) -> bool:
    """Whether this is the row that says which assignments are posted by hand, or an empty one."""
    return all(_POSTING.fullmatch(cell.value) for cell in line.cells)


def _column(book: _Gradebook, wanted: str) -> int:
    """The place of the one column that takes grades and has this header, title or id."""
    headers = dict(_assignments(book))
    exact = [place for place, header in headers.items() if header == wanted.strip()]
    found = exact or [p for p, header in headers.items() if _is_named(header, wanted.strip())]
    if len(found) == 1:
        return found[0]
    choices = [headers[place] for place in found] or list(headers.values())
    more = f" and {len(choices) - _MOST_LISTED} more" if len(choices) > _MOST_LISTED else ""
    listed = "; ".join(visible(choice) for choice in choices[:_MOST_LISTED])
    said = f"fits {len(found)} assignments" if found else "is no assignment"
    raise UsageError(
        f"column={visible(wanted)!r} {said} of this gradebook, but should be one of: "
        f"{listed or 'there is none'}{more}"
    )


def _assignments(book: _Gradebook) -> Iterator[tuple[int, str]]:
    """The columns that Canvas takes grades from: their places and headers."""
    first = (book.place("Section") or 0) + 1
    for place, cell in enumerate(book.header.cells[first:], start=first):
        header = cell.value.strip()
        closed = book.points is not None and _READ_ONLY.search(book.points.value(place))
        if _ASSIGNMENT.fullmatch(header) and not _TOTALS.search(header) and not closed:
            yield place, header


def _is_named(header: str, wanted: str) -> bool:
    parts = _ASSIGNMENT.fullmatch(header)
    names = (parts["title"].strip().casefold(), parts["id"]) if parts else ()
    return wanted.casefold() in names


def _matched(book: _Gradebook, rows: Sequence[Row]) -> tuple[dict[Line, Row], list[Row]]:
    """Rows by the line of their student, and those without one: by ID, SIS ID, then login."""
    known: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in book.students:
        for name in ("ID", "SIS User ID", "SIS Login ID"):
            known[name, line.value(book.place(name)).casefold()].append(line)
    owners: dict[Line, Row] = {}
    strangers, wrong = [], []
    for row in rows:
        keys = {"ID": row.lms_id, "SIS User ID": row.sis_id, "SIS Login ID": row.login}
        named = {(n, k.strip().casefold()) for n, k in keys.items() if k.strip()}
        found = {line for key in named for line in known.get(key, ())}
        if not found:
            strangers.append(row)
        elif len(found) > 1:
            wrong.append(f"{visible(row.id)} fits {' and '.join(sorted(map(book.name, found)))}")
        elif (line := found.pop()) in owners:
            wrong.append(f"{visible(row.id)} and {visible(owners[line].id)} are one student's")
        else:
            owners[line] = row
    if wrong:
        raise UsageError(
            f"{len(wrong)} submissions cannot be told apart by what the gradebook says of their "
            f"students: {visible('; '.join(wrong[:_MOST_LISTED]))}. Leave one for each student."
        )
    return owners, strangers


def _cell(line: Line, place: int) -> Cell:
    if place >= len(line.cells):
        raise UsageError(
            f"Line {line.number} of the gradebook has {len(line.cells)} cells, but should have "
            f"more than {place}: export it from Canvas again."
        )
    return line.cells[place]


def _same(before: str, after: str) -> bool:
    """Whether Canvas would call it no change: it exports and compares two decimals."""
    try:
        return f"{float(before.replace(',', '.')):.2f}" == f"{float(after):.2f}"
    except ValueError:
        return False


def feedback_name(download: str) -> str | None:
    """Return the name under which Canvas takes feedback on a file of its download, or None.

    `download` is the name that Canvas gave the file: who, a user's id, an attachment's id and the
    student's own name for it, joined by `_`. Canvas reads the two ids and nothing after them, so
    nothing that a student chose comes after them. None is the answer for files without an
    attachment (text and links): Canvas passes over feedback on those.
    """
    if match := _ANONYMOUS.fullmatch(download):
        return f"{match['ids']}_report.html"
    match = _DOWNLOADED.fullmatch(download)
    if match is None:
        return None
    # Canvas takes the first two numbers of a name, also those that are a student's own name.
    who = "student" if match["who"].isdigit() else match["who"]
    return f"{who}_{match['ids']}_report.html"


def feedback_zip(files: Mapping[str, bytes]) -> bytes:
    """Return the ZIP for Canvas's upload of feedback: reports in HTML by names of its download.

    The same files give the same bytes. Canvas shows each report under the name of the student's
    own file, its ending included (canvas-lms issue 2406): nothing in a ZIP can change that, so
    students must be told to open it in a browser.

    Raises UsageError where Canvas would pass over a file, or take two for one: it says nothing
    of either itself.
    """
    named = {download: feedback_name(download) for download in files}
    lost = sorted(visible(download) for download, name in named.items() if name is None)
    counts = Counter(named.values())
    lost += sorted(visible(d) for d, name in named.items() if name and counts[name] > 1)
    if lost:
        raise UsageError(
            f"Canvas would not take feedback on {len(lost)} files by these names: "
            f"{'; '.join(lost[:_MOST_LISTED])}. Give the names of its own download, each once: "
            "name_USER_ATTACHMENT_file."
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for download in sorted(files, key=lambda download: str(named[download])):
            member = zipfile.ZipInfo(str(named[download]), _EPOCH)
            member.create_system = 3  # Unix, wherever this runs
            member.external_attr = _ORDINARY_FILE
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, files[download])
    return packed.getvalue()
