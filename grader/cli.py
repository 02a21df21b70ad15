"""The command line: grade, check, validate and the rest. Thin callers of `grader.grading`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grader import __version__
from grader.errors import ExitCode, GraderException, UsageError
from grader.progress import counting

if TYPE_CHECKING:
    from grader.assignment import Assignment
    from grader.intake import ClassList

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
        click.option("--assignment", default="", metavar="NAME",
                     help="Name below rubrics/, or the path of a rubric's folder; without it the "
                     "only assignment here."),
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
@click.option("--parts", metavar="ID,ID", default="", help="Report these parts only.")
@click.option("--submitted-at", metavar="DATE", help="When it was handed in, in ISO 8601.")
@click.option("--stamps", metavar="FILE", type=click.Path(path_type=Path, readable=False),
              help="CSV or JSON: file and submitted_at of each submission.")  # fmt: skip
@click.option("--require-isolation", "level", type=click.Choice(["strict", "standard", "none"]),
              default="none", show_default=True,
              help="Grade nothing unless the sandbox holds: docs/security.md.")  # fmt: skip
@click.option("--roster", metavar="FILE", type=click.Path(path_type=Path, readable=False),
              help="CSV of the class: the LMS's gradebook, or name, id, login.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Processes that grade side by side.")  # fmt: skip
@click.option("--diff", is_flag=True, help="Say whose grade would change and why; write nothing.")
@click.option("--fresh", is_flag=True, help="Grade again what has been graded already.")
@_common
def grade(
    paths: tuple[Path, ...], out: Path, parts: str, assignment: str, device: str,
    examples: int | None, submitted_at: str | None, stamps: Path | None, level: str,
    roster: Path | None, jobs: int, diff: bool, fresh: bool,
) -> None:  # fmt: skip
    """Grade submissions, or a class as an LMS gives it, and write a report for each.

    A path is a notebook, a module, a ZIP or a folder with one of them; or the download of a whole
    class from Canvas, Gradescope or Moodle, or a folder of submissions. What is graded already
    is left alone unless something has changed that counts: interrupted, run it again.
    """
    from grader.grade_command import Request, entries_of, existing, grade_all, preview
    from grader.grading import Options
    from grader.intake import read_class
    from grader.judge import check_device

    loaded = _load(assignment)
    chosen = _listed(parts)
    loaded.select(chosen)
    options = Options(device=check_device(device), parts=chosen, examples=examples)
    there, absent = existing(paths)
    for message in absent:
        click.echo(f"grader: {message}", err=True)
    codes = [ExitCode.USAGE for _ in absent]
    with tempfile.TemporaryDirectory(prefix="grader-class-") as folder:
        if there:
            klass = read_class(there, roster=roster, folder=Path(folder))
            for note in klass.notes:
                click.echo(f"grader: {note}", err=True)
            entries = entries_of(klass, _stamps(klass, submitted_at, stamps))
            whole = len(paths) == 1 and klass.form != "single"
            request = Request(loaded, options, out, jobs, fresh, level, whole=whole)
            if diff:
                lines = preview(request, entries)
                click.echo("\n".join(lines or ["no grade would change"]))
            else:
                codes += grade_all(request, entries)
    sys.exit(_worst(codes))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, readable=False))
@click.option("--format", "form", required=True,
              type=click.Choice(["canvas", "canvas-feedback", "gradescope", "junit", "csv"]),
              help="What to write.")  # fmt: skip
@click.option("--to", "target", required=True, metavar="PATH", type=click.Path(path_type=Path),
              help="The file to write; for gradescope a folder.")  # fmt: skip
@click.option("--gradebook", "table", metavar="FILE", type=click.Path(path_type=Path),
              help="Canvas: the gradebook that you exported there.")  # fmt: skip
@click.option("--column", default="", metavar="TITLE", help="Canvas: the assignment's column.")
def export(folder: Path, form: str, target: Path, table: Path | None, column: str) -> None:
    """Write the grades of FOLDER, which `grade` wrote, as another program reads them."""
    from grader.exports import Export
    from grader.exports import export as write

    for line in write(form, Export(folder, target, table, column)):
        click.echo(line)
    click.echo(f"→  {target}")


@cli.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@click.option("--part", "parts", metavar="ID,ID", multiple=True,
              help="Only these parts; repeatable.")  # fmt: skip
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the report as a page, too.")  # fmt: skip
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the report as JUnit XML, too.")  # fmt: skip
@click.option("--github", is_flag=True,
              help="As a step of GitHub Actions: annotations and the job's summary.")  # fmt: skip
@click.option("--pass-mark", type=float, metavar="SHARE",
              help="Exit code 0 from this share, 0 to 1, of the automatic points; without it "
              "from all of them.")  # fmt: skip
@_common
def check(
    path: Path, parts: tuple[str, ...], html: Path | None, junit: Path | None, github: bool,
    pass_mark: float | None, assignment: str, device: str, examples: int | None,
) -> None:  # fmt: skip
    """Check your own work: the public checks, in the terminal.

    Nothing is written but what --html and --junit name. Parts that a chosen one needs are judged
    too, and not shown.
    """
    from grader.check_command import Request
    from grader.check_command import check as run

    chosen = tuple(part for told in parts for part in _listed(told))
    request = Request(path, assignment, chosen, device, examples, html, junit, github, pass_mark)
    sys.exit(run(request))


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
    from grader.desk import replace_file
    from grader.exam import Scope, cores, hold_exam, render_exam
    from grader.exam.text import summary

    chosen = _listed(parts)
    scope = Scope(only=only or "", parts=chosen, every=every)
    with counting("graded") as progress:
        report = hold_exam(_load(assignment), scope, jobs=jobs or cores(), progress=progress)
    replace_file(out / "exam.json", report.model_dump_json(indent=1))
    replace_file(out / "index.html", render_exam(report))
    click.echo(summary(report))
    click.echo(f"→  {out / 'index.html'}")
    sys.exit(ExitCode.GRADED if report.passed else ExitCode.BELOW_PASS_MARK)


@cli.command()
@click.argument("assignment", metavar="NAME")
@click.option("--to", "target", metavar="FILE", type=click.Path(path_type=Path),
              help="The ZIP to write; NAME-autograder.zip if not given.")  # fmt: skip
def gradescope(assignment: str, target: Path | None) -> None:
    """Write the autograder that Gradescope runs. It holds the reference: keep it to the staff."""
    from grader.kit.autograder import build_autograder

    loaded = _load(assignment)
    path = target or Path(f"{loaded.name}-autograder.zip")
    build_autograder(loaded, path)
    points = sum(part.points - part.manual for part in loaded.rubric.parts)
    click.echo(f"→  {path}")
    click.echo(f"In Gradescope, under Configure Autograder: {points:g} autograder points.")


@cli.command()
@click.option("--assignment", default="", metavar="NAME",
              help="The assignment to look at; without it the only one here.")  # fmt: skip
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


@cli.command()
@click.argument("assignment", metavar="NAME")
@click.option("--to", "target", metavar="FILE", type=click.Path(path_type=Path),
              help="The ZIP file to write; NAME-kit.zip without it.")  # fmt: skip
def kit(assignment: str, target: Path | None) -> None:
    """Write what students get: template, public data, and a grader without the reference."""
    from grader.kit.folder import write_kit

    loaded = _load(assignment)
    path = write_kit(loaded, target or Path(f"{loaded.name}-kit.zip"), _say)
    click.echo(f"→  {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _say(step: str) -> None:
    click.echo(f"grader: {step}", err=True)


def _listed(told: str) -> tuple[str, ...]:
    """The ids in `5b-i,6`; none in an empty text."""
    return tuple(part.strip() for part in told.split(",") if part.strip())


def _load(name: str) -> Assignment:
    from grader.assignment import pick_assignment

    return pick_assignment(name)


def _stamps(klass: ClassList, submitted_at: str | None, table: Path | None) -> dict[str, datetime]:
    """When submissions were handed in, by name, as the options say.

    Raises UsageError for what is no date.
    """
    from grader.submission.stamps import parse_stamp, read_stamps

    if submitted_at is not None and (table is not None or len(klass.entries) > 1):
        raise UsageError("--submitted-at is for one submission: give --stamps FILE for several.")
    if submitted_at is not None:
        date = parse_stamp(submitted_at, "--submitted-at")
        return {entry.path.resolve().name: date for entry in klass.entries}
    return read_stamps(table) if table is not None else {}


def _worst(codes: Sequence[ExitCode]) -> ExitCode:
    order = [ExitCode.GRADED, ExitCode.BELOW_PASS_MARK, ExitCode.UNREADABLE_SUBMISSION,
             ExitCode.USAGE, ExitCode.GRADER_FAULT]  # fmt: skip
    return max(codes, key=order.index, default=ExitCode.GRADED)


def main() -> None:
    """Entry point: maps our exceptions and Ctrl-C to messages and exit codes."""
    # Before NumPy is loaded. One thread, as in submissions: a sum is then the same everywhere, and
    # workers do not compete for the cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        cli(standalone_mode=False, prog_name="grader")
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
