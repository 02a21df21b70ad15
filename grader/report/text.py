"""Render a report as plain text for a terminal, with nothing in it that a terminal obeys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent, wrap

from grader.model import (
    CheckResult,
    Counterexample,
    GradeReport,
    PartResult,
    Raised,
    Shown,
    Stage,
    Status,
)
from grader.report import tables, words
from grader.report.escape import stripped

MAX_VALUE_LINES = 12


def render_text(report: GradeReport, *, width: int = 88) -> str:
    """Return the score, a line a part and what is known of every check that was not passed.

    Prose is wrapped to `width` columns; code and values keep their lines.
    """
    lines = [*_heading(report, width), "", *_overview(report.parts), ""]
    for part in report.parts:
        lines += _part(part, width)
    lines += _remarks(report, width)
    return _safe(lines).rstrip() + "\n"


def render_check(check: CheckResult, *, width: int = 88) -> str:
    """Return what is known of one check, without its title; empty where nothing is."""
    return dedent(_safe(_findings(check, width)))


def render_part(part: PartResult, *, width: int = 88) -> str:
    """Return what is known of a part beside its checks: its message, cells that did not run."""
    return dedent(_safe(_remarks_on_part(part, width)))


def _safe(lines: Iterable[str]) -> str:
    # Line by line: a sequence that a student leaves open must not swallow what follows it.
    return "\n".join(stripped(line).rstrip() for line in lines).strip("\n")


def _heading(report: GradeReport, width: int) -> Iterator[str]:
    yield _line(report.title or report.assignment)
    yield _line(f"{report.submission.student} ({', '.join(report.submission.files)})")
    yield ""
    yield f"{words.number(report.score)} of {words.points(report.max_score)}"
    yield from wrap(words.standing(report), width)


def _overview(parts: tuple[PartResult, ...]) -> Iterator[str]:
    names = max((len(part.id) for part in parts), default=0)
    scores = [_score(part) for part in parts]
    digits = max(map(len, scores), default=0)
    statuses = max((len(words.part_status(part)) for part in parts), default=0)
    for part, score in zip(parts, scores, strict=True):
        symbol, status = words.STATUS_SYMBOLS[part.status], words.part_status(part)
        yield f"{symbol} {part.id:<{names}}  {score:>{digits}}  {status:<{statuses}}  {part.title}"


def _part(part: PartResult, width: int) -> Iterator[str]:
    open_checks = [check for check in part.checks if check.status is not Status.PASSED]
    if not (open_checks or part.problems or part.message):
        return
    yield "─" * width
    yield f"{part.id}  {part.title}"
    yield f"{words.part_status(part)}, {words.number(part.score)} of {words.points(part.max_score)}"
    yield from _remarks_on_part(part, width)
    for check in open_checks:
        yield ""
        yield from _check(check, width)
    yield ""


def _remarks_on_part(part: PartResult, width: int) -> Iterator[str]:
    yield from _prose(part.message, width)
    for problem in part.problems:
        yield ""
        cause = words.problem(problem.kind)
        yield from _prose(f"Cell {problem.cell} did not run to its end ({cause}).", width)
        yield from _raised(problem.raised) if problem.raised else _prose(problem.message, width)


def _score(part: PartResult) -> str:
    earned = "\N{EN DASH}" if words.unmarked(part) else words.number(part.score)
    return f"{earned} / {words.number(part.max_score)}"


def _check(check: CheckResult, width: int) -> Iterator[str]:
    score = f"{words.number(check.score)} of {words.points(check.max_score)}"
    word = words.check_status(check)
    yield f"{words.STATUS_SYMBOLS[check.status]} {check.title} ({word}, {score})"
    yield from _findings(check, width)


def _findings(check: CheckResult, width: int) -> Iterator[str]:
    if check.stage is not None:
        yield from _prose(words.STAGE_SENTENCES[check.stage], width)
    yield from _prose(check.message, width)
    if check.counterexample is not None:
        yield from _example(check.counterexample, check.stage)
    if check.raised is not None:
        yield from _raised(check.raised)
    for label, text in (("Likely cause", check.diagnosis), ("Hint", check.hint)):
        if text:
            yield from _prose(f"{label}: {text}", width)


def _example(example: Counterexample, stage: Stage | None) -> Iterator[str]:
    values = {"call": example.call} if example.call else {}
    values |= {f"{name} =": _value(shown, stage) for name, shown in example.inputs.items()}
    if example.expected is not None:
        values["expected"] = _value(example.expected, stage, wanted=True)
    if example.actual is not None:
        values["actual"] = _value(example.actual, stage)
    column = min(16, max(map(len, values), default=0))
    yield ""
    for name, value in values.items():
        first, *rest = value.split("\n")
        yield f"    {name:<{column}}  {first}"
        yield from (f"    {'':<{column}}  {line}" for line in _shortened(rest))
    if sentence := tables.worst(example):
        yield f"    {sentence}"
    yield ""


def _value(shown: Shown, stage: Stage | None, *, wanted: bool = False) -> str:
    facts = [fact for fact, _ in words.facts(shown, None, stage, wanted=wanted)]
    return f"{shown.text}\n({', '.join(facts)})" if facts else shown.text


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MAX_VALUE_LINES:
        return lines
    left_out = len(lines) - MAX_VALUE_LINES
    return [*lines[: MAX_VALUE_LINES - 1], f"… {left_out} more lines", lines[-1]]


def _raised(raised: Raised) -> Iterator[str]:
    for frame in raised.frames:
        yield _line(f"{frame.where}, line {frame.line}", indent=4)
        yield _line(frame.code, indent=8)
    first, *rest = f"{raised.type}: {raised.message}".split("\n")
    yield f"    {first}"
    yield from (f"    {line}" for line in rest)


def _line(text: str, indent: int = 0) -> str:
    """Keep on one line what is one line: a name with a line break could pose as a score."""
    return " " * indent + " ".join(text.split())


def _prose(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        yield from wrap(line, width - 2, initial_indent="  ", subsequent_indent="  ")


def _remarks(report: GradeReport, width: int) -> Iterator[str]:
    if report.penalties:
        yield "Points taken"
    for penalty in report.penalties:
        taken = f"{words.number(penalty.points)}  {penalty.policy}: {penalty.reason}"
        yield from _prose(taken, width)
    if words.quiet_policies(report):
        yield "Rules"
    for policy in words.quiet_policies(report):
        symbol, word = words.POLICY_SYMBOLS[policy.state], words.POLICY_WORDS[policy.state]
        yield from _prose(
            f"{symbol} {policy.title} ({word.lower()}): {' '.join(policy.evidence)}", width
        )
    if report.notes:
        yield "Notes"
    for note in report.notes:
        yield from _prose(note, width)
