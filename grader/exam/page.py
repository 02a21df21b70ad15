"""The page of an exam, in the style of the reports: no script, no network."""

from __future__ import annotations

from pathlib import Path

from grader.exam.results import ExamReport, PartScore
from grader.report.html import environment

_TEMPLATES = Path(__file__).parent / "templates"

# What became of the mutants, in the order in which a bar shows it.
STATES = ("killed", "review", "survived", "fault", "equivalent")
STATE_WORDS = {
    "killed": "lost points",
    "review": "went to a person",
    "survived": "not noticed",
    "fault": "could not be graded",
    "equivalent": "as right as the original",
}


def render_exam(report: ExamReport) -> str:
    """Return the page of one exam; all that stands in variants and answers is escaped."""
    template = environment(_TEMPLATES).get_template("exam.html.j2")
    survivors = [m for m in report.mutants if m.state in ("survived", "fault")]
    # They have a list of their own, with the code before and after.
    listed = tuple(f"Mutant {m.id} {word}" for m in survivors for word in ("survives", "could"))
    return template.render(
        exam=report,
        figures=report.figures,
        words_for=STATE_WORDS,
        bars=[(part, _bar(part)) for part in report.parts],
        survivors=survivors,
        problems=[p for p in report.problems if not p.startswith(listed)],
        doubtful=[m for m in report.mutants if m.state == "review"],
        equivalent=[m for m in report.mutants if m.state == "equivalent"],
        wrong=[v for v in (*report.mistakes, *report.accepted) if not v.right],
        unnamed=[v for v in report.mistakes if v.right and not v.named],
        states=STATES,
        totals={state: sum(getattr(part, state) for part in report.parts) for state in STATES},
    )


def _bar(part: PartScore) -> list[tuple[str, float]]:
    """The pieces of a part's bar: a state, and its share of the mutants in percent."""
    shares = [(state, 100 * getattr(part, state) / part.total) for state in STATES]
    return [(state, round(share, 2)) for state, share in shares if share]
