"""Whose submission is it? The LMS's word against the roster: by id, login, email, then name.

Nothing is guessed: what fits two students, and a name whose other marks speak against it, stays
as the download has it, and the entry's notes say so.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.intake.model import Piece, Student
from grader.intake.roster import Roster

_MARKS = ("lms_id", "sis_id", "login", "email")
# A school's number may be what one LMS calls id and another login.
_ALSO: dict[str, tuple[str, ...]] = {
    "sis_id": ("login",), "login": ("sis_id",), "email": ("login",),
}  # fmt: skip
_APOSTROPHES = "'`\u2019"
_FEWEST_WORDS = 2  # of a name at the start of a file's: a first name alone says nothing


@dataclass(frozen=True)
class _Found:
    """Students that something fits, and whether that was more than a name."""

    students: tuple[Student, ...] = ()
    by_name: bool = False
    doubt: str = ""


@dataclass(frozen=True)
class Matched:
    """Pieces with what the roster knows, the students of whom nothing came, and what is unclear."""

    pieces: list[Piece]
    absent: tuple[Student, ...]
    notes: tuple[str, ...]


def match_roster(pieces: Sequence[Piece], roster: Roster, *, by_file_name: bool) -> Matched:
    """Give each piece what the roster knows of its student.

    With `by_file_name` nothing but a file's name is known: it may be an id, a login, an email or
    a name, or start with a name.
    """
    index = _Index(roster.students)
    found = [index.find(piece.student, by_file_name) for piece in pieces]
    found = _without_namesakes(found)
    owners: dict[Student, list[str]] = defaultdict(list)
    for piece, told in zip(pieces, found, strict=True):
        if len(told.students) == 1:
            owners[told.students[0]].append(piece.id)
    doubtful = {s for told in found if len(told.students) > 1 for s in told.students}
    matched = [
        _known(p, f, roster, owners, by_file_name) for p, f in zip(pieces, found, strict=True)
    ]
    absent = [s for s in roster.students if s not in owners and s not in doubtful]
    open_ = sorted(s.name for s in doubtful if s not in owners)
    notes = (f"unclear whether they handed in: {', '.join(open_)}",) if open_ else ()
    return Matched(matched, tuple(sorted(absent, key=lambda s: s.name.casefold())), notes)


def _without_namesakes(found: list[_Found]) -> list[_Found]:
    """Whom an id, a login or an email found, no mere name finds as well."""
    certain = {s for told in found if not told.by_name for s in told.students}
    doubt = "another submission is by the one student of that name in the roster"
    return [
        _Found(doubt=doubt) if told.by_name and certain.intersection(told.students) else told
        for told in found
    ]


def _known(
    piece: Piece,
    found: _Found,
    roster: Roster,
    owners: dict[Student, list[str]],
    by_file_name: bool,
) -> Piece:
    notes = list(piece.notes)
    if len(found.students) == 1:
        student = found.students[0]
        told = piece.student
        if not found.by_name and not by_file_name and not _share_a_name(told.name, student.name):
            notes.append(f"the download calls the student {told.name}")
        twins = [other for other in owners[student] if other != piece.id]
        if twins:
            notes.append(f"the same student also handed in {', '.join(twins)}")
        known = {mark: getattr(told, mark) or getattr(student, mark) for mark in _MARKS}
        merged = Student(student.name, section=student.section, **known)
        return replace(piece, student=merged, notes=tuple(notes))
    if found.students:
        names = ", ".join(f"{s.name} ({_mark(s)})" for s in found.students[:5])
        notes.append(f"{roster.name} has several students whom it fits: {names}")
    else:
        notes.append(f"not in {roster.name}" + (f": {found.doubt}" if found.doubt else ""))
    return replace(piece, notes=tuple(notes))


def _mark(student: Student) -> str:
    return next((v for mark in _MARKS if (v := getattr(student, mark))), "no id")


class _Index:
    """The roster by each mark, and by name."""

    def __init__(self, students: Sequence[Student]) -> None:
        self._students = students
        self._marks: dict[tuple[str, str], list[Student]] = defaultdict(list)
        self._names: dict[str, list[Student]] = defaultdict(list)
        self._starts: dict[tuple[str, ...], list[Student]] = defaultdict(list)
        for student in students:
            for mark in _MARKS:
                if value := getattr(student, mark):
                    self._marks[mark, value.casefold()].append(student)
            for words in _orders(student.name):
                if student not in self._names["".join(words)]:
                    self._names["".join(words)].append(student)
                if len(words) >= _FEWEST_WORDS and student not in self._starts[words]:
                    self._starts[words].append(student)

    def find(self, told: Student, by_file_name: bool) -> _Found:
        if by_file_name:
            return self._by_file_name(told.name)
        for mark in _MARKS:
            value = getattr(told, mark).casefold()
            for column in self._columns(mark) if value else ():
                if students := self._marks.get((column, value)):
                    return _Found(tuple(students))
        return self._by_name(told)

    def _columns(self, mark: str) -> tuple[str, ...]:
        """Where a mark may stand in the roster: one `id` of a plain table may be any number."""
        plain = mark == "sis_id" and not any(student.sis_id for student in self._students)
        return (mark, *_ALSO.get(mark, ()), *(("lms_id",) if plain else ()))

    def _by_name(self, told: Student) -> _Found:
        students = self._named(told.name)
        fit = tuple(student for student in students if not _contradict(told, student))
        doubt = "someone there has that name, but another id" if students and not fit else ""
        return _Found(fit, by_name=True, doubt=doubt)

    def _named(self, name: str) -> list[Student]:
        found: list[Student] = []
        for words in _orders(name):
            found += [s for s in self._names.get("".join(words), []) if s not in found]
        return found

    def _by_file_name(self, name: str) -> _Found:
        for mark in _MARKS:
            if students := self._marks.get((mark, name.casefold())):
                return _Found(tuple(students))
        if students := self._named(name):
            return _Found(tuple(students), by_name=True)
        words, found = _words(name), []
        for length in range(_FEWEST_WORDS, len(words) + 1):
            starts = self._starts.get(words[:length], [])
            found += [student for student in starts if student not in found]
        return _Found(tuple(found), by_name=True)


def _contradict(told: Student, student: Student) -> bool:
    """Whether both have a mark, and it differs."""
    pairs = [(getattr(told, mark).casefold(), getattr(student, mark).casefold()) for mark in _MARKS]
    return any(one and other and one != other for one, other in pairs)


def _words(name: str) -> tuple[str, ...]:
    """A name's words without case, accents and marks, as Canvas and file names leave them out."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in _APOSTROPHES)
    return tuple(re.findall(r"[^\W_]+", plain))


def _orders(name: str) -> set[tuple[str, ...]]:
    """A name with its first and its last name in front; where the last begins is not known."""
    last, comma, first = name.partition(",")
    if comma:
        return {_words(last) + _words(first), _words(first) + _words(last)} - {()}
    words = _words(name)
    return {words[at:] + words[:at] for at in range(min(len(words), 8))}


def _share_a_name(one: str, other: str) -> bool:
    glued = {"".join(words) for words in _orders(other)}
    return any("".join(words) in glued for words in _orders(one))
