"""What a class's grades show together: where points are lost, by whom, and through what.

Reports are read one at a time: what is kept of each is a few numbers and names.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from grader.model import GradeReport, PartResult, Status
from grader.report.rows import Row

# Limits by what a message says where one was met: the grader's words, and the system's.
_LIMITS = {
    "ran longer than": "time",
    "gave no answer within": "time",
    "out of CPU time": "CPU time",
    "out of memory": "memory",
    "MemoryError": "memory",
    "as many processes as": "processes",
    "No space left on device": "disk",
    "File too large": "file size",
}
_BINS = 20

Key = TypeVar("Key", tuple[str, str], tuple[str, str, float])


@dataclass(frozen=True)
class Cell:
    """One part of one submission, as the table shows it."""

    part: str
    status: Status
    score: float
    max_score: float


@dataclass(frozen=True)
class Line:
    """One submission, as the table shows it. `share` is of the points that were decided."""

    id: str
    student: str
    score: float | None
    max_score: float
    share: float
    pending: float
    penalty: float
    seconds: float
    cells: tuple[Cell, ...]
    reason: str = ""


@dataclass(frozen=True)
class PartSummary:
    """How the class did in one part.

    `share` is the mean share of the points that machines decide. `discrimination` is the
    correlation (Pearson's) of the part's score with the sum of the others, None where either
    does not vary: a part that good submissions lose and weak ones get is worth a look.
    """

    id: str
    title: str
    max_score: float
    share: float | None
    discrimination: float | None
    statuses: dict[Status, int]
    pending: int
    median_s: float


@dataclass(frozen=True)
class Named:
    """A named mistake, or a limit, and who met it."""

    part: str
    name: str
    who: tuple[str, ...]


@dataclass(frozen=True)
class ToMark:
    """A check that waits for a person, and whose."""

    part: str
    title: str
    points: float
    who: tuple[str, ...]


@dataclass(frozen=True)
class ClassSummary:
    """Everything that the class's page shows. `bins` count shares of points from 0 to 1."""

    assignment: str
    title: str
    max_score: float
    lines: tuple[Line, ...]
    parts: tuple[PartSummary, ...]
    mistakes: tuple[Named, ...]
    limits: tuple[Named, ...]
    to_mark: tuple[ToMark, ...]
    bins: tuple[int, ...]

    @property
    def graded(self) -> tuple[Line, ...]:
        """The submissions that have a grade."""
        return tuple(line for line in self.lines if line.score is not None)

    @property
    def ungraded(self) -> tuple[Line, ...]:
        """The submissions that have none, each with its reason."""
        return tuple(line for line in self.lines if line.score is None)

    @property
    def shares(self) -> list[float]:
        """The share of the decided points that each graded submission has, in order."""
        return sorted(line.share for line in self.graded)


def summarise(rows: Iterable[Row]) -> ClassSummary:
    """Read the class's grades, each report once."""
    tally = _Tally()
    for row in rows:
        tally.add(row)
    return tally.summary()


@dataclass
class _Tally:
    lines: list[Line] = field(default_factory=list)
    parts: dict[str, PartResult] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    mistakes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    limits: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    to_mark: dict[tuple[str, str, float], list[str]] = field(default_factory=dict)
    heading: tuple[str, str, float] = ("", "", 0.0)

    def add(self, row: Row) -> None:
        report = row.report
        if report is None:
            told = Line(row.id, row.student, None, 0.0, 0.0, 0.0, 0.0, 0.0, (), row.reason)
            self.lines.append(told)
            return
        self.heading = (report.assignment, report.title, report.max_score)
        self.lines.append(_line(row, report))
        for part in report.parts:
            self.parts.setdefault(part.id, part.model_copy(update={"checks": (), "source": ""}))
            self.seconds.setdefault(part.id, []).append(part.duration_s)
            self._note(row.id, part)

    def _note(self, who: str, part: PartResult) -> None:
        for check in part.checks:
            if check.diagnosis:
                name = check.diagnosis.partition(":")[0]
                _append(self.mistakes, (part.id, name), who)
            if check.status is Status.NEEDS_REVIEW:
                _append(self.to_mark, (part.id, check.title, check.max_score), who)
        for message in [c.message for c in part.checks] + [p.message for p in part.problems]:
            limit = next((name for text, name in _LIMITS.items() if text in message), None)
            if limit is not None:
                _append(self.limits, (part.id, limit), who)
        left = part.pending_points - sum(
            check.max_score for check in part.checks if check.status is Status.NEEDS_REVIEW
        )
        if left > 1e-6:
            _append(self.to_mark, (part.id, part.title, round(left, 4)), who)

    def summary(self) -> ClassSummary:
        graded = [line for line in self.lines if line.score is not None]
        bins = Counter(min(int(line.share * _BINS), _BINS - 1) for line in graded)
        assignment, title, most = self.heading
        return ClassSummary(
            assignment=assignment,
            title=title,
            max_score=most,
            lines=tuple(self.lines),
            parts=tuple(self._part(part, graded) for part in self.parts.values()),
            mistakes=_most_first(self.mistakes),
            limits=_most_first(self.limits),
            to_mark=tuple(ToMark(*key, tuple(who)) for key, who in self.to_mark.items()),
            bins=tuple(bins[n] for n in range(_BINS)),
        )

    def _part(self, part: PartResult, graded: list[Line]) -> PartSummary:
        cells = [(c, line) for line in graded for c in line.cells if c.part == part.id]
        scores = [cell.score for cell, _ in cells]
        rest = [sum(c.score for c in line.cells) - cell.score for cell, line in cells]
        decided = [cell.score / cell.max_score for cell, _ in cells if cell.max_score]
        return PartSummary(
            id=part.id,
            title=part.title,
            max_score=part.max_score,
            share=statistics.fmean(decided) if decided else None,
            discrimination=_correlation(scores, rest),
            statuses=Counter(cell.status for cell, _ in cells),
            pending=sum(cell.status is Status.NEEDS_REVIEW for cell, _ in cells),
            median_s=statistics.median(self.seconds[part.id]),
        )


def _line(row: Row, report: GradeReport) -> Line:
    most = report.auto_max_score
    cells = tuple(
        Cell(p.id, p.status, p.score, round(p.max_score - p.pending_points, 4))
        for p in report.parts
    )
    return Line(
        id=row.id,
        student=row.student,
        score=row.score if row.score is not None else report.score,
        max_score=report.max_score,
        share=min(max(report.auto_score / most, 0.0), 1.0) if most else 0.0,
        pending=report.pending_points,
        penalty=sum(penalty.points for penalty in report.penalties),
        seconds=report.duration_s,
        cells=cells,
    )


def _append(found: dict[Key, list[str]], key: Key, who: str) -> None:
    listed = found.setdefault(key, [])
    if who not in listed[-1:]:
        listed.append(who)


def _most_first(found: dict[tuple[str, str], list[str]]) -> tuple[Named, ...]:
    named = [Named(part, name, tuple(dict.fromkeys(who))) for (part, name), who in found.items()]
    return tuple(sorted(named, key=lambda one: (-len(one.who), one.part, one.name)))


def _correlation(one: list[float], other: list[float]) -> float | None:
    if len(one) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return statistics.correlation(one, other)
