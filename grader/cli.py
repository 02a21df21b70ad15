"""The command line: grade, check, validate, doctor. Thin callers of `grader.grading`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.status import Status as Spinner

from grader import __version__
from grader.errors import ExitCode, GraderError, GraderException, IsolationError, UsageError
from grader.progress import counting

if TYPE_CHECKING:
    from grader.assignment import Assignment
    from grader.grading import Options
    from grader.model import GradeReport
    from grader.sandbox.launcher import Launcher
    from grader.sandbox.tiers import LayerStates
    from grader.submission import Submission

F = TypeVar("F", bound=Callable[..., Any])

_EXIT_HELP = """\b
Exit codes:
  0    graded
  1    below the pass mark; `check`: a part is not right; `validate`: not passed
  2    wrong use: a path, an option or a rubric
  3    a submission could not be read
  4    something stayed ungraded: a fault of the grader, or too weak a sandbox
  130  interrupted
"""


@click.group(epilog=_EXIT_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="grader")
def cli() -> None:
    """Grade PyTorch and NumPy homework against a reference solution, in a sandbox."""


def _common(command: F) -> F:
    """Options that grading and checking share."""
    for option in (
        click.option("--assignment", default="hw5", show_default=True, metavar="NAME",
                     help="Name below rubrics/, or the path of a rubric's folder."),
        click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda",
                     help="Where tensors live while checks run."),
        click.option("--examples", type=click.IntRange(1), metavar="N",
                     help="Examples a check, in place of the rubric's number."),
    ):  # fmt: skip
        command = option(command)
    return command


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--out", default="grader-out", show_default=True, type=click.Path(path_type=Path),
              help="Folder for reports/ID.html and results/ID.json.")  # fmt: skip
@click.option("--parts", metavar="ID,ID", default="", help="Judge these parts only.")
@click.option("--submitted-at", metavar="DATE", help="When it was handed in, in ISO 8601.")
@click.option("--stamps", metavar="FILE", type=click.Path(path_type=Path, readable=False),
              help="CSV or JSON: file and submitted_at of each submission.")  # fmt: skip
@click.option("--require-isolation", "level", type=click.Choice(["strict", "standard", "none"]),
              default="none", show_default=True,
              help="Grade nothing unless the sandbox holds: docs/security.md.")  # fmt: skip
@_common
def grade(
    paths: tuple[Path, ...], out: Path, parts: str, assignment: str, device: str,
    examples: int | None, submitted_at: str | None, stamps: Path | None, level: str,
) -> None:  # fmt: skip
    """Grade notebooks, modules, ZIPs or folders, and write a report for each."""
    from grader.grading import Options
    from grader.judge import check_device

    loaded = _load(assignment)
    chosen = tuple(part.strip() for part in parts.split(",") if part.strip())
    loaded.select(chosen)
    options = Options(device=check_device(device), parts=chosen, examples=examples)
    codes = _each(
        loaded, paths, options, lambda report: _write(report, out, loaded.rubric.pass_mark),
        _stamps(paths, submitted_at, stamps), level,
    )  # fmt: skip
    sys.exit(_worst(codes))


@cli.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@click.option("--part", "parts", metavar="ID", multiple=True, help="Only this part; repeatable.")
@_common
def check(
    path: Path, parts: tuple[str, ...], assignment: str, device: str, examples: int | None
) -> None:
    """Check your own work: the public checks, in the terminal. Nothing is written."""
    from grader.grading import Options
    from grader.judge import check_device
    from grader.report import render_text

    loaded = _load(assignment)
    loaded.select(parts)
    options = Options(check_device(device), tuple(parts), public_only=True, examples=examples)

    def show(report: GradeReport) -> ExitCode:
        width = min(Console().width, 100)
        click.echo(render_text(report, width=width))
        wrong = any(c.score < c.max_score for p in report.parts for c in p.checks)
        return ExitCode.BELOW_PASS_MARK if wrong else ExitCode.GRADED

    sys.exit(_worst(_each(loaded, [path], options, show)))


@cli.command()
@click.argument("assignment", metavar="NAME")
@click.option("--only", type=click.Choice(["variants", "mutants"]), help="Leave the others out.")
@click.option("--parts", metavar="ID,ID", default="", help="Variants and mutants of these parts.")
@click.option("--every", type=click.IntRange(1), default=1, metavar="N",
              help="A sample: each Nth variant and mutant.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes; one for each core.")
@click.option("--out", default="exam", show_default=True, type=click.Path(path_type=Path),
              help="Folder for index.html and exam.json.")  # fmt: skip
def validate(
    assignment: str, only: str | None, parts: str, every: int, jobs: int | None, out: Path
) -> None:
    """Put a rubric to the test: are its checks right about answers of which that is known?"""
    from grader.exam import Scope, cores, hold_exam, render_exam
    from grader.exam.text import summary

    chosen = tuple(part.strip() for part in parts.split(",") if part.strip())
    scope = Scope(only=only or "", parts=chosen, every=every)
    with counting("graded") as progress:
        report = hold_exam(_load(assignment), scope, jobs=jobs or cores(), progress=progress)
    _replace(out / "exam.json", report.model_dump_json(indent=1))
    _replace(out / "index.html", render_exam(report))
    click.echo(summary(report))
    click.echo(f"→  {out / 'index.html'}")
    sys.exit(ExitCode.GRADED if report.passed else ExitCode.BELOW_PASS_MARK)


@cli.command()
@click.option("--assignment", default="hw5", show_default=True, metavar="NAME")
def doctor(assignment: str) -> None:
    """Say what this machine has for grading, what is missing, and how to get it."""
    from grader.doctor import examine

    sound = True
    for finding in examine(assignment):
        mark = {"ok": "ok  ", "note": "note", "wrong": "FIX "}[finding.state]
        click.echo(f"{mark}  {finding.what}: {finding.detail}")
        if finding.mend:
            click.echo(f"      → {finding.mend}")
        sound = sound and finding.state != "wrong"
    sys.exit(ExitCode.GRADED if sound else ExitCode.GRADER_FAULT)


def _load(name: str) -> Assignment:
    from grader.assignment import load_assignment

    return load_assignment(name)


def _stamps(
    paths: Sequence[Path], submitted_at: str | None, table: Path | None
) -> dict[Path, datetime | None]:
    """When each path was handed in, as the options say. Raises UsageError for what is no date."""
    from grader.submission.stamps import parse_stamp, read_stamps, stamp_of

    if submitted_at is not None and (table is not None or len(paths) > 1):
        raise UsageError("--submitted-at is for one submission: give --stamps FILE for several.")
    if submitted_at is not None:
        return {paths[0]: parse_stamp(submitted_at, "--submitted-at")}
    stamps = read_stamps(table) if table is not None else {}
    return {path: stamp_of(path, stamps) for path in paths}


def _each(
    assignment: Assignment,
    paths: Sequence[Path],
    options: Options,
    use: Callable[[GradeReport], ExitCode],
    stamps: Mapping[Path, datetime | None] = MappingProxyType({}),
    level: str | None = None,
) -> list[ExitCode]:
    """Grade each path; a submission that cannot be graded does not stop the others.

    With a `level` of isolation the sandbox is tested first. Raises IsolationError where it lacks
    what that asks for.
    """
    from grader.submission import read_submission
    from grader.submission.files import printable

    codes: list[ExitCode] = []
    seen: set[str] = set()
    with (
        Console(stderr=True).status("starting", spinner="dots") as spinner,
        _Desk(assignment, options, spinner, level) as desk,
    ):
        for path in paths:
            try:
                read = read_submission(path, submitted_at=stamps.get(path))
                report = desk.grade(_told_apart(read, path, seen))
            except IsolationError:
                raise
            except GraderException as error:
                named = path.name in str(error) or len(paths) == 1
                where = "grader" if named else printable(str(path))
                click.echo(f"{where}: {error}", err=True)
                codes.append(error.exit_code)
                continue
            codes.append(use(report))
    return codes


class _Desk:
    """Where one submission after the other is graded, with one launcher as long as it lasts."""

    def __init__(
        self, assignment: Assignment, options: Options, spinner: Spinner, level: str | None
    ) -> None:
        self._assignment, self._options = assignment, options
        self._spinner, self._level = spinner, level
        self._launcher: Launcher | None = None
        self._tested: LayerStates = {}

    def __enter__(self) -> _Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            launcher.close()

    def grade(self, submission: Submission) -> GradeReport:
        """Grade it; after a fault of the grader once more, and with new processes.

        Raises GraderError where that fails too: the next submission starts anew.
        """
        try:
            return self._grade(submission)
        except GraderError:
            self._close()
        try:
            return self._grade(submission)
        except GraderError:
            self._close()
            raise

    def _grade(self, submission: Submission) -> GradeReport:
        if self._launcher is None:
            self._launcher = _launcher(self._assignment, self._spinner)
            if self._level is not None and not self._tested:
                self._spinner.update("testing the sandbox")
                self._tested = _test_sandbox(self._launcher, self._level)
            self._launcher.tested = self._tested
        args = (self._assignment, submission, self._launcher, self._options, self._spinner)
        return _grade_one(*args)


def _told_apart(submission: Submission, path: Path, seen: set[str]) -> Submission:
    """The submission with an id that no other of this run has: folders differ, names may not."""
    name, number = submission.id, 1
    if name in seen and path.resolve().parent.name:
        name = f"{path.resolve().parent.name}-{name}"
    while name in seen:
        number += 1
        name = f"{submission.id}-{number}"
    seen.add(name)
    return dataclasses.replace(submission, id=name) if name != submission.id else submission


def _launcher(assignment: Assignment, spinner: Spinner) -> Launcher:
    from grader.datasets import public_data
    from grader.judge import make_launcher

    launcher = make_launcher(assignment)
    spinner.update("making the assignment's data and loading the libraries")
    try:
        public_data(assignment)
        launcher.wait_ready()
    except BaseException:
        launcher.close()
        raise
    return launcher


def _test_sandbox(launcher: Launcher, level: str) -> LayerStates:
    """Try the sandbox from inside and say what is missing. Raises IsolationError if too much is."""
    from grader.sandbox.canaries import MENDS, missing, try_layers

    found = try_layers(launcher)
    if lacking := missing(level, found):
        listed = "".join(f"\n  {n}: {what}\n    → {MENDS[n]}" for n, what in lacking.items())
        raise IsolationError(f"--require-isolation {level}: this machine's sandbox lacks{listed}")
    if lacking := missing("strict", found):
        text = f"the sandbox lacks: {', '.join(lacking)}. `grader doctor` says how to get them."
        click.echo(f"grader: {text}", err=True)
    return found


def _grade_one(
    assignment: Assignment, submission: Any, launcher: Launcher, options: Options, spinner: Spinner
) -> GradeReport:
    from grader.grading import grade as run

    done = [0]

    def on_check(_: object) -> None:
        done[0] += 1

    def progress(what: str) -> None:
        spinner.update(f"{submission.source}: {what}, {done[0]} checks done")

    return run(assignment, submission, launcher, options, progress=progress, on_check=on_check)


def _write(report: GradeReport, out: Path, mark: float) -> ExitCode:
    """Write both forms of a report whole or not at all, and say where they are."""
    from grader.report import render_html, render_json, summary

    name = report.submission.id
    _replace(out / "results" / f"{name}.json", render_json(report))
    page = out / "reports" / f"{name}.html"
    _replace(page, render_html(report))
    click.echo(f"{report.submission.student}: {summary(report)}  →  {page}")
    below = report.auto_max_score and report.auto_score / report.auto_max_score < mark
    return ExitCode.BELOW_PASS_MARK if below else ExitCode.GRADED


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _worst(codes: Sequence[ExitCode]) -> ExitCode:
    order = [ExitCode.GRADED, ExitCode.BELOW_PASS_MARK, ExitCode.UNREADABLE_SUBMISSION,
             ExitCode.USAGE, ExitCode.GRADER_FAULT]  # fmt: skip
    return max(codes, key=order.index, default=ExitCode.GRADED)


def main() -> None:
    """Entry point: maps our exceptions and Ctrl-C to messages and exit codes."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("grader: interrupted; nothing half-written was left behind", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except GraderException as error:
        click.echo(f"grader: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        # A fault of ours that nobody foresaw: one line for a TA, all of it for who mends it.
        if os.environ.get("GRADER_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}"
        click.echo(f"grader: a fault of the grader: {text}. GRADER_DEBUG=1 shows where.", err=True)
        sys.exit(ExitCode.GRADER_FAULT)
