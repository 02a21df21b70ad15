"""Grading one submission: run it, check it, score it. The program in one function."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from grader import __version__, plugin
from grader.assignment import Assignment
from grader.checks.verdict import GPU_NEEDED, asks_for_gpu
from grader.collector import at_rest
from grader.errors import GraderError, UsageError
from grader.judge import Judge, make_judge
from grader.marks import files_of
from grader.model import (
    CellProblem,
    CheckResult,
    GradeReport,
    Isolation,
    Layer,
    PartResult,
    PolicyResult,
    Status,
    SubmissionInfo,
)
from grader.penalties import apply_policies, penalties_of
from grader.rubric import PartEntry
from grader.sandbox.canaries import as_tested
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import best_tier
from grader.submission import Submission

_PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "hypothesis", "ipykernel")
# Plugins of pytest's that say nothing here, and take a share of each check's time.
_UNUSED_PLUGINS = ("terminal", "cacheprovider", "faulthandler", "logging", "unraisableexception",
                   "threadexception", "warnings", "doctest", "debugging", "setuponly", "unittest",
                   "junitxml", "pastebin", "stepwise", "recwarn", "setupplan")  # fmt: skip
# Grades are kept to this many decimals, so that sums are the same everywhere.
_DECIMALS = 4


@dataclass(frozen=True)
class Options:
    """How to grade: on which device, which parts, how much of what hidden checks see.

    What chosen parts need is judged too, and not reported. `alone`: it is not, and counts as wrong.
    """

    device: str = "cpu"
    parts: tuple[str, ...] = ()
    public_only: bool = False
    examples: int | None = None
    alone: bool = False


@at_rest()
def grade(
    assignment: Assignment,
    submission: Submission,
    launcher: Launcher,
    options: Options = Options(),
    *,
    progress: Callable[[str], None] = lambda _: None,
    on_check: Callable[[CheckResult], None] = lambda _: None,
    known: tuple[PartResult, ...] = (),
) -> GradeReport:
    """Grade one submission with jobs from `launcher`.

    `known` are results of parts that are not chosen: whether they are right decides with which
    helpers the chosen ones are judged.

    Raises SubmissionError where the file is no submission of this assignment, UsageError
    where the rubric or an option is wrong, and GraderError for a fault of the grader: then
    there is no grade.
    """
    started = time.perf_counter()
    pick = assignment.select if options.alone else assignment.with_needs
    chosen = {part.id for part in pick(options.parts)} - {part.id for part in known}
    judge = make_judge(
        assignment,
        submission,
        launcher,
        device=options.device,
        progress=progress,
        chosen=frozenset(chosen if options.parts else ()),
        public_only=options.public_only,
        examples=options.examples,
        on_check=on_check,
    )
    judge.results.update({f"test_{c.id}": c for part in known for c in part.checks})
    try:
        run_checks(judge)
        if not options.parts:
            judge.run.finish()
        return _report(judge, launcher, options, known, time.perf_counter() - started)
    finally:
        judge.close()


class _Installed:
    """Gives pytest the judge before it collects; keeps what collection reported."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.errors: list[str] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        plugin.use_judge(config, self._judge)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # Nobody sees pytest's own traceback of a failed check: this style is the least work. Its
        # option `--tb` belongs to the terminal's plugin, which is off.
        session.config.option.tbstyle = "native"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr))


