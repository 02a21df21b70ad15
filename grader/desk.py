"""Where one submission after the other is graded, with one launcher as long as it lasts."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader import grading
from grader.assignment import Assignment, load_assignment
from grader.datasets import public_data
from grader.errors import GraderError, SubmissionError, UsageError
from grader.gradebook import State
from grader.grading import Options
from grader.judge import make_launcher
from grader.model import GradeReport
from grader.regrading import regrade
from grader.report import render_html, render_json
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import LayerStates
from grader.submission import Submission, read_submission


@dataclass(frozen=True)
class Task:
    """One submission to grade, and whose it is.

    Where `before` is a report (in JSON), only the `stale` parts are judged again, and the rest is
    kept. Without a folder `out` nothing is written.
    """

    id: str
    student: str
    path: Path
    submitted_at: datetime | None = None
    before: str = ""
    stale: tuple[str, ...] = ()
    out: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one submission. Where there is no report, `reason` says why."""

    state: State
    report: GradeReport | None = None
    reason: str = ""


class Desk:
    """Grades what it is given; after a fault of the grader once more, and with new processes.

    It starts with `launcher`, which it closes, or with one of its own.
    """

    def __init__(
        self,
        assignment: Assignment,
        options: Options,
        tested: LayerStates | None = None,
        progress: Callable[[str], None] = lambda _: None,
        launcher: Launcher | None = None,
    ) -> None:
        self._assignment, self._options = assignment, options
        self._tested = launcher.tested if launcher else tested or {}
        self._progress = progress
        self._launcher = launcher

    def work(self, task: Task) -> Outcome:
        """Grade one submission and write its report.

        Raises UsageError where the rubric is wrong or a report cannot be written: then no other
        submission fares better.
        """
        try:
            submission = _read(task)
        except (SubmissionError, UsageError) as error:  # the path is wrong, and it alone
            return Outcome(State.UNREADABLE, reason=str(error))
        try:
            report = self._tried_twice(task, submission)
        except SubmissionError as error:
            return Outcome(State.UNREADABLE, reason=str(error))
        except UsageError:
            raise
        except Exception as error:
            if os.environ.get("GRADER_DEBUG"):
                raise
            self.close()  # the next one starts anew
            return Outcome(State.UNGRADED, reason=fault_text(error))
        if task.out is not None:
            write_report(report, task.out)
        return Outcome(State.GRADED, report)

    def report(self, task: Task) -> GradeReport:
        """Grade one submission.

        Raises SubmissionError where it cannot be read, GraderError where two tries have failed,
        and UsageError where the rubric is wrong.
        """
        return self._tried_twice(task, _read(task))

    def _tried_twice(self, task: Task, submission: Submission) -> GradeReport:
        try:
            return self._judged(task, submission)
        except GraderError:
            self.close()
        return self._judged(task, submission)

    def _judged(self, task: Task, submission: Submission) -> GradeReport:
        if task.before:
            before = GradeReport.model_validate_json(task.before)
            args = (self._assignment, submission, before, task.stale)
            return regrade(*args, self.launcher, self._options)
        done = [0]

        def on_check(_: object) -> None:
            done[0] += 1

        def progress(what: str) -> None:
            self._progress(f"{submission.source}: {what}, {done[0]} checks done")

        return grading.grade(
            self._assignment, submission, self.launcher(), self._options,
            progress=progress, on_check=on_check,
        )  # fmt: skip

    def launcher(self) -> Launcher:
        """The launcher that is in use, or a new one."""
        if self._launcher is None:
            self._launcher = start_launcher(self._assignment, self._progress)
            self._launcher.tested = self._tested
        return self._launcher

    def close(self) -> None:
        """End the launcher's processes."""
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            launcher.close()


@dataclass(frozen=True)
class MakeDesk:
    """Makes a desk in a process of its own."""

    folder: Path
    options: Options
    tested: LayerStates

    def __call__(self) -> Desk:
        """The desk; its launcher starts with the first submission."""
        return Desk(load_assignment(str(self.folder)), self.options, self.tested)


def start_launcher(assignment: Assignment, progress: Callable[[str], None]) -> Launcher:
    """A launcher that is ready, with the assignment's data made."""
    launcher = make_launcher(assignment)
    progress("making the assignment's data and loading the libraries")
    try:
        public_data(assignment)
        launcher.wait_ready()
    except BaseException:
        launcher.close()
        raise
    return launcher


def _read(task: Task) -> Submission:
    read = read_submission(task.path, submitted_at=task.submitted_at)
    return dataclasses.replace(read, id=task.id, student=task.student or read.student)


def fault_text(error: Exception) -> str:
    """What a TA reads of a fault of ours; one that nobody foresaw says where it was."""
    if isinstance(error, GraderError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a fault of the grader: {type(error).__name__}: {error} at {last.name}:{last.lineno}"


def page_of(out: Path, name: str) -> Path:
    """Where the report of a submission is."""
    return out / "reports" / f"{name}.html"


def write_report(report: GradeReport, out: Path) -> None:
    """Write both forms of a report, each whole or not at all."""
    replace_file(out / "results" / f"{report.submission.id}.json", render_json(report))
    replace_file(page_of(out, report.submission.id), render_html(report))


def remove_report(out: Path, name: str) -> None:
    """Remove both forms of a report, if they are there. Raises UsageError where that cannot be."""
    for path in (out / "results" / f"{name}.json", page_of(out, name)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be removed: {error.strerror}") from error


def replace_file(path: Path, data: str | bytes) -> None:
    """Write a file whole or not at all. Raises UsageError where that cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
