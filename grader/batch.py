"""A whole class: what has to be graded, in several processes, into the gradebook.

Nothing is graded twice: a submission whose files, checks, reference and libraries are those of
its last grade is left alone, one that a changed check touches is judged again in the parts that
it touches, and of several with the same files one is run. Each grade is recorded as it comes; an
interrupted run goes on where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grader.assignment import Assignment
from grader.crew import Crew, Lost
from grader.desk import Desk, MakeDesk, Outcome, Task, page_of, remove_report
from grader.errors import UsageError
from grader.fingerprint import Fingerprints, content_key, stale_parts
from grader.gradebook import Basis, Grade, Gradebook, Handed, Kind, State
from grader.grading import Options
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import LayerStates

# The key of what is made anew without running anything: the rules on form, which look at names,
# dates and prices, and which parts there are.
_FORM = "form"
# After so many submissions a process makes room for a new one: libraries keep some of what they
# were given.
_RECYCLE = 100

Seen = Callable[[str, "Outcome | None"], None]


@dataclass(frozen=True)
class Entry:
    """One submission of the class: whose it is and where it lies.

    Without a path there is nothing to grade: `refused` says why, and `state` what that is.
    """

    handed: Handed
    path: Path | None = None
    submitted_at: datetime | None = None
    refused: str = ""
    state: State = State.UNREADABLE

    @property
    def id(self) -> str:
        """The submission's id, which is its name in files too."""
        return self.handed.id


