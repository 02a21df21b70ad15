"""Whose grade is another than before, and why: to be read before grades are published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grader.gradebook import Grade, Gradebook, Handed
from grader.model import GradeReport, PartResult
from grader.report.words import number


@dataclass(frozen=True)
class Change:
    """One submission whose score or whose points in a part differ; None where there is no grade."""

    handed: Handed
    before: float | None
    after: float | None
    reasons: tuple[str, ...]

    def line(self) -> str:
        """The change in a line."""
        scores = " → ".join("no grade" if s is None else number(s) for s in self._scores)
        return f"{self.handed.student}: {scores} ({'; '.join(self.reasons)})"

    @property
    def _scores(self) -> tuple[float | None, float | None]:
        return self.before, self.after


def changes(before: Gradebook, after: Gradebook) -> Iterator[Change]:
    """What differs between two states of a gradebook, for those who are in the later one."""
    for handed, grade in after.grades():
        old = before.current(handed.id)
        if old is not None and grade is not None and old.number != grade.number:
            reasons = tuple(_reasons(old, grade))
            if reasons:
                yield Change(handed, _score(old), _score(grade), reasons)


def _score(grade: Grade) -> float | None:
    return grade.report.score if grade.report else None


def _reasons(old: Grade, new: Grade) -> Iterator[str]:
    if old.report is None or new.report is None:
        if old.report is not new.report:
            yield new.reason or "it is graded now"
        return
    yield from _parts(old.report, new.report)
    taken = [sum(p.points for p in report.penalties) for report in (old.report, new.report)]
    if taken[0] != taken[1]:
        yield f"rules: {number(taken[0])} → {number(taken[1])}"


def _parts(old: GradeReport, new: GradeReport) -> Iterator[str]:
    known = {part.id: part for part in old.parts}
    for part in new.parts:
        before = known.get(part.id)
        if before is None:
            yield f"{part.id} is new: {number(part.score)} of {number(part.max_score)}"
        elif (before.score, before.max_score) != (part.score, part.max_score):
            yield f"{part.id}: {_points(before)} → {_points(part)}{_why(part)}"


def _points(part: PartResult) -> str:
    return f"{number(part.score)} of {number(part.max_score)}"


def _why(part: PartResult) -> str:
    lost = next((c for c in part.checks if c.score < c.max_score and c.message), None)
    return f", {lost.message}" if lost else ""
