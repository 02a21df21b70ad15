"""What the checks of one submission share, and the results that they leave behind."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Assignment, load_assignment
from grader.checks.answer_book import read_book
from grader.checks.context import CheckContext, Keeper, running
from grader.checks.diagnosis import Solution, diagnose
from grader.checks.reference import Reference
from grader.checks.student import Student
from grader.checks.verdict import (
    AnswerMissing,
    CheckFailed,
    NeedsReview,
    is_unwritten,
    missing_module,
)
from grader.datasets import public_data
from grader.errors import GraderError, UsageError
from grader.evidence import Evidence, gather, template_lines
from grader.marks import function_name, part_of
from grader.model import CheckResult, Status
from grader.rubric import CheckEntry
from grader.running import SubmissionRun
from grader.runs import Run
from grader.sandbox.launcher import ColdLauncher, Launcher, WarmLauncher
from grader.second_chances import Chance, SecondChances
from grader.submission import PartMap, Submission, map_parts, read_submission
from grader.variants import KnownMistake

#: What every zygote imports: the kernel itself, and what it imports when it starts. An assignment
#: adds its own libraries.
_KERNEL_MODULES = (
    "numpy",
    "torch",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython",
    "IPython.core.completerlib",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "tornado.platform.asyncio",
    "grader.sandbox.kernel_process",
)

_KNOWN_BEFORE = (
    "Code of another part, which stands above, was given right answers of this one before it was "
    "judged: a person looks whether this one is your own."
)
_SETTLED = (Status.PASSED, Status.NEEDS_REVIEW)
# For how many times as long as a check took its failure may be looked into, and how long at most:
# a hundred oracles meet one example each where the check met all of its own.
_PATIENCE, _MOST_PATIENCE_S = 5, 10.0


@dataclass
class Judge:
    """One submission under judgement."""

    assignment: Assignment
    submission: Submission
    parts: PartMap
    run: Run
    reference: Solution
    device: str
    data_folder: Path | None = None
    chosen: frozenset[str] = frozenset()
    public_only: bool = False
    examples: int | None = None
    results: dict[str, CheckResult] = field(default_factory=dict)
    fault: GraderError | None = None
    misuse: str | None = None
    whole: bool = False
    on_check: Callable[[CheckResult], None] = lambda _: None
    owned: Launcher | None = None
    keeper: Keeper | None = None
    _context: CheckContext = field(default_factory=CheckContext)
    _mistake: KnownMistake | None = None
    _proviso: str = ""

    def __post_init__(self) -> None:
        self._chances = SecondChances(self.assignment, self.run, self.reference, self.results)

    def student(self, part: str) -> Student:
        """A session with the student's names after the part's cells."""
        return self.run.student(part)

    def order(self, part: str) -> int:
        """Where in the notebook the part ends."""
        return self.run.order(part)

    def evidence(self, part: str) -> Evidence:
        """What the submission shows of the part; its cells have been run."""
        self.run.reach(part)
        return gather(
            part,
            self.submission,
            self.parts,
            template_lines(self.assignment.template),
            number=self.run.number,
            ran=self.run.printed,
            showed=self.run.may_show,
        )

    def wants(self, item: pytest.Item) -> bool:
        """Whether a collected check is to run. Raises UsageError where the rubric lacks it."""
        name = function_name(item)
        if name not in self.assignment.checks:
            raise UsageError(
                f"{item.nodeid}: the rubric has no entry for {name}: add `- test: {name}` to "
                f"the checks of its part in {self.assignment.folder / 'rubric.yaml'}"
            )
        part, entry = self.assignment.checks[name]
        if part.id != part_of(item):
            raise UsageError(
                f"{item.nodeid} is marked part {part_of(item)}, but listed under {part.id}"
            )
        wanted = not self.chosen or part.id in self.chosen
        return wanted and (entry.public or not self.public_only)

    def check_collected(self, items: list[pytest.Item]) -> None:
        """Raise UsageError where the rubric lists a check that no file of its folder has.

        Only where all files were collected: an instructor may name one of them. Where parts are
        picked out, all files are those that hold their checks.
        """
        if self.whole:
            there = {function_name(item) for item in items}
            for name, (part, _) in self.assignment.checks.items():
                if name not in there and part.id in (self.chosen or {part.id}):
                    raise UsageError(f"part {part.id} lists {name}, which no test_*.py defines")

    @contextmanager
    def checking(self, name: str) -> Iterator[CheckContext]:
        """The context of one check, from its start to its end."""
        rubric = self.assignment.rubric
        self._context = CheckContext(
            check=name,
            keeper=self.keeper,
            shrink_s=rubric.limits.shrink_s,
            example_count=self.examples or rubric.examples,
            seed=rubric.seed,
            shrinks_later=True,
        )
        self._chances.start()
        self._mistake, self._proviso = None, ""
        with running(self._context):
            yield self._context

    @property
    def stopped(self) -> bool:
        """Whether what went wrong makes going on useless."""
        return self.fault is not None or self.misuse is not None

    def start_again(self) -> None:
        """Count the examples of a check that is run again anew."""
        self._context.examples_run = 0
        self._context.start_example({})

    def second_chances(self, part: str, student: Any) -> Iterator[Chance]:
        """What to change before a failed check is run again, in turn, while it fails."""
        if isinstance(student, Student):
            yield from self._chances.of(part, student)

    def doubt(self, part: str, failure: BaseException) -> str:
        """Why a failure cannot be charged to a part here; empty where it can be."""
        if lacking := self._lacking(part, failure):
            return (
                f"`{lacking}` is not installed where this was graded, which says nothing of the "
                "answer: a person looks at it, or installs it there and has it graded again."
            )
        if self.assignment.has_reference or not isinstance(failure, CheckFailed):
            return ""
        wrong = self._chances.wrong_needs(part)
        if not wrong or isinstance(failure, AnswerMissing):
            return ""
        known = {
            q: [self.results.get(c.test) for c in self.assignment.parts[q].checks] for q in wrong
        }
        for part_, results in known.items():
            if any(r is not None and r.status not in _SETTLED for r in results):
                return f"This uses part {part_}, which is not right yet: correct that one first."
        needed = " and ".join(wrong)
        self._proviso = f"This counts only with a right part {needed}, which was not checked."
        return ""

    def _lacking(self, part: str, failure: BaseException) -> str | None:
        """A module that the failure comes from, and that is not installed here."""
        if not isinstance(failure, CheckFailed):
            return None
        if name := missing_module(failure.raised):
            return name
        undefined = failure.raised is not None and failure.raised.type == "NameError"
        if is_unwritten(failure) or not (undefined or isinstance(failure, AnswerMissing)):
            return None
        last = self.run.order(part)
        stopped = (p.raised for cell, p in self.run.problems.items() if cell <= last)
        return next((name for raised in stopped if (name := missing_module(raised))), None)

    def smallest(self, failure: AssertionError) -> AssertionError:
        """A failure that counts, on the smallest example that is found."""
        return failure.smallest() if isinstance(failure, CheckFailed) else failure

    def diagnose(self, item: pytest.Item, failure: BaseException,
                 again: Callable[[Any], Any], took_s: float) -> None:  # fmt: skip
        """Look for a known mistake behind a failure that counts; `again` runs the check.

        `took_s` is how long the check itself took: where the student's code or the machine is
        slow, so is trying oracles.
        """
        known = self.assignment.mistakes(part_of(item))
        if not isinstance(failure, CheckFailed) or not known or is_unwritten(failure):
            return
        failure.settle()
        counted, self._context.first_failure_ends = self._context.examples_run, True
        try:
            self._mistake = diagnose(
                function_name(item), failure, known, again, self.reference,
                patience_s=max(self.assignment.rubric.limits.shrink_s,
                               min(_PATIENCE * took_s, _MOST_PATIENCE_S)),
            )  # fmt: skip
        finally:
            self._context.examples_run = counted
            self._context.first_failure_ends = False

    def record(
        self, item: pytest.Item, when: str, error: BaseException | None, duration_s: float
    ) -> str | None:
        """Keep the result of a check's phase; the text that pytest shows where it failed."""
        name = function_name(item)
        if when == "call" or (when == "setup" and error is not None):
            part, entry = self.assignment.checks[name]
            if error is None and part.id in self._chances.early:
                error = NeedsReview(_KNOWN_BEFORE)
            title = (getattr(item, "obj", None).__doc__ or name).strip().splitlines()[0]
            result = self._result(entry, title, error, duration_s)
            if result is None:
                return None
            self.results[name] = result
            self.on_check(result)
            return None if result.status is Status.PASSED else _console_text(result)
        if error is not None:
            self._blame(item.nodeid, error)
        return None

    def _result(
        self, entry: CheckEntry, title: str, error: BaseException | None, duration_s: float
    ) -> CheckResult | None:
        """The check's result on a scale of 0 to 1; None for a fault of the grader."""
        common: dict[str, Any] = {
            "id": entry.test.removeprefix("test_"),
            "title": title,
            "max_score": 1.0,
            "public": entry.public,
            "examples": self._context.examples_run,
            "duration_s": round(duration_s, 4),
        }
        if error is None:
            note = self._chances.note
            return CheckResult(status=Status.PASSED, score=1.0, message=note, **common)
        if isinstance(error, NeedsReview):
            return CheckResult(status=Status.NEEDS_REVIEW, score=0.0, message=str(error), **common)
        if isinstance(error, CheckFailed):
            known = self._mistake
            return CheckResult(
                status=error.status,
                score=max(entry.credit.get(error.stage, 0.0), known.credit if known else 0.0),
                diagnosis=f"{known.name}: {known.say}" if known else None,
                stage=error.stage,
                message=f"{error.message} {self._proviso}".strip(),
                hint=error.hint or entry.hint,
                counterexample=error.counterexample,
                raised=error.raised,
                **common,
            )
        self._blame(entry.test, error)
        return None

    def _blame(self, where: str, error: BaseException) -> None:
        """Remember the first fault of the grader: it leaves the submission ungraded."""
        if isinstance(error, UsageError):
            self.misuse = self.misuse or f"{where}: {error}"
        elif self.fault is None:
            last = traceback.extract_tb(error.__traceback__)[-1:]
            place = f" at {last[0].filename}:{last[0].lineno}" if last else ""
            self.fault = GraderError(f"{where}: {type(error).__name__}: {error}{place}")
            self.fault.__cause__ = error

    def close(self) -> None:
        """End the notebook's processes."""
        self.run.close()

    def close_all(self) -> None:
        """End the notebook's processes and the launcher that was made for it alone."""
        self.close()
        if self.owned is not None:
            self.owned.close()


