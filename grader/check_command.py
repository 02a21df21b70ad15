"""What `grader check` does: the public checks of one file, told in a terminal or to a CI job."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from grader.actions import Job, commands_stopped, this_job
from grader.assignment import pick_assignment
from grader.desk import Desk, Task, fault_text, replace_file
from grader.errors import ExitCode, GraderException, UsageError
from grader.grade_command import is_below
from grader.grading import Options
from grader.judge import check_device
from grader.live import LiveView
from grader.model import GradeReport
from grader.report import github, render_html, render_text, words
from grader.report.junit import junit_xml
from grader.report.markdown import fenced
from grader.submission import name_of
from grader.submission.lines import cell_lines

_WIDEST = 100


@dataclass(frozen=True)
class Request:
    """What was asked for: a file, how to check it, and what to write.

    `pass_mark` is a share of the automatic points; without it every check has to be right.
    """

    path: Path
    assignment: str
    parts: tuple[str, ...] = ()
    device: str = "auto"
    examples: int | None = None
    html: Path | None = None
    junit: Path | None = None
    github: bool = False
    pass_mark: float | None = None


def grade_public(request: Request) -> GradeReport:
    """Run the public checks.

    Raises what `Desk.report` raises, and UsageError where an option is wrong.
    """
    assignment = pick_assignment(request.assignment)
    assignment.select(request.parts)
    options = Options(
        check_device(request.device), request.parts, public_only=True, examples=request.examples
    )
    task = Task(*name_of(request.path), request.path)
    if request.github:  # where nobody watches
        return _at_desk(Desk(assignment, options), task)
    with LiveView(1) as view:
        return _at_desk(Desk(assignment, options, progress=view.progress), task)


def _at_desk(desk: Desk, task: Task) -> GradeReport:
    try:
        return desk.report(task)
    finally:
        desk.close()


def check(
    request: Request, grade: Callable[[Request], GradeReport] = grade_public, job: Job | None = None
) -> ExitCode:
    """Check a file, tell what was found, and write what was asked for.

    Raises what `grade` raises, and UsageError where a file cannot be written; for GitHub Actions
    it is told there instead.
    """
    if request.pass_mark is not None and not 0 <= request.pass_mark <= 1:
        raise UsageError(f"--pass-mark {request.pass_mark:g}: give a share from 0 to 1.")
    if request.github:
        return _check_in(this_job() if job is None else job, request, grade)
    report = grade(request)
    _tell(report, request)
    return _code(report, request.pass_mark)


def _tell(report: GradeReport, request: Request) -> None:
    click.echo(render_text(report, width=min(Console().width, _WIDEST)))
    if verdict := _verdict(report, request.pass_mark):
        click.echo(verdict)
    if request.html is not None:
        replace_file(request.html, render_html(report))
    if request.junit is not None:
        replace_file(request.junit, junit_xml([report]))


def _check_in(job: Job, request: Request, grade: Callable[[Request], GradeReport]) -> ExitCode:
    """Check a file as a step of a job: whatever happens, the job says it in words of ours."""
    try:
        with commands_stopped():
            report = _told(request, grade)
            path = _graded_file(request.path, report)
            lines = {} if path.suffix.lower() == ".zip" else cell_lines(path)
    except GraderException as error:
        return _refuse(job, request, str(error), error.exit_code)
    except Exception as error:
        # Else its text, which a student may have a part in, would be printed as it is.
        if os.environ.get("GRADER_DEBUG"):
            raise
        return _refuse(job, request, fault_text(error), ExitCode.GRADER_FAULT)
    click.echo(github.annotations(report, file=job.name_of(path), lines=lines), nl=False)
    verdict = _verdict(report, request.pass_mark)
    job.add_to_summary(github.job_summary(report) + (f"\n{verdict}\n" if verdict else ""))
    return _code(report, request.pass_mark)


def _refuse(job: Job, request: Request, reason: str, code: ExitCode) -> ExitCode:
    click.echo(github.error(reason, file=job.name_of(request.path)), nl=False)
    job.add_to_summary(f"## Not graded\n\n{fenced(reason)}\n")
    return code


def _told(request: Request, grade: Callable[[Request], GradeReport]) -> GradeReport:
    report = grade(request)
    _tell(report, request)
    return report


def _graded_file(path: Path, report: GradeReport) -> Path:
    return path / report.submission.files[0] if path.is_dir() else path


def _verdict(report: GradeReport, mark: float | None) -> str:
    if mark is None:
        return ""
    word = "not reached" if is_below(report, mark) else "reached"
    earned = f"{words.number(report.auto_score)} of {words.number(report.auto_max_score)}"
    return f"Pass mark of {100 * mark:g} % {word}: {earned} automatic points."


def _code(report: GradeReport, mark: float | None) -> ExitCode:
    if mark is not None:
        below = is_below(report, mark)
    else:
        below = any(c.score < c.max_score for part in report.parts for c in part.checks)
    return ExitCode.BELOW_PASS_MARK if below else ExitCode.GRADED
