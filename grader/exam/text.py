"""The figures of an exam as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator

from grader.exam.results import ExamReport
from grader.report.words import number, seconds

# Lists are cut off here: the page has all of it.
_MOST_PROBLEMS = 40


def summary(report: ExamReport) -> str:
    """Return the figures, a line each, then the problems."""
    return "\n".join([*_figures(report), *_parts(report), *_problems(report)])


def _figures(report: ExamReport) -> Iterator[str]:
    figures = report.figures
    points = f"{number(figures.reference_points)} of {number(figures.reference_max)} points"
    yield f"reference       {points}"
    yield f"template        {number(figures.template_points)} points"
    if report.mistakes:
        yield f"grave mistakes  {figures.major} lose points in their part"
        yield f"slight mistakes {figures.minor} lose points in their part"
        yield f"only there      {figures.only_there} mistakes"
        yield f"named           {figures.named} mistakes ({figures.named.share:.0%})"
    if report.accepted:
        yield f"accepted        {figures.accepted} alternatives lose nothing"
    if report.mutants:
        yield f"mutants         {figures.killed} noticed ({figures.killed.share:.1%})"
    yield f"checks          {figures.needed} are needed"
    yield f"time            {seconds(report.duration_s)}"


def _parts(report: ExamReport) -> Iterator[str]:
    if report.parts:
        yield ""
        yield f"{'part':<8}{'mutants':>8}{'killed':>8}{'review':>8}{'equal':>8}{'survived':>10}"
    for part in report.parts:
        yield (
            f"{part.part:<8}{part.total:>8}{part.killed:>8}{part.review:>8}{part.equivalent:>8}"
            f"{part.survived + part.fault:>10}"
        )


def _problems(report: ExamReport) -> Iterator[str]:
    yield ""
    yield "Passed." if report.passed else f"Not passed, {len(report.problems)} problems:"
    yield from (f"  {problem}" for problem in report.problems[:_MOST_PROBLEMS])
    if len(report.problems) > _MOST_PROBLEMS:
        yield f"  and {len(report.problems) - _MOST_PROBLEMS} more: see the page"
