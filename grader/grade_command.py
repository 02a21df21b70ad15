"""What `grader grade` does: one submission or a class, into reports, a gradebook and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.assignment import Assignment
from grader.batch import Batch, Entry, Plan
from grader.class_files import write_class
from grader.desk import Outcome, page_of, start_launcher
from grader.errors import ExitCode, IsolationError
from grader.gradebook import NAME, Grade, Gradebook, Handed, State
from grader.grading import Options
from grader.live import LiveView
from grader.model import GradeReport
from grader.report import summary
from grader.sandbox import canaries
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import LayerStates
from grader.submission import name_of
from grader.submission.files import printable

_CODES = {
    State.UNREADABLE: ExitCode.UNREADABLE_SUBMISSION,
    State.UNGRADED: ExitCode.GRADER_FAULT,
}


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    assignment: Assignment
    options: Options
    out: Path
    jobs: int = 1
    fresh: bool = False
    level: str = "none"


def grade_all(request: Request, entries: Sequence[Entry]) -> list[ExitCode]:
    """Grade the entries that need it; an exit code for each.

    Parts that were picked out leave the gradebook alone. Raises IsolationError where the sandbox
    lacks what was asked for, and UsageError where nothing can be graded.
    """
    batch = Batch(request.assignment, request.options, request.out)
    partly = bool(request.options.parts)
    with Gradebook(None if partly else request.out / NAME) as book:
        plan = batch.plan(entries, book, request.fresh)
        with LiveView(plan.size + len(plan.unreadable)) as view:
            _tell_known(plan, view)
            launcher = _tested(request, view) if plan.size else None
            names = {entry.id: entry for entry in entries}

            def seen(name: str, outcome: Outcome | None) -> None:
                if outcome is None:
                    view.begins(name)
                    return
                view.ended(name, outcome)
                _tell(view, names[name], outcome, request.out)

            batch.run(plan, book, launcher, request.jobs, seen, view.progress)
        if not partly:
            write_class(book, request.out)
        return [_code(book.current(entry.id), request.assignment) for entry in entries]


def entries_of(
    paths: Sequence[Path], stamps: Mapping[Path, datetime | None]
) -> tuple[list[Entry], list[str]]:
    """Each path as a submission with an id of its own, and the paths that do not exist."""
    entries: list[Entry] = []
    absent: list[str] = []
    seen: set[str] = set()
    for path in paths:
        if not path.exists():
            where = printable(str(path))
            absent.append(f"There is no file or folder {where}. Check the path's spelling.")
            continue
        name, title = name_of(path)
        name = _told_apart(name, path, seen)
        handed = Handed(id=name, student=title, source=printable(path.name))
        entries.append(Entry(handed, path, stamps.get(path)))
    return entries, absent


def _told_apart(name: str, path: Path, seen: set[str]) -> str:
    """An id that no other of this run has: folders differ, names may not."""
    first, number = name, 1
    if name in seen and path.resolve().parent.name:
        name = f"{path.resolve().parent.name}-{name}"
    while name in seen:
        number += 1
        name = f"{first}-{number}"
    seen.add(name)
    return name


def _tell_known(plan: Plan, view: LiveView) -> None:
    if plan.done:
        kept = f"{len(plan.done)} graded already: nothing that counts has changed since"
        view.say(f"grader: {kept} (--fresh grades all of them again)", err=True)


def _tested(request: Request, view: LiveView) -> Launcher:
    """A launcher whose sandbox was tried from inside. Says what is missing."""
    launcher = start_launcher(request.assignment, view.progress)
    try:
        view.progress("testing the sandbox")
        launcher.tested = canaries.try_layers(launcher)
        _weigh(launcher.tested, request.level, view)
    except BaseException:
        launcher.close()
        raise
    return launcher


def _weigh(found: LayerStates, level: str, view: LiveView) -> None:
    """Say what a sandbox lacks. Raises IsolationError where that is too much."""
    if lacking := canaries.missing(level, found):
        listed = "".join(
            f"\n  {n}: {what}\n    → {canaries.MENDS[n]}" for n, what in lacking.items()
        )
        raise IsolationError(f"--require-isolation {level}: this machine's sandbox lacks{listed}")
    if lacking := canaries.missing("strict", found):
        text = f"the sandbox lacks: {', '.join(lacking)}. `grader doctor` says how to get them."
        view.say(f"grader: {text}", err=True)


def _tell(view: LiveView, entry: Entry, outcome: Outcome, out: Path) -> None:
    if outcome.report is not None:
        student, page = entry.handed.student, page_of(out, entry.id)
        view.say(f"{student}: {summary(outcome.report)}  →  {page}")
        return
    named = view.total == 1 or entry.path.name in outcome.reason
    where = "grader" if named else printable(str(entry.path))
    view.say(f"{where}: {outcome.reason}", err=True)


def _code(grade: Grade | None, assignment: Assignment) -> ExitCode:
    if grade is None or grade.report is None:
        return _CODES[grade.state] if grade else ExitCode.GRADER_FAULT
    below = is_below(grade.report, assignment.rubric.pass_mark)
    return ExitCode.BELOW_PASS_MARK if below else ExitCode.GRADED


def is_below(report: GradeReport, mark: float) -> bool:
    """Whether the points that were decided are less than the share `mark` of theirs."""
    return bool(report.auto_max_score) and report.auto_score / report.auto_max_score < mark