def run_checks(judge: Judge) -> None:
    """Run the assignment's checks with pytest in this process.

    Raises UsageError where a check file or the rubric is wrong, GraderError for our fault.
    """
    installed = _Installed(judge)
    files = _check_files(judge)
    judge.whole = True
    if not files:  # pytest would look for some by itself
        judge.check_collected([])
        return
    _forget_others(files)
    arguments = [
        "-c", os.devnull,
        f"--rootdir={judge.assignment.folder}",
        "--import-mode=importlib",
        "--disable-plugin-autoload",
        *(part for name in _UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
        "--capture=no",
        "--assert=plain",
        *map(str, files),
    ]  # fmt: skip
    code = pytest.main(arguments, plugins=[plugin, installed])
    if judge.fault is not None:
        raise judge.fault
    if installed.errors:
        raise UsageError("A check file cannot be loaded:\n" + installed.errors[0])
    if judge.misuse is not None:
        raise UsageError(judge.misuse)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (
        pytest.ExitCode.OK,
        pytest.ExitCode.TESTS_FAILED,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        raise GraderError(f"the checks did not run to their end (pytest exit code {code})")


def _check_files(judge: Judge) -> list[Path]:
    """The files to collect: where parts are picked out, those that may hold their checks."""
    folder = judge.assignment.folder
    files = sorted(folder.glob("test_*.py"))
    if not files:
        raise UsageError(f"{folder} has no check file: add test_*.py")
    if not judge.chosen:
        return files
    listed = [
        name for name, (part, _) in judge.assignment.checks.items() if part.id in judge.chosen
    ]
    return files_of(folder, judge.chosen, listed)


def _forget_others(files: list[Path]) -> None:
    """Drop check files of another assignment: pytest keeps modules by their bare name."""
    for file in (*files, files[0].with_name("conftest.py")):
        loaded = sys.modules.get(file.stem)
        if loaded is not None and getattr(loaded, "__file__", None) != str(file):
            del sys.modules[file.stem]


def _report(
    judge: Judge,
    launcher: Launcher,
    options: Options,
    known: tuple[PartResult, ...],
    duration_s: float,
) -> GradeReport:
    parts = part_results(judge, options, known)
    report = GradeReport(
        assignment=judge.assignment.name,
        title=judge.assignment.rubric.title,
        submission=info(judge.submission),
        score=0.0,
        max_score=0.0,
        auto_score=0.0,
        auto_max_score=0.0,
        pending_points=0.0,
        parts=parts,
        notes=judge.submission.notes,
        isolation=_isolation(judge, launcher),
        device=judge.device,
        environment=environment(),
        seed=judge.assignment.rubric.seed,
        duration_s=round(duration_s, 3),
    )
    # Policies are about the whole: where parts are picked out, nobody asks for them.
    policies = apply_policies(judge.assignment, judge.submission) if not options.parts else ()
    return totalled(report, policies)


def part_results(
    judge: Judge, options: Options, known: tuple[PartResult, ...] = ()
) -> tuple[PartResult, ...]:
    """What became of the chosen parts, after their checks have run."""
    judged = [p for p in judge.assignment.rubric.parts if not judge.chosen or p.id in judge.chosen]
    parts = tuple(_part(judge, entry, options) for entry in judged)
    missing = {part.id for part in (*known, *parts) if part.status is Status.MISSING}
    shown = {entry.id for entry in judge.assignment.select(options.parts)}
    return tuple(_blocked(judge, part, missing) for part in parts if part.id in shown)


def info(submission: Submission) -> SubmissionInfo:
    """Which submission a report speaks of."""
    return SubmissionInfo(
        id=submission.id,
        student=submission.student,
        files=submission.files,
        sha256=submission.sha256,
    )


def totalled(report: GradeReport, policies: tuple[PolicyResult, ...]) -> GradeReport:
    """The report with the sums of its parts, less what broken policies take."""
    auto = round(sum(p.score for p in report.parts), _DECIMALS)
    maximum = round(sum(p.max_score for p in report.parts), _DECIMALS)
    pending = round(sum(p.pending_points for p in report.parts), _DECIMALS)
    penalties = penalties_of(policies)
    taken = sum(penalty.points for penalty in penalties)
    return report.model_copy(
        update={
            "score": round(max(0.0, auto + taken), _DECIMALS),
            "max_score": maximum,
            "auto_score": auto,
            "auto_max_score": round(maximum - pending, _DECIMALS),
            "pending_points": pending,
            "penalties": penalties,
            "policies": policies,
        }
    )


def _part(judge: Judge, entry: PartEntry, options: Options) -> PartResult:
    cells = judge.parts.cells.get(entry.id, ())
    problems = tuple(judge.run.problems[i] for i in cells if i in judge.run.problems)
    checks = tuple(_stopped(c, problems) for c in _scaled(judge, entry, options))
    score = round(sum(c.score for c in checks), _DECIMALS)
    review = sum(c.max_score for c in checks if c.status is Status.NEEDS_REVIEW)
    return PartResult(
        id=entry.id,
        title=entry.title,
        score=score,
        max_score=_worth(entry, checks, options),
        status=_status(checks, score, entry),
        pending_points=round(entry.manual + review, _DECIMALS),
        checks=checks,
        message=_part_message(judge, entry, checks),
        cells=tuple(judge.run.number(i) for i in cells),
        source="\n\n".join(judge.submission.notebook.cells[i].source for i in cells)[:20000],
        problems=problems,
        duration_s=round(sum(c.duration_s for c in checks), 4),
    )


def _worth(entry: PartEntry, checks: tuple[CheckResult, ...], options: Options) -> float:
    """What the part can bring here: where hidden checks are left out, their points are too."""
    if not options.public_only:
        return entry.points
    return round(entry.manual + sum(c.max_score for c in checks), _DECIMALS)


def _scaled(judge: Judge, entry: PartEntry, options: Options) -> tuple[CheckResult, ...]:
    """The part's results, worth their share of the part's automatic points."""
    listed = [c for c in entry.checks if c.public or not options.public_only]
    total = sum(c.weight for c in entry.checks)
    scaled = []
    for check in listed:
        result = judge.results.get(check.test)
        if result is None:
            raise GraderError(f"part {entry.id}: the check {check.test} gave no result")
        worth = (entry.points - entry.manual) * check.weight / total
        scaled.append(result.model_copy(update={"score": result.score * worth, "max_score": worth}))
    return tuple(scaled)


def _stopped(check: CheckResult, problems: tuple[CellProblem, ...]) -> CheckResult:
    """A name is missing because its cell stopped before it: say so, and why."""
    if check.status is not Status.MISSING or not problems or check.raised is not None:
        return check
    first = problems[0]
    cause = GPU_NEEDED if asks_for_gpu(first.message) else first.message
    message = f"{check.message} Code cell {first.cell} stopped before that: {cause}"
    return check.model_copy(update={"status": Status.ERROR, "message": message})


def _status(checks: tuple[CheckResult, ...], score: float, entry: PartEntry) -> Status:
    # A check worth nothing is advice: it takes no part in what became of the part.
    states = {c.status for c in checks if c.max_score}
    if Status.NEEDS_REVIEW in states or not states:
        return Status.NEEDS_REVIEW
    if states == {Status.PASSED}:
        return Status.PASSED
    if score > 0:
        return Status.PARTIAL
    for status in (Status.FAILED, Status.ERROR, Status.BLOCKED):
        if status in states:
            return status
    return Status.MISSING


def _part_message(judge: Judge, entry: PartEntry, checks: tuple[CheckResult, ...]) -> str:
    if judge.parts.cells.get(entry.id) or not entry.checks:
        return ""
    if checks and all(c.status is Status.MISSING for c in checks):
        names = ", ".join(f"`{name}`" for name in entry.names)
        looked = f" and for a cell that defines {names}" if names else ""
        return f"No cell of this part was found. We looked for its heading{looked}."
    return ""


def _blocked(judge: Judge, part: PartResult, missing: set[str]) -> PartResult:
    """Mark what failed only because it uses a part that is missing."""
    entry = judge.assignment.parts[part.id]
    absent = {n: p for p in entry.needs if p in missing for n in judge.assignment.parts[p].names}
    if not absent or part.status is Status.PASSED:
        return part
    checks = tuple(_blocked_check(judge, part, check, absent) for check in part.checks)
    if checks == part.checks:
        return part
    status = _status(checks, part.score, entry)
    return part.model_copy(update={"checks": checks, "status": status})


def _blocked_check(
    judge: Judge, part: PartResult, check: CheckResult, absent: dict[str, str]
) -> CheckResult:
    raised = check.raised
    if raised is None:
        return check
    blame = None
    if raised.type == "NameError":
        blame = next((p for n, p in absent.items() if f"'{n}'" in raised.message), None)
    elif raised.type == "NotImplementedError" and raised.frames:
        where = raised.frames[-1].where
        blame = next((p for n, p in absent.items() if where.endswith(f", {n}")), None)
    if blame is None:
        return check
    message = f"This could not be judged: it uses part {blame}, which is missing."
    return check.model_copy(update={"status": Status.BLOCKED, "message": message})


def _isolation(judge: Judge, launcher: Launcher) -> Isolation:
    found = as_tested(judge.run.layers, launcher.tested)
    layers = {n: Layer(state=s[0], detail=s[1]) for n, s in found.items()}
    notes = []
    if not judge.run.forks:
        reason = "CUDA cannot be forked" if judge.device != "cpu" else "no warm process here"
        notes.append(f"Checks of a part ran in the notebook's own process, one by one: {reason}.")
    return Isolation(
        tier=best_tier().name, kernel=launcher.kernel, layers=layers, notes=tuple(notes)
    )


def environment() -> dict[str, str]:
    """Versions of what a grade can depend on."""
    told = {"grader": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            told[name] = version(name)
        except PackageNotFoundError:
            told[name] = "absent"
    return told | {"system": f"{platform.system()} {platform.machine()}"}
