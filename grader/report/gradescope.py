"""The `results.json` of a Gradescope autograder.

Keys and their meaning: https://gradescope-autograders.readthedocs.io/en/latest/specs/. All texts
are declared `text`, which Gradescope shows as it is; its default for `output` may read HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grader.errors import UsageError
from grader.model import CheckResult, GradeReport, PartResult, Penalty, Status
from grader.report import words
from grader.report.escape import stripped
from grader.report.rows import rounded
from grader.report.text import render_check, render_part

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")

_TEXT = {"name_format": "text", "output_format": "text"}
_UNDECIDED = (Status.NEEDS_REVIEW,)


def results_json(report: GradeReport, *, hidden: str = "after_published") -> str:
    """Return one report as `results.json`.

    Public checks are always shown; the others as `hidden` says. `after_published` is the default
    because their points count: `after_due_date` shows them while others still hand in late, and
    with `hidden` Gradescope shows a student the total that gives them away. As long as one of
    them is not shown, Gradescope shows no total at all, and no text here states it.

    `score` is what was decided automatically, less what broken rules take: Gradescope adds what a
    person gives in its own questions. It overrides the sum of the tests. The points of the whole
    are set in Gradescope; no key here can.

    Raises UsageError where `hidden` is not one of Gradescope's words.
    """
    if hidden not in VISIBILITIES:
        raise UsageError(f"hidden={hidden!r}, but should be one of: {', '.join(VISIBILITIES)}")
    taken = sum(penalty.points for penalty in report.penalties)
    results = {
        "score": rounded(max(0.0, report.auto_score + taken)),
        "execution_time": rounded(report.duration_s),
        "output": _output(report),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": list(_tests(report, hidden)),
        "extra_data": {
            "schema_version": report.schema_version,
            "assignment": report.assignment,
            "submission": report.submission.id,
            "sha256": report.submission.sha256,
            "max_score": rounded(report.max_score),
            "auto_max_score": rounded(report.auto_max_score),
            "pending_points": rounded(report.pending_points),
        },
    }
    return json.dumps(results, indent=1, allow_nan=False) + "\n"


def refused_json(reason: str) -> str:
    """Return the `results.json` of a submission that cannot be read: 0 points, and why."""
    text = f"This could not be graded: {stripped(reason)}\n\nMend that and hand in again."
    return _without_tests(text, {"score": 0.0, "tests": []})


def ungraded_json() -> str:
    """Return the `results.json` of a run that failed and that is not the student's fault.

    It has neither a score nor tests, of which Gradescope asks for one: so it takes the run for
    a failed one, and books no points. The reason is for the staff, and stands elsewhere.
    """
    return _without_tests(
        "The grader failed. This is not your fault, and it costs no points: your submission was "
        "received, and was not graded. The staff can run the grader again.",
        {},
    )


def _without_tests(text: str, more: dict[str, Any]) -> str:
    told = {"output": text, "output_format": "text", "visibility": "visible",
            "stdout_visibility": "hidden"}  # fmt: skip
    return json.dumps(more | told, indent=1, allow_nan=False) + "\n"


def _output(report: GradeReport) -> str:
    """What concerns the whole submission; no sum, which hidden checks would be read off."""
    lines = [report.title or report.assignment]
    by_hand = [part for part in report.parts if part.pending_points]
    if by_hand:
        lines += ["", "A person marks these, and their points are not counted here:"]
    lines += [f"{_title(p.id, p.title)} ({words.points(p.pending_points)})" for p in by_hand]
    if report.notes:
        lines += ["", *report.notes]
    return "\n".join(_line(line) for line in lines)


def _tests(report: GradeReport, hidden: str) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(report.parts, start=1):
        yield from _part(part, number, hidden)
    for number, penalty in enumerate(report.penalties, start=1):
        yield _penalty(penalty, f"{len(report.parts) + 1}.{number}")


def _part(part: PartResult, number: int, hidden: str) -> Iterator[dict[str, Any]]:
    remarks = render_part(part)
    if remarks or not part.checks:
        test = {"name": _title(part.id, part.title), "number": f"{number}", "output": remarks}
        worth = part.max_score - part.pending_points
        if not part.checks and worth > 0:
            test |= _scored(part.score, worth, part.status)
        elif not part.checks:
            test["output"] = f"{remarks}\nA person marks this part.".strip()
        yield test | _TEXT | {"tags": [_line(part.id)], "visibility": "visible"}
    for place, check in enumerate(part.checks, start=1):
        yield _check(part, check, f"{number}.{place}") | {
            "visibility": "visible" if check.public else hidden
        }


def _check(part: PartResult, check: CheckResult, number: str) -> dict[str, Any]:
    tags = [part.id, check.status.value, *([check.stage.value] if check.stage else [])]
    test = {
        "name": _title(part.id, check.title),
        "number": number,
        "output": render_check(check) or words.check_status(check),
        "tags": [_line(tag) for tag in tags],
    }
    # What a person decides has no score yet: 0 would be the wrong one.
    if check.status not in _UNDECIDED:
        test |= _scored(check.score, check.max_score, check.status)
    return test | _TEXT


def _penalty(penalty: Penalty, number: str) -> dict[str, Any]:
    test = {
        "name": _line(penalty.policy),
        "number": number,
        "output": _line(penalty.reason),
        "tags": ["rule"],
        "visibility": "visible",
    }
    return test | _scored(penalty.points, 0.0, Status.FAILED) | _TEXT


def _scored(score: float, worth: float, status: Status) -> dict[str, Any]:
    passed = "passed" if status is Status.PASSED else "failed"
    return {"score": rounded(score), "max_score": rounded(worth), "status": passed}


def _title(part: str, title: str) -> str:
    return _line(f"{part}: {title}")


def _line(text: str) -> str:
    """One line: a name with a line break could pose as another test's."""
    return " ".join(stripped(text).split())
