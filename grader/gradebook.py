"""The gradebook: every grade that a class was given, with its reason, in SQLite.

One transaction a submission; WAL, so that a page or an export reads while grading goes on. A
grade is never changed: a new one comes after it, and the last one counts. What is kept of a
grade is its report, and what it was made from, so that only what has changed is graded again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

from grader.errors import UsageError
from grader.model import GradeReport

NAME = "gradebook.sqlite"
_BUSY_S = 30.0
# Each entry brings a gradebook of the version before it, its index, to the next.
_MIGRATIONS = (
    """
    CREATE TABLE submissions (
        id TEXT PRIMARY KEY,
        student TEXT NOT NULL,
        lms_id TEXT NOT NULL DEFAULT '',
        sis_id TEXT NOT NULL DEFAULT '',
        login TEXT NOT NULL DEFAULT '',
        source TEXT NOT NULL,
        notes TEXT NOT NULL DEFAULT '[]',
        present INTEGER NOT NULL DEFAULT 1
    );
    CREATE TABLE grades (
        number INTEGER PRIMARY KEY,
        submission TEXT NOT NULL REFERENCES submissions (id),
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL,
        score REAL,
        max_score REAL,
        pending REAL,
        content TEXT NOT NULL,
        keys TEXT NOT NULL,
        report BLOB
    );
    CREATE INDEX grades_by_submission ON grades (submission, number);
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)


class Kind(str, Enum):
    """How a grade came to be."""

    AUTOMATIC = "automatic"
    REGRADED = "regraded"
    MARKED = "marked"
    ADJUSTED = "adjusted"


class State(str, Enum):
    """Whether there is a grade, and if not, why.

    `unreadable` is the submission's fault, `ungraded` the grader's; who is `absent` handed in
    nothing.
    """

    GRADED = "graded"
    UNREADABLE = "unreadable"
    UNGRADED = "ungraded"
    ABSENT = "absent"


@dataclass(frozen=True)
class Handed:
    """Who handed something in, and what it was called."""

    id: str
    student: str
    source: str
    lms_id: str = ""
    sis_id: str = ""
    login: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grade:
    """One grade in a submission's history.

    `content` and `keys` say what it was made from: a hash of the files, and one for each part.
    `report` is None where there is no grade; then `reason` says why.
    """

    submission: str
    kind: Kind
    state: State
    reason: str
    content: str = ""
    keys: Mapping[str, str] | None = None
    report: GradeReport | None = None
    at: str = ""
    number: int = 0


@dataclass(frozen=True)
class Basis:
    """What a grade was made from, and whether there is a report of it."""

    content: str
    keys: Mapping[str, str]
    has_report: bool