def _console_text(result: CheckResult) -> str:
    lines = [result.message]
    sample = result.counterexample
    if sample is not None:
        lines += [f"  {name} = {value.text}" for name, value in sample.inputs.items()]
        for label, value in (("expected", sample.expected), ("actual", sample.actual)):
            if value is not None:
                lines.append(f"  {label}: {value.text}")
    if result.raised is not None:
        lines += [f"  {f.where}, line {f.line}: {f.code}" for f in result.raised.frames]
    if result.hint:
        lines.append(f"  hint: {result.hint}")
    return "\n".join(lines)


def make_launcher(assignment: Assignment, *, warm: bool | None = None) -> Launcher:
    """The launcher for an assignment's submissions: warm where this system can fork."""
    modules = (*_KERNEL_MODULES, *assignment.rubric.preload)
    use_warm = WarmLauncher.available() if warm is None else warm
    return WarmLauncher(modules) if use_warm else ColdLauncher(modules)


def check_device(device: str) -> str:
    """The device to use. Raises UsageError where cuda is asked for and not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: this machine has no GPU that torch can use "
            f"(torch {torch.__version__}). Run with --device cpu, or on a machine with a GPU."
        )
    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device {device}: choose auto, cpu or cuda.")
    return device


def make_judge(
    assignment: Assignment,
    submission: Submission,
    launcher: Launcher,
    *,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Judge:
    """A judge for one submission. `options` are fields of `Judge`."""
    parts = map_parts(submission.notebook, assignment.rubric.parts)
    known = sum(1 for cells in parts.cells.values() if cells)
    if known < assignment.rubric.min_known_parts:
        raise _another_homework(assignment, submission, known)
    data = public_data(assignment)
    run = SubmissionRun(
        assignment, submission, parts, launcher, device=device, data=data, progress=progress
    )
    folder = data.work if data else None
    solution, keeper = solution_of(assignment)
    given: dict[str, Any] = {"reference": solution, "keeper": keeper, **options}
    return Judge(assignment, submission, parts, run, device=device, data_folder=folder, **given)


def solution_of(assignment: Assignment) -> tuple[Solution, Keeper | None]:
    """What the checks compare with, and who keeps the examples of recorded answers.

    The reference; and where there is none, as students get it, the book of its answers.
    """
    if assignment.has_reference:
        return Reference(assignment.reference_folder), None
    book = read_book(assignment.book)
    return book, book


def _another_homework(assignment: Assignment, submission: Submission, known: int) -> Exception:
    from grader.errors import SubmissionError

    return SubmissionError(
        f"{submission.source} does not look like {assignment.name}: of its "
        f"{len(assignment.parts)} parts {known} were found, by headings, marker comments and "
        "the names that the parts define. Is it another homework's file?"
    )


def judge_for(assignment_name: str, path: Path, device: str) -> Judge:
    """A judge with a launcher of its own: what `pytest --submission FILE` uses."""
    assignment = load_assignment(assignment_name)
    submission = read_submission(path)
    launcher = make_launcher(assignment)
    try:
        return make_judge(
            assignment, submission, launcher, device=check_device(device), owned=launcher
        )
    except BaseException:
        launcher.close()
        raise
