"""Texts that a student could hand in, for properties of the exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from grader.model import CheckResult, GradeReport, PartResult, Penalty, Status, SubmissionInfo
from tests.report.attacks import MARKUP, PLAIN, aimed

OWN = (
    "", " ", "\n", "'", '"', ",", ";", "|", "\\", "\\|", "`", "``", "```", "````text\n```",
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "a;=1+1", "a; '=1", "\uff1d1", "-2",
    "a\n=1", '";=1;"', "::error::x", "a\n::add-mask::x", "%0A::error::x", "%250A", "##[error]x",
    "]]>", "<!--", "-->", "&lt;", "&#64;x", "\ufffe", "\uffff", "\U0001ffff", "\x00", "\ud800",
    "@octocat", "a@b.co", "#1", "GH-1", "www.example.org", "http://example.org", ":smile:",
    "[a](b)", "![a](b)", "<a@b.co>", "[a]: b", "# a", "---", "| - |", "$a$", "</details>",
    "<https://example.org>", "*a*", "_a_", "~~a~~", "&amp;", "\u2028::error::x", "\x85", "\x0c",
)  # fmt: skip
KNOWN = (*OWN, *aimed((*MARKUP, *PLAIN), "https://evil.example"))
TEXTS = st.one_of(
    st.sampled_from(KNOWN),
    st.text(st.sampled_from("=+-@'\";,|`\\<>&[]()!#*_~:%\n\r\t .ax0\x1b\u202e"), max_size=12),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=12),
    st.lists(st.sampled_from(OWN), max_size=4).map("".join),
)


def for_all_texts(test: Callable[..., None]) -> Any:
    """Run a test on each text that is known to be trouble, and on others."""
    for text in KNOWN:
        test = example(text=text)(test)
    return given(text=TEXTS)(test)


def short(report: GradeReport) -> GradeReport:
    """The same report with five parts: right, by hand, partly by hand, partly right, stopped."""
    kept = tuple(p for p in report.parts if p.id in ("1a", "3e", "4e", "5b-ii", "5c-ii"))
    return report.model_copy(update={"parts": kept})


def told_by(report: GradeReport, text: str) -> GradeReport:
    """A short report in which a student's text stands wherever there could be one."""
    check = CheckResult(
        id="check", title="Keeps the shape", status=Status.FAILED, score=0, max_score=2,
        message=text, hint=text, diagnosis=text,
    )  # fmt: skip
    stopped = next(part for part in report.parts if part.id == "5c-ii").checks[0]
    assert stopped.raised is not None
    raised = stopped.raised.model_copy(update={"message": text, "type": text})
    crash = stopped.model_copy(update={"raised": raised, "message": text})
    part = PartResult(
        id="1a", title="A part", score=0, max_score=2, status=Status.FAILED, message=text,
        checks=(check, crash, check), source=text, cells=(1,),
    )  # fmt: skip
    info = SubmissionInfo(id=text, student=text, files=(text, "b.py"), sha256="")
    penalty = Penalty(policy="Headings", points=-2, reason=text)
    changed = {"submission": info, "penalties": (penalty,), "parts": (part,), "notes": (text,)}
    return report.model_copy(update=changed)