class Gradebook:
    """A class's grades in one file; without a path in memory, and gone with this.

    Raises UsageError where the file cannot be used.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", timeout=_BUSY_S, isolation_level=None)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error
        try:
            self._open()
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise UsageError(f"{path} cannot be used as a gradebook: {error}") from error
            raise

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._migrate()

    @classmethod
    def copy_in_memory(cls, path: Path) -> Gradebook:
        """What a file holds, to try things out on; an empty one where there is no such file."""
        made = cls(None)
        if path.is_file():
            with cls(path) as there:
                there._db.backup(made._db)
        return made

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _migrate(self) -> None:
        version = self._version()
        if version > len(_MIGRATIONS):
            raise UsageError(
                f"{self.path} was made by a newer grader (version {version} of its form; this "
                f"one knows {len(_MIGRATIONS)}): use that one, or another --out."
            )
        while version < len(_MIGRATIONS):
            # `executescript` would commit by itself: a half-done migration is to be undone.
            with self._transaction():
                version = self._version()  # another process may have come first
                for statement in "".join(_MIGRATIONS[version : version + 1]).split(";"):
                    self._db.execute(statement)
                version = min(version + 1, len(_MIGRATIONS))
                self._db.execute(f"PRAGMA user_version={version}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def setting(self, name: str) -> str:
        """A text that was kept under a name; empty where none was."""
        row = self._db.execute("SELECT value FROM settings WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def keep(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def state_key(self) -> str:
        """Another text wherever a grade was added, or somebody came or went."""
        last = self._db.execute("SELECT coalesce(max(number), 0) FROM grades").fetchone()[0]
        rows = self._db.execute("SELECT * FROM submissions WHERE present ORDER BY id").fetchall()
        told = json.dumps([last, *(list(row) for row in rows)])
        return hashlib.sha256(told.encode()).hexdigest()

    def enrol(self, handed: list[Handed], *, whole: bool = True) -> None:
        """Say who is in the class now, or who comes to it where that is not the `whole` of it.

        Grades of those who are no longer in it stay, but do not count.
        """
        with self._transaction():
            if whole:
                self._db.execute("UPDATE submissions SET present=0")
            for one in handed:
                self._db.execute(
                    "INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
                    (one.id, one.student, one.lms_id, one.sis_id, one.login, one.source,
                     json.dumps(one.notes)),
                )  # fmt: skip

    def record(self, grade: Grade) -> None:
        """Add a grade, in one transaction; it counts from now on."""
        report = grade.report
        sums = (report.score, report.max_score, report.pending_points) if report else (None,) * 3
        text = zlib.compress(report.model_dump_json().encode(), 6) if report else None
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._transaction():
            self._db.execute(
                "INSERT INTO grades (submission, at, kind, reason, state, score, max_score, "
                "pending, content, keys, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (grade.submission, now, grade.kind.value, grade.reason, grade.state.value, *sums,
                 grade.content, json.dumps(dict(grade.keys or {})), text),
            )  # fmt: skip

    def handed(self) -> list[Handed]:
        """Who is in the class, by student."""
        rows = self._db.execute("SELECT * FROM submissions WHERE present ORDER BY student, id")
        return [
            Handed(
                row["id"], row["student"], row["source"], row["lms_id"], row["sis_id"],
                row["login"], tuple(json.loads(row["notes"])),
            )
            for row in rows
        ]  # fmt: skip

    def current(self, submission: str) -> Grade | None:
        """The grade that counts; None where the submission has none yet."""
        found = self._grades("WHERE submission=? ORDER BY number DESC LIMIT 1", (submission,))
        return next(found, None)

    def basis(self) -> dict[str, Basis]:
        """What each submission's last grade was made from.

        Left out is what the grader failed to grade: it is always tried again.
        """
        rows = self._db.execute(
            "SELECT submission, content, keys, state FROM grades WHERE state!=? AND number IN "
            "(SELECT max(number) FROM grades GROUP BY submission)",
            (State.UNGRADED.value,),
        )
        return {
            row["submission"]: Basis(
                row["content"], json.loads(row["keys"]), row["state"] == State.GRADED.value
            )
            for row in rows
        }

    def history(self, submission: str) -> list[Grade]:
        """Every grade that a submission was given, the first one first."""
        return list(self._grades("WHERE submission=? ORDER BY number", (submission,)))

    def grades(self) -> Iterator[tuple[Handed, Grade | None]]:
        """Everybody in the class with the grade that counts, one report in memory at a time."""
        for one in self.handed():
            yield one, self.current(one.id)

    def _grades(self, where: str, values: tuple[object, ...]) -> Iterator[Grade]:
        for row in self._db.execute(f"SELECT * FROM grades {where}", values):
            yield Grade(
                submission=row["submission"],
                kind=Kind(row["kind"]),
                state=State(row["state"]),
                reason=row["reason"],
                content=row["content"],
                keys=json.loads(row["keys"]),
                report=_read_report(row["report"]),
                at=row["at"],
                number=row["number"],
            )


def _read_report(data: bytes | None) -> GradeReport | None:
    return GradeReport.model_validate_json(zlib.decompress(data)) if data else None
