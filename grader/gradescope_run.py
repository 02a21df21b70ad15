"""Grades one submission where Gradescope put it: `python -m grader.gradescope_run /autograder`.

The other half of `grader.kit.autograder`. What is printed here only the staff sees.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import stat
import tempfile
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.assignment import Assignment, load_assignment
from grader.datasets import public_data
from grader.desk import Desk, Outcome, Task, replace_file, start_launcher
from grader.errors import ExitCode, IsolationError, UsageError
from grader.gradebook import State
from grader.grading import Options
from grader.intake import Unread, read_one
from grader.kit.autograder import SETTINGS
from grader.report import summary
from grader.report.gradescope import VISIBILITIES, refused_json, results_json, ungraded_json
from grader.sandbox import canaries
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import LayerStates
from grader.submission.files import printable, safe_name
from grader.submission.stamps import parse_stamp

_METADATA = "submission_metadata.json"
# What student code, which has a user id of its own, must find closed whatever else holds.
_PRIVATE = ("source", "submission", "results", _METADATA)


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
        rubric, hidden = source / told["rubric"], str(told["hidden"])
        if hidden not in VISIBILITIES:
            raise ValueError(f"hidden={hidden!r}, but should be one of {', '.join(VISIBILITIES)}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        where = source / SETTINGS
        raise UsageError(f"{where} is not as `grader gradescope` wrote it: {why}") from error
    return Autograder(load_assignment(str(rubric)), hidden)


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

    Raises UsageError where the assignment or the metadata is wrong, GraderError where the
    sandbox cannot be started, and IsolationError where it would let the reference be read.
    """
    handed, submission = read_handed(root / _METADATA), root / "submission"
    with tempfile.TemporaryDirectory(prefix="grader-handed-") as folder:
        found = read_one(submission, folder=Path(folder))
        if isinstance(found, Unread):
            reason = _in_their_words(found.reason, submission)
            return Outcome(State.UNREADABLE, reason=reason)
        launcher = _tested(autograder.assignment)
        desk = Desk(autograder.assignment, Options(), launcher=launcher)
        try:
            task = Task(handed.id, handed.student, found.path, handed.submitted_at)
            outcome = desk.work(task)
        finally:
            desk.close()
        reason = _in_their_words(outcome.reason, found.path)
        return dataclasses.replace(outcome, reason=reason)


def _in_their_words(reason: str, handed_in: Path) -> str:
    """The reason as it concerns a student, who does not know what Gradescope calls the folder."""
    name = printable(handed_in.name)
    if handed_in.is_dir() and reason.startswith(f"{name} "):
        return f"what you handed in{reason[len(name) :]}"
    return reason


def _tested(assignment: Assignment) -> Launcher:
    """A launcher whose sandbox was tried from inside; what that lacks is told to the staff."""
    launcher = start_launcher(assignment, print)
    try:
        launcher.tested = canaries.try_layers(launcher)
        _check_walls(launcher.tested)
    except BaseException:
        launcher.close()
        raise
    for name, what in canaries.missing("strict", launcher.tested).items():
        print(f"the sandbox lacks {name}: {what}")
    return launcher


def _check_walls(layers: LayerStates) -> None:
    """Raise IsolationError where student code could read the reference, or write the results."""
    user = layers.get("user", ("absent", "student code runs as the grader's own user"))
    if "files" in canaries.missing("standard", layers) and not user[0].startswith("enforced"):
        raise IsolationError(
            "nothing keeps student code from the reference here: no Landlock, no namespaces, "
            f"and no user id of its own ({user[1]}). Let root run the grader, with the "
            "interpreter where everybody may read it."
        )


def close_folders(root: Path) -> None:
    """Leave what is private to the grader's own user alone."""
    for path in (root / name for name in _PRIVATE):
        if path.exists():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXU)


def run(root: Path) -> ExitCode:
    """Grade the submission and write `results/results.json`, last of all and in any case."""
    results = root / "results" / "results.json"
    close_folders(root)
    replace_file(results, ungraded_json())  # what stays if this process is killed
    try:
        autograder = read_autograder(root / "source")
        outcome = grade_one(root, autograder)
        text = _results(outcome, autograder.hidden)
    except Exception:  # the last one to hear of it: the student is told that it is our fault
        traceback.print_exc()
        return ExitCode.GRADER_FAULT
    if text is None:
        print(f"not graded: {outcome.reason}")
        return ExitCode.GRADER_FAULT
    replace_file(results, text)
    print(summary(outcome.report) if outcome.report else f"refused: {outcome.reason}")
    return ExitCode.GRADED


def _results(outcome: Outcome, hidden: str) -> str | None:
    """What Gradescope is told; None where the grader failed."""
    if outcome.report is not None:
        return results_json(outcome.report, hidden=hidden)
    return refused_json(outcome.reason) if outcome.state is State.UNREADABLE else None


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
