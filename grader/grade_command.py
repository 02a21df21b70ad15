"""What `grader grade` does: one submission or a class, into reports, a gradebook and a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.assignment import Assignment
from grader.batch import Batch, Entry, Plan
from grader.changes import changes
from grader.class_files import write_class
from grader.desk import Outcome, page_of, start_launcher
from grader.errors import ExitCode, IsolationError, UsageError
from grader.gradebook import NAME, Grade, Gradebook, Handed, State
from grader.grading import Options
from grader.intake import ClassList, Unread
from grader.intake import Entry as Submitted
from grader.live import LiveView
from grader.model import GradeReport
from grader.report import summary
from grader.report.escape import stripped
from grader.sandbox import canaries
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import LayerStates
from grader.submission.files import printable, safe_name
from grader.submission.stamps import stamp_of

_CODES = {
    State.UNREADABLE: ExitCode.UNREADABLE_SUBMISSION,
    State.UNGRADED: ExitCode.GRADER_FAULT,
}


@dataclass(frozen=True)
class Request:
    """What was asked for. What is `dry` writes no report.

    `whole`: whether the entries are the whole class, so that who is not among them has left it.
    """

    assignment: Assignment
    options: Options
    out: Path
    jobs: int = 1
    fresh: bool = False
    level: str = "none"
    dry: bool = False
    whole: bool = False


def grade_all(request: Request, entries: Sequence[Entry]) -> list[ExitCode]:
    """Grade the entries that need it; an exit code for each.

    Parts that were picked out leave the gradebook alone. Raises IsolationError where the sandbox
    lacks what was asked for, and UsageError where nothing can be graded.
    """
    with Gradebook(None if request.options.parts else request.out / NAME) as book:
        _grade(request, entries, book)
        if book.path is not None:
            write_class(book, request.assignment, request.out)
        return [_code(book.current(entry.id), request.assignment) for entry in entries]


def preview(request: Request, entries: Sequence[Entry]) -> list[str]:
    """Whose grade would change, a line each. Nothing is written.

    Raises UsageError where nothing has been graded yet, and where parts are picked out.
    """
    path = request.out / NAME
    if request.options.parts:
        raise UsageError("--diff compares whole grades: leave --parts out.")
    if not path.is_file():
        raise UsageError(f"{path} is not there: grade the class first, then ask what changes.")
    with Gradebook.copy_in_memory(path) as after, Gradebook(path) as before:
        _grade(dataclasses.replace(request, dry=True), entries, after)
        return [stripped(change.line()) for change in changes(before, after)]


def _grade(request: Request, entries: Sequence[Entry], book: Gradebook) -> None:
    batch = Batch(request.assignment, request.options, None if request.dry else request.out)
    plan = batch.plan(entries, book, fresh=request.fresh, whole=request.whole)
    with LiveView(plan.size + len(plan.refused)) as view:
        _tell_known(plan, view)
        launcher = _tested(request, view) if plan.size else None
        teller = _Teller(request, {entry.id: entry for entry in entries}, view)
        batch.run(plan, book, launcher, request.jobs, teller.seen, view.progress)


@dataclass(frozen=True)
class _Teller:
    """Tells what becomes of each submission."""

    request: Request
    entries: Mapping[str, Entry]
    view: LiveView

    def seen(self, name: str, outcome: Outcome | None) -> None:
        """A submission is begun with, where there is no outcome, or has one."""
        if outcome is None:
            self.view.begins(name)
            return
        self.view.ended(name, outcome)
        if not self.request.dry:
            _tell(self.view, self.entries[name], outcome, self.request.out)


def entries_of(klass: ClassList, stamps: Mapping[str, datetime]) -> list[Entry]:
    """The class as the batch takes it: what was handed in, what cannot be read, who is absent.

    A date of `stamps`, by the name of a file or folder, comes before the LMS's own.
    """
    found = [
        Entry(_handed(one.id, one), one.path, stamp_of(one.path, stamps) or one.submitted_at)
        for one in klass.entries
    ]
    taken = {entry.id for entry in found}
    for row in klass.unread:
        name = _free(row.id or safe_name(row.name), taken)
        found.append(Entry(_handed(name, row), refused=row.reason))
    for student in klass.absent:
        handed = Handed(
            id=_free(safe_name(student.name), taken),
            student=student.name,
            source="",
            lms_id=student.lms_id,
            sis_id=student.sis_id,
            login=student.login,
        )
        found.append(Entry(handed, refused="handed in nothing", state=State.ABSENT))
    return found


def _handed(name: str, one: Submitted | Unread) -> Handed:
    others = one.others if isinstance(one, Submitted) else ()
    attempts = (f"earlier attempts, not graded: {', '.join(others)}",) if others else ()
    source = printable(one.path.name) if isinstance(one, Submitted) else one.name
    return Handed(
        id=name,
        student=one.student or source,
        source=source,
        lms_id=one.lms_id,
        sis_id=one.sis_id,
        login=one.login,
        notes=(*one.notes, *attempts),
    )


def _free(name: str, taken: set[str]) -> str:
    """The name, or one like it, that nobody has."""
    found, number = name, 1
    while found.casefold() in {other.casefold() for other in taken}:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def existing(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The paths that exist, and a sentence for each that does not."""
    there = [path for path in paths if path.exists()]
    absent = [printable(str(path)) for path in paths if not path.exists()]
    told = [f"There is no file or folder {name}. Check the path's spelling." for name in absent]
    return there, told


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
    source = entry.handed.source or entry.handed.student  # who is absent has no file
    where = "grader" if view.total == 1 or source in outcome.reason else source
    view.say(f"{where}: {outcome.reason}", err=True)


def _code(grade: Grade | None, assignment: Assignment) -> ExitCode:
    if grade is None or grade.report is None:
        return _CODES.get(grade.state, ExitCode.GRADED) if grade else ExitCode.GRADER_FAULT
    below = is_below(grade.report, assignment.rubric.pass_mark)
    return ExitCode.BELOW_PASS_MARK if below else ExitCode.GRADED


def is_below(report: GradeReport, mark: float) -> bool:
    """Whether the points that were decided are less than the share `mark` of theirs."""
    most = report.auto_max_score
    return bool(most) and round(report.auto_score / most, 9) < mark  # 4.2 of 6 are 0.7
