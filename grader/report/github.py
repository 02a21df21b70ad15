"""What a report says in GitHub Actions: the job's summary, and annotations on the files.

`annotations` is a function here: this module does without `from __future__ import annotations`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from grader.model import CheckResult, GradeReport, PartResult, Status
from grader.report import words
from grader.report.escape import visible
from grader.report.markdown import code_span, fenced, inline
from grader.report.text import render_check, render_part

# GitHub refuses a summary of more than 1 MiB as a whole, and shows ten annotations of a kind.
_MOST_SUMMARY_BYTES = 1_000_000
_MOST_OF_A_KIND = 10
_MOST_MESSAGE = 1000
_IN_CELL = re.compile(r"cell (\d+)\b")
_KINDS = {
    Status.FAILED: "error",
    Status.ERROR: "error",
    Status.MISSING: "error",
    Status.PARTIAL: "warning",
    Status.BLOCKED: "warning",
}


def job_summary(report: GradeReport) -> str:
    """Return the report in GitHub's markdown, for `$GITHUB_STEP_SUMMARY`.

    It has the score, a table of the parts, and what is known of each check that was not passed,
    as far as GitHub's limit of 1 MiB goes. All that a student wrote stands in code.
    """
    head = "\n".join(_head(report)) + "\n"
    blocks = [f"\n{block}\n" for block in _blocks(report)]
    kept, size = [head], len(head.encode())
    for place, block in enumerate(blocks):
        size += len(block.encode())
        if size > _MOST_SUMMARY_BYTES:
            kept.append(f"\n{len(blocks) - place} more entries are in the report itself.\n")
            break
        kept.append(block)
    return "".join(kept)


def _head(report: GradeReport) -> Iterator[str]:
    yield f"## {inline(report.title or report.assignment) or 'Report'}"
    yield ""
    files = ", ".join(code_span(name, 80) for name in report.submission.files[:5])
    yield f"Handed in by {code_span(report.submission.student, 80)}: {files}"
    yield ""
    score = f"**{words.number(report.score)} of {words.points(report.max_score)}**"
    yield f"{score} ({words.summary(report)})"
    yield ""
    yield "| | Part | | Points | |"
    yield "|---|---|---|---:|---|"
    for part in report.parts:
        earned = "\N{EN DASH}" if words.unmarked(part) else words.number(part.score)
        cells = (
            words.STATUS_SYMBOLS[part.status], part.id, part.title,
            f"{earned} of {words.number(part.max_score)}", words.part_status(part),
        )  # fmt: skip
        yield f"| {' | '.join(map(inline, cells))} |"


def _blocks(report: GradeReport) -> Iterator[str]:
    for part in report.parts:
        if words.needs_reading(part) or part.message:
            yield _details(part)
    for penalty in report.penalties:
        taken = f"{words.points(penalty.points)}, {inline(penalty.policy)}"
        yield f"- {taken}: {code_span(penalty.reason)}"
    for note in report.notes:
        yield f"- Note: {code_span(note)}"


def _details(part: PartResult) -> str:
    """A part to be opened: HTML of ours around blocks of code."""
    title = inline(f"{part.id}: {part.title} ({words.part_status(part)})")
    lines = [f"<details><summary>{title}</summary>", ""]
    if remarks := render_part(part):
        lines += [fenced(remarks), ""]
    for check in _open(part):
        score = f"{words.number(check.score)} of {words.points(check.max_score)}"
        title = f"{words.STATUS_SYMBOLS[check.status]} {inline(check.title)}"
        lines += [f"{title} ({words.check_status(check)}, {score})", ""]
        if found := render_check(check):
            lines += [fenced(found), ""]
    return "\n".join([*lines, "</details>"])


def _open(part: PartResult) -> list[CheckResult]:
    return [check for check in part.checks if check.status is not Status.PASSED]


class _Annotation(NamedTuple):
    kind: str
    line: int | None
    title: str
    message: str


def error(message: str, *, file: str = "") -> str:
    """Return the workflow command that says why there is no report, at the file if one is named."""
    at = f" file={_property(file)}" if file else ""
    return f"::error{at}::{_data(message)}\n"


def annotations(
    report: GradeReport, *, file: str = "", lines: Mapping[int, Sequence[int]] | None = None
) -> str:
    """Return workflow commands that annotate the student's file, one a part that lost points.

    `file` is its path in the repository; without it, it is the submission's own name of the file.
    `lines` maps each code cell, counted from 1, to the lines of the file at which its own stand:
    with it an annotation points at a line, without it at the file. Empty where nothing was wrong.
    """
    path = file or next(iter(report.submission.files), "")
    commands = []
    for kind in ("error", "warning"):
        found = [
            a for part in report.parts for a in _annotated(part, lines or {}) if a.kind == kind
        ]
        if len(found) > _MOST_OF_A_KIND:
            left = len(found) - _MOST_OF_A_KIND + 1
            found[-left:] = [_Annotation(kind, None, "More", f"{left} more parts lost points.")]
        commands += [_command(path, annotation) for annotation in found]
    return "".join(f"{command}\n" for command in commands)


def _annotated(part: PartResult, lines: Mapping[int, Sequence[int]]) -> Iterator[_Annotation]:
    kind = _KINDS.get(part.status, "warning" if words.needs_reading(part) else "")
    if kind:
        title = f"{part.id}: {part.title} ({words.part_status(part)})"
        said = [render_part(part), *(_said(check) for check in _open(part))]
        message = "\n".join(filter(None, said)) or words.part_status(part)
        yield _Annotation(kind, _line(part, lines), title, message[:_MOST_MESSAGE])


def _said(check: CheckResult) -> str:
    return f"{check.title}: {check.message or words.check_status(check)}"


def _line(part: PartResult, lines: Mapping[int, Sequence[int]]) -> int | None:
    """The line at which the part's code stopped, else where its first cell begins."""
    raised = [problem.raised for problem in part.problems]
    raised += [check.raised for check in part.checks]
    for frame in (frame for one in raised if one for frame in one.frames):
        cell = _IN_CELL.match(frame.where)
        own = lines.get(int(cell[1]), ()) if cell else ()
        if 0 < frame.line <= len(own):
            return own[frame.line - 1]
    return next((lines[cell][0] for cell in part.cells if lines.get(cell)), None)


def _command(path: str, annotation: _Annotation) -> str:
    properties = [f"file={_property(path)}"]
    if annotation.line is not None:
        properties.append(f"line={annotation.line}")
    properties.append(f"title={_property(annotation.title)}")
    return f"::{annotation.kind} {','.join(properties)}::{_data(annotation.message)}"


def _data(text: str) -> str:
    """A message on one line, as the runner's own toolkit escapes it."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
