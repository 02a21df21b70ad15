"""Grades one submission where Gradescope put it: `python -m grader.gradescope_run /autograder`.

The other half of `grader.kit.autograder`. What is printed here only the staff sees.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.assignment import Assignment, load_assignment
from grader.datasets import public_data
from grader.desk import Desk, Outcome, Task, replace_file, start_launcher
from grader.errors import ExitCode, UsageError
from grader.gradebook import State
from grader.grading import Options
from grader.intake import Unread, read_one
from grader.kit.autograder import SETTINGS
from grader.report import summary
from grader.report.gradescope import refused_json, results_json, ungraded_json
from grader.sandbox import canaries
from grader.sandbox.launcher import Launcher
from grader.submission.files import printable, safe_name
from grader.submission.stamps import parse_stamp

_METADATA = "submission_metadata.json"


@dataclass(frozen=True)
class Handed:
    """What Gradescope says of a submission: its number, whose it is, and when it came."""

    id: str
    student: str
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class Autograder:
    """What the ZIP said, unpacked: the assignment, and when hidden checks are shown."""

    assignment: Assignment
    hidden: str


def read_autograder(source: Path) -> Autograder:
    """Read the folder that the ZIP was unpacked to. Raises UsageError where it is none."""
    try:
        told = json.loads((source / SETTINGS).read_text(encoding="utf-8"))
        return Autograder(load_assignment(str(source / told["rubric"])), str(told["hidden"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"{source / SETTINGS} is not what `grader gradescope` wrote: {why}") from (
            error
        )


def read_handed(path: Path) -> Handed:
    """Read `submission_metadata.json`. Without the file nothing is known.

    Raises UsageError where it cannot be read: without its date late work would pass as in time.
    """
    if not path.exists():
        return Handed("submission", "")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        names = [printable(str(user["name"] or "")) for user in told["users"]]
        number, stamp = str(told["id"]), str(told["created_at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    name = ", ".join(names)
    return Handed(safe_name(f"{name}-{number}".strip("-")), name, parse_stamp(stamp, str(path)))


def grade_one(root: Path, autograder: Autograder) -> Outcome:
    """Grade what is in `submission/`. Every process of the student's has ended on return.

    Raises UsageError where the assignment or the metadata is wrong, and GraderError where the
    sandbox cannot be started.
    """
    handed = read_handed(root / _METADATA)
    with tempfile.TemporaryDirectory(prefix="grader-handed-") as folder:
        found = read_one(root / "submission", folder=Path(folder))
        if isinstance(found, Unread):
            return Outcome(State.UNREADABLE, reason=found.reason)
        launcher = _tested(autograder.assignment)
        desk = Desk(autograder.assignment, Options(), launcher=launcher)
        try:
            return desk.work(Task(handed.id, handed.student, found.path, handed.submitted_at))
        finally:
            desk.close()


def _tested(assignment: Assignment) -> Launcher:
    """A launcher whose sandbox was tried from inside; what that lacks is told to the staff."""
    launcher = start_launcher(assignment, print)
    try:
        launcher.tested = canaries.try_layers(launcher)
    except BaseException:
        launcher.close()
        raise
    for name, what in canaries.missing("strict", launcher.tested).items():
        print(f"the sandbox lacks {name}: {what}")
    return launcher


def run(root: Path) -> ExitCode:
    """Grade the submission and write `results/results.json`, last of all and in any case."""
    results = root / "results" / "results.json"
    replace_file(results, ungraded_json())  # what stays if this process is killed
    try:
        autograder = read_autograder(root / "source")
        outcome = grade_one(root, autograder)
        text = _results(outcome, root / "submission", autograder.hidden)
    except Exception:  # the last one to hear of it: the student is told that it is our fault
        traceback.print_exc()
        return ExitCode.GRADER_FAULT
    if text is None:
        print(f"not graded: {outcome.reason}")
        return ExitCode.GRADER_FAULT
    replace_file(results, text)
    print(summary(outcome.report) if outcome.report else f"refused: {outcome.reason}")
    return ExitCode.GRADED


def _results(outcome: Outcome, folder: Path, hidden: str) -> str | None:
    """What Gradescope is told; None where the grader failed."""
    if outcome.report is not None:
        return results_json(outcome.report, hidden=hidden)
    if outcome.state is not State.UNREADABLE:
        return None
    # Where Gradescope keeps the files is no help to a student.
    return refused_json(outcome.reason.replace(printable(str(folder)), "what you handed in"))


def prepare(root: Path) -> ExitCode:
    """Load the assignment and make its data, once for all submissions.

    Raises UsageError where the assignment is wrong.
    """
    autograder = read_autograder(root / "source")
    public_data(autograder.assignment)
    print(f"ready to grade {autograder.assignment.name}")
    return ExitCode.GRADED


def main() -> int:
    """Entry point of both scripts."""
    parser = argparse.ArgumentParser(prog="grader.gradescope_run", description=__doc__)
    parser.add_argument("root", type=Path, help="the folder that holds source/ and submission/")
    parser.add_argument("--prepare", action="store_true", help="grade nothing; get ready to")
    told = parser.parse_args()
    return int(prepare(told.root) if told.prepare else run(told.root))


if __name__ == "__main__":
    raise SystemExit(main())
