"""The words for a result: one serialisable report that feeds every output.

Plain data without behaviour beyond sums; no torch, no file access. The JSON form of
`GradeReport` is the stable interface that other tools read (docs/report-format.md).
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


class Status(str, Enum):
    """What became of a part or of one check."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERROR = "error"
    MISSING = "missing"
    BLOCKED = "blocked"
    NEEDS_REVIEW = "needs_review"


class Stage(str, Enum):
    """How far an answer came before it differed from what was asked, in this order."""

    PRESENT = "present"
    CALLABLE = "callable"
    RETURNS = "returns"
    KIND = "kind"
    SHAPE = "shape"
    DTYPE = "dtype"
    VALUES = "values"
    EXTREMES = "extremes"
    MEANS = "means"

    @property
    def rank(self) -> int:
        """Position in the order of the stages: a lower rank is an earlier failure."""
        return list(Stage).index(self)


class Record(BaseModel):
    """Base of everything in a report: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shown(Record):
    """A value as a report can print it: never a live object.

    `cells` holds at most a few hundred numbers as nested lists, or None where the value is
    not numeric or too large; `text` is always there and always bounded.
    """

    kind: str
    text: str
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    cells: Any = None


class Counterexample(Record):
    """The smallest input found on which a student's answer differs from the oracle.

    `error` holds |actual - expected| in units of what was allowed, cell by cell, and is None
    where the two cannot be compared cell by cell. `code` can be pasted into a notebook cell.
    """

    call: str
    inputs: dict[str, Shown] = Field(default_factory=dict)
    expected: Shown | None = None
    actual: Shown | None = None
    error: Shown | None = None
    worst_index: tuple[int, ...] | None = None
    code: str | None = None


class Frame(Record):
    """One line of a traceback through the student's own code."""

    where: str
    line: int
    code: str


class Raised(Record):
    """An exception of the student's code, with the frames that lie in that code."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()


class CheckResult(Record):
    """The outcome of one check of one part."""

    id: str
    title: str
    status: Status
    score: float
    max_score: float
    stage: Stage | None = None
    message: str = ""
    hint: str = ""
    counterexample: Counterexample | None = None
    raised: Raised | None = None
    diagnosis: str | None = None
    examples: int = 0
    public: bool = True
    duration_s: float = 0.0


class CellProblem(Record):
    """A cell of the notebook that did not run to its end. `cell` counts code cells from 1."""

    cell: int
    kind: str
    message: str
    raised: Raised | None = None


class PartResult(Record):
    """The outcome of one part of the assignment."""

    id: str
    title: str
    score: float
    max_score: float
    status: Status
    pending_points: float = 0.0
    checks: tuple[CheckResult, ...] = ()
    message: str = ""
    cells: tuple[int, ...] = ()
    source: str = ""
    problems: tuple[CellProblem, ...] = ()
    duration_s: float = 0.0


class Penalty(Record):
    """Points taken for breaking a policy; `points` is negative or zero."""

    policy: str
    points: float
    reason: str


class PolicyState(str, Enum):
    """What became of a policy; `undecided` waits for a person, and costs nothing."""

    MET = "met"
    BROKEN = "broken"
    UNDECIDED = "undecided"


class PolicyResult(Record):
    """What looking at one policy found: `points` taken, negative or zero, of its `price`."""

    policy: str
    title: str
    state: PolicyState
    points: float = 0.0
    price: float = 0.0
    evidence: tuple[str, ...] = ()


class SubmissionInfo(Record):
    """Which submission a report speaks of."""

    id: str
    student: str
    files: tuple[str, ...]
    sha256: str


class Layer(Record):
    """One layer of isolation.

    `state` is 'enforced (tested)', 'enforced', 'best effort' or 'absent'.
    """

    state: str
    detail: str = ""


class Isolation(Record):
    """How the student's code was kept apart from the grader and the machine."""

    tier: str
    kernel: str
    layers: dict[str, Layer] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class GradeReport(Record):
    """Everything that grading one submission found out."""

    schema_version: int = SCHEMA_VERSION
    assignment: str
    title: str = ""
    submission: SubmissionInfo
    score: float
    max_score: float
    auto_score: float
    auto_max_score: float
    pending_points: float
    penalties: tuple[Penalty, ...] = ()
    policies: tuple[PolicyResult, ...] = ()
    parts: tuple[PartResult, ...]
    notes: tuple[str, ...] = ()
    isolation: Isolation
    device: str
    environment: dict[str, str]
    seed: int
    duration_s: float
