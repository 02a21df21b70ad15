"""One answer judged twice: by the grader in its sandbox, and by the kit in a kernel."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.exam.excerpt import excerpt
from grader.exam.notebooks import Blank
from grader.grading import Options, grade
from grader.model import CheckResult, Shown, Stage, Status
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from grader.variants import Variant
from tests.selfcheck.kernels import Kernel

MOST_NUMBERS = 16
_OF_FORM = (Stage.KIND, Stage.SHAPE, Stage.DTYPE)


def _status(check: CheckResult) -> Status:
    """The status; a kernel does not know that a cell was stopped before it came to a name."""
    absent = check.status is Status.ERROR and check.stage is Stage.PRESENT
    return Status.MISSING if absent else check.status


@dataclass
class Compared:
    """What both said of the checks of a variant's part, by the checks' ids."""

    variant: str
    sandboxed: dict[str, CheckResult]
    checked: dict[str, CheckResult]
    pasted: dict[str, str] = field(default_factory=dict)

    def differences(self) -> list[str]:
        """Checks of which the two say different things; what the kit leaves open is none."""
        return [
            f"{self.variant}: {name} {theirs.status.value}/{theirs.stage} in the sandbox, "
            f"{own.status.value}/{own.stage} in the kernel: {own.message}"
            for name, own in self.checked.items()
            if own.status is not Status.NEEDS_REVIEW
            for theirs in [self.sandboxed[name]]
            if (_status(own), own.stage) != (_status(theirs), theirs.stage)
        ]

    def left_open(self) -> list[str]:
        """Checks that the sandbox decides and the kit does not."""
        return [
            f"{self.variant}: {name}: {own.message}"
            for name, own in self.checked.items()
            if own.status is Status.NEEDS_REVIEW
            and self.sandboxed[name].status is not Status.NEEDS_REVIEW
        ]

    def loses(self) -> bool:
        """Whether the grader takes points."""
        return any(
            c.score < c.max_score and c.status is not Status.NEEDS_REVIEW
            for c in self.sandboxed.values()
        )

    def is_named(self) -> bool:
        """Whether the grader names the mistake."""
        return any(check.diagnosis for check in self.sandboxed.values())

    def unnamed(self) -> bool:
        """Whether the grader names the mistake, and the kit does not."""
        return self.is_named() and not any(check.diagnosis for check in self.checked.values())


def answered(blank: Blank, variant: Variant) -> NotebookNode:
    """The cells that a variant's part needs, with the variant among them."""
    whole = blank.answered({variant.edit.cell: blank.edited(variant.edit)})
    return excerpt(whole, variant.edit.cell)


def compare(
    assignment: Assignment, blank: Blank, variant: Variant, launcher: Launcher, kernel: Kernel,
    rubric: Path,
) -> Compared:  # fmt: skip
    """Judge a variant's part both ways, and paste the code of each counterexample."""
    notebook = answered(blank, variant)
    loose = assignment.rubric.model_copy(update={"min_known_parts": 0})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.ipynb"
        nbformat.write(notebook, path)
        parts = tuple(part.id for part in assignment.with_needs((variant.part,)))
        report = grade(Assignment(assignment.folder, loose), read_submission(path), launcher,
                       Options(parts=parts, public_only=True))  # fmt: skip
    (theirs,) = (part for part in report.parts if part.id == variant.part)
    kernel.start_again(notebook)
    (own,) = kernel.judge(rubric, variant.part)
    compared = Compared(variant.id, {c.id: c for c in theirs.checks}, {c.id: c for c in own.checks})
    for check in own.checks:
        if check.counterexample is not None and check.counterexample.code:
            compared.pasted[check.id] = _paste(kernel, check)
    return compared


def _paste(kernel: Kernel, check: CheckResult) -> str:
    """What is wrong with the code of a counterexample; empty where it shows the failure."""
    sample = check.counterexample
    assert sample is not None and sample.code is not None
    try:
        given = kernel.paste(sample.code)
    except AssertionError as raised:
        wanted = check.raised.type if check.raised is not None else "no exception"
        return "" if str(raised).startswith(wanted) else f"raised {raised}, not {wanted}"
    if check.raised is not None:
        return f"gave {next(iter(given))}, and did not raise {check.raised.type}"
    actual = sample.actual.text if sample.actual is not None else ""
    numbers, form = given.get(actual, [False, False])
    shows = form if check.stage in _OF_FORM else numbers
    if check.stage is Stage.EXTREMES:  # arrays without entries differ in their shapes alone
        shows = numbers or form
    return "" if shows else f"gave {list(given)}, where the check saw {actual}"


def numbers_shown(check: CheckResult) -> int:
    """How many numbers the largest array of a counterexample holds."""
    sample = check.counterexample
    shown = [sample.expected, sample.actual, *sample.inputs.values()] if sample else []
    return max(map(_size, filter(None, shown)), default=0)


def _size(shown: Shown) -> int:
    size = 1
    for side in shown.shape or ():
        size *= side
    return size