@dataclass
class Plan:
    """What has to be done: tasks, and tasks that wait for another with the same files."""

    tasks: list[Task] = field(default_factory=list)
    copies: dict[str, list[Task]] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: dict[str, Outcome] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many submissions have to be looked at."""
        return len(self.tasks) + sum(map(len, self.copies.values()))


class Batch:
    """The grading of one class into one folder; without a folder no report is written."""

    def __init__(self, assignment: Assignment, options: Options, out: Path | None) -> None:
        self.assignment, self.options, self.out = assignment, options, out
        self._parts = Fingerprints(assignment, options).parts

    def plan(
        self,
        entries: Sequence[Entry],
        book: Gradebook,
        *,
        fresh: bool = False,
        whole: bool = True,
    ) -> Plan:
        """Find out what has to be graded; with `fresh` everything.

        The entries are the `whole` class, or some more of it. Raises UsageError where the
        gradebook is another assignment's.
        """
        self._claim(book)
        book.enrol([entry.handed for entry in entries], whole=whole)
        plan, basis = Plan(), {} if fresh else book.basis()
        leaders: dict[str, str] = {}
        for entry in entries:
            if entry.path is None:
                _refuse(plan, entry, entry.refused, basis.get(entry.id))
                continue
            try:
                plan.content[entry.id] = content_key(entry.path)
            except UsageError as error:
                _refuse(plan, entry, str(error), basis.get(entry.id))
                continue
            plan.keys[entry.id] = {**self._parts, _FORM: self._form_key(entry, entry.path)}
            task = Task(
                entry.id, entry.handed.student, entry.path, entry.submitted_at, out=self.out
            )
            self._place(plan, task, basis.get(entry.id), leaders, book)
        return plan

    def _claim(self, book: Gradebook) -> None:
        owner = book.setting("assignment")
        if owner and owner != self.assignment.name:
            raise UsageError(
                f"{book.path} holds the grades of {owner}: choose another --out for "
                f"{self.assignment.name}."
            )
        book.keep("assignment", self.assignment.name)

    def _place(
        self,
        plan: Plan,
        task: Task,
        known: Basis | None,
        leaders: dict[str, str],
        book: Gradebook,
    ) -> None:
        content, keys = plan.content[task.id], plan.keys[task.id]
        if known is not None and known.content == content:
            stale = stale_parts(known.keys, keys)
            if not stale and (not known.has_report or self._has_page(task.id)):
                plan.done.append(task.id)
                return
            parts = tuple(part for part in stale if part != _FORM)
            before = book.current(task.id)
            if before is not None and before.report is not None and len(parts) < len(self._parts):
                text = before.report.model_dump_json()
                plan.tasks.append(dataclasses.replace(task, before=text, stale=parts))
                plan.reasons[task.id] = _what_changed(stale)
                return
        if content in leaders:
            plan.copies.setdefault(leaders[content], []).append(task)
            return
        leaders[content] = task.id
        plan.tasks.append(task)

    def _has_page(self, name: str) -> bool:
        return self.out is None or page_of(self.out, name).exists()

    def _form_key(self, entry: Entry, path: Path) -> str:
        """A hash over what counts beside the files and the checks."""
        names = [path.name]
        if path.is_dir():
            names += sorted(p.relative_to(path).as_posix() for p in path.rglob("*"))
        told = [
            names,
            entry.handed.student,
            str(entry.submitted_at),
            [policy.model_dump_json() for policy in self.assignment.rubric.policies],
            self.assignment.rubric.title,
            list(self.assignment.parts),
        ]
        return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).hexdigest()

    def run(
        self,
        plan: Plan,
        book: Gradebook,
        launcher: Launcher | None,
        jobs: int,
        seen: Seen,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Grade what is planned, in this process or in `jobs` others, and close the launcher.

        `seen` is told each id, with None as its grading starts; `progress` hears of the steps in
        between where one process grades. Raises UsageError where the rubric or the folder is
        wrong: then nothing can be graded.
        """
        for name, outcome in plan.refused.items():
            self._record(book, plan, name, outcome, seen)
        if launcher is None:
            return
        if jobs == 1 or plan.size == 1:
            desk = Desk(self.assignment, self.options, progress=progress, launcher=launcher)
            self._here(plan, book, desk, seen)
            return
        tested = launcher.tested
        launcher.close()
        progress("")
        self._in_processes(plan, book, min(jobs, plan.size), tested, seen)

    def _here(self, plan: Plan, book: Gradebook, desk: Desk, seen: Seen) -> None:
        try:
            waiting = list(reversed(plan.tasks))
            while waiting:
                task = waiting.pop()
                seen(task.id, None)
                outcome = desk.work(task)
                self._record(book, plan, task.id, outcome, seen)
                waiting += reversed(_copies(plan, task, outcome))
        finally:
            desk.close()

    def _in_processes(
        self, plan: Plan, book: Gradebook, jobs: int, tested: LayerStates, seen: Seen
    ) -> None:
        make = MakeDesk(self.assignment.folder, self.options, tested)
        with Crew[Task, Outcome](make, jobs, _RECYCLE) as crew:
            crew.started = lambda task: seen(task.id, None)
            for task in plan.tasks:
                crew.add(task)
            for task, result in crew.results():
                if isinstance(result, Lost):
                    result = Outcome(State.UNGRADED, reason=result.reason)
                self._record(book, plan, task.id, result, seen)
                for copy in _copies(plan, task, result):
                    crew.add(copy)

    def _record(self, book: Gradebook, plan: Plan, name: str, outcome: Outcome, seen: Seen) -> None:
        if outcome.report is None and self.out is not None:
            remove_report(self.out, name)  # of an earlier grade, which no longer counts
        reason = outcome.reason or plan.reasons.get(name, "")
        again = name in plan.reasons
        book.record(
            Grade(
                submission=name,
                kind=Kind.REGRADED if again else Kind.AUTOMATIC,
                state=outcome.state,
                reason=reason,
                content=plan.content.get(name, ""),
                keys=plan.keys.get(name, {}),
                report=outcome.report,
            )
        )
        seen(name, outcome)


def _refuse(plan: Plan, entry: Entry, reason: str, known: Basis | None) -> None:
    """Note why there is nothing to grade, unless that is what the gradebook says already."""
    plan.content[entry.id] = hashlib.sha256(reason.encode("utf-8", "replace")).hexdigest()
    if known == Basis(plan.content[entry.id], {}, has_report=False):
        plan.done.append(entry.id)
    else:
        plan.refused[entry.id] = Outcome(entry.state, reason=reason)


def _copies(plan: Plan, task: Task, outcome: Outcome) -> list[Task]:
    """The tasks that waited for this one: they take over what it found, if it found anything."""
    copies = plan.copies.pop(task.id, [])
    if outcome.report is None:
        return copies
    text = outcome.report.model_dump_json()
    for copy in copies:
        plan.reasons[copy.id] = f"the same files as {task.id}"
    return [dataclasses.replace(copy, before=text) for copy in copies]


def _what_changed(stale: Sequence[str]) -> str:
    parts = [part for part in stale if part != _FORM]
    told = []
    if parts:
        told.append(f"the checks of part {', '.join(parts)}")
    if _FORM in stale:
        told.append("the rules on form, the list of parts, a name or a date")
    return f"changed: {' and '.join(told)}" if told else "its report was missing"
