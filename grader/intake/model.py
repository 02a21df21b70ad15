"""What a class's download comes to: an entry a student, and what could not be read.

Plain data; every text in it is fit to be shown, whatever a student called their file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Literal

from grader.errors import GraderError
from grader.submission.files import MIB, printable

Form = Literal["canvas", "gradescope", "moodle", "folder", "single"]

MOST_ITEMS = 20_000  # entries at the top of a download
MOST_MEMBERS = 50_000  # files in a class's ZIP
MOST_CLASS_BYTES = 500 * 64 * MIB  # 500 students, and 64 MiB for each
GRADED = (".ipynb", ".py", ".zip")  # what may hold a submission
_MOST_NAME = 200
_MOST_SHOWN = 300


@dataclass(frozen=True)
class Student:
    """Who someone is, as a roster or an LMS tells it; '' where that is not known."""

    name: str
    lms_id: str = ""
    sis_id: str = ""
    login: str = ""
    email: str = ""
    section: str = ""


@dataclass(frozen=True)
class Entry:
    """One student's submission.

    `id` is fit for a file name, differs from all others of the class also where case does not
    count, and depends on the download alone. `path` is for `read_submission`. `late` is what the
    LMS says, `attempt` counts from 1, `others` names earlier attempts, which nobody grades.
    """

    id: str
    student: str
    path: Path
    lms_id: str = ""
    login: str = ""
    sis_id: str = ""
    email: str = ""
    submitted_at: datetime | None = None
    late: bool | None = None
    attempt: int | None = None
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unread:
    """Something in the download that is no submission, and why.

    `name` is what the download calls it. `student` and the rest are '' where nobody is known.
    """

    name: str
    reason: str
    id: str = ""
    student: str = ""
    lms_id: str = ""
    login: str = ""
    sis_id: str = ""
    email: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassList:
    """A class's download. `absent` are the students of the roster of whom nothing is in it."""

    form: Form
    entries: tuple[Entry, ...]
    unread: tuple[Unread, ...] = ()
    absent: tuple[Student, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One student's part of a download, before any of it is opened.

    `key` is its own alone; `id` is what to call it if no other is called so. `parts` maps what
    stands at the top of the download to its name in the submission; several are put together in
    a folder called `folder`. `refused` says why there is nothing to read.
    """

    key: str
    id: str
    student: Student
    parts: Mapping[str, str]
    folder: str = ""
    submitted_at: datetime | None = None
    late: bool | None = None
    attempt: int | None = None
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""

    @property
    def name(self) -> str:
        """What the download calls it."""
        return shown(", ".join(self.parts))


@dataclass(frozen=True)
class Split:
    """A download taken apart: a piece a student, and what belongs to nobody."""

    pieces: list[Piece] = field(default_factory=list)
    strays: list[Unread] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def told_apart(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with ids that differ also where case does not count.

    Of several that would be called the same each gets a hash of its own key, so that no id
    depends on which of them was read first. Raises GraderError where keys are not their own.
    """
    apart = list(pieces)
    if len({piece.key for piece in apart}) < len(apart):
        raise GraderError("Two submissions of a download have the same key.")
    while len(taken := Counter(piece.id.casefold() for piece in apart)) < len(apart):
        # More than once only where someone took the name that another got in the first round.
        apart = [_marked(p) if taken[p.id.casefold()] > 1 else p for p in apart]
    return apart


def _marked(piece: Piece) -> Piece:
    key = f"{piece.key}\0{piece.id}".encode("utf-8", "surrogatepass")
    return replace(piece, id=f"{piece.id}-{hashlib.sha256(key).hexdigest()[:12]}")


def shown(text: str) -> str:
    """`text` as a page or a terminal can show it, and not for ever."""
    return printable(text[:_MOST_SHOWN])[:_MOST_SHOWN]


def clean_name(name: str) -> str:
    """A file's name, one part of a path, as every system can write it and a terminal show it."""
    cleaned = "".join("_" if c in '/\\:*?"<>|' or printable(c) != c else c for c in name)
    stem, dot, suffix = cleaned.rpartition(".")
    if not stem or len(suffix) > 10:
        stem, dot, suffix = cleaned, "", ""
    room = _MOST_NAME - len((dot + suffix).encode())
    cleaned = stem.encode()[:room].decode(errors="ignore") + dot + suffix
    return cleaned if cleaned.strip().strip(". ") else f"_{len(cleaned)}"


def fresh_name(names: Iterable[str], taken: set[str]) -> str:
    """Take the first of some names that is free, cleaned, else the last with a number."""
    *_, last = cleaned = [clean_name(name) for name in names]
    numbered = (f"{number}-{last}" for number in count(2))
    name = next(name for name in chain(cleaned, numbered) if name.casefold() not in taken)
    taken.add(name.casefold())
    return name


def strays(items: Mapping[str, bool], why: str) -> Split:
    """What an LMS did not put into its download: a row each, and a note for mere tables.

    `items` maps names to whether they are folders.
    """
    rows, passed = [], []
    for name, is_folder in sorted(items.items()):
        if is_folder or name.lower().endswith(GRADED):
            rows.append(Unread(shown(name), why))
        else:
            passed.append(printable(name)[:_MOST_NAME])
    more = f" and {len(passed) - 5} more" if len(passed) > 5 else ""
    notes = [f"passed over: {', '.join(passed[:5])}{more}"] if passed else []
    return Split(strays=rows, notes=notes)
