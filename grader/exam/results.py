"""What an exam finds out: plain data, from one graded submission to the whole report."""

from __future__ import annotations

from pydantic import Field

from grader.model import Record

SCHEMA_VERSION = 1


class Loss(Record):
    """A check that took points, and what it said."""

    part: str
    check: str
    points: float
    message: str = ""
    diagnosis: str = ""


class Graded(Record):
    """What became of one submission of the exam.

    `review` lists the parts and checks that went to a person; `fault` is a fault of the grader,
    or of the assignment, that left the submission ungraded.
    """

    task: str
    score: float = 0
    max_score: float = 0
    losses: tuple[Loss, ...] = ()
    review: tuple[tuple[str, str], ...] = ()
    earned: dict[str, float] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    duration_s: float = 0
    fault: str = ""

    def lost(self) -> tuple[str, ...]:
        """The parts that lost points, in their order."""
        return tuple(dict.fromkeys(loss.part for loss in self.losses))


class VariantResult(Record):
    """What became of a known mistake or an accepted alternative.

    `told` are the messages of the checks that took points, `named` whether one of its part
    gave the mistake its name.
    """

    id: str
    part: str
    kind: str
    right: bool
    severity: str = ""
    name: str = ""
    named: bool = False
    before: str = ""
    after: str = ""
    lost: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    fault: str = ""


class MutantResult(Record):
    """What became of a mutant: killed, review, survived, equivalent or fault."""

    id: str
    part: str
    line: int
    before: str
    after: str
    state: str
    checks: tuple[str, ...] = ()
    reason: str = ""
    duration_s: float = 0


class PartScore(Record):
    """How many of a part's mutants were killed, and what became of the others."""

    part: str
    title: str
    total: int
    killed: int = 0
    review: int = 0
    equivalent: int = 0
    survived: int = 0
    fault: int = 0

    @property
    def share(self) -> float:
        """The share of those that are wrong that were noticed."""
        wrong = self.total - self.equivalent
        return (self.killed + self.review) / wrong if wrong else 1.0


class CheckUse(Record):
    """How often a check is the only one to notice, and how long it takes on a right answer."""

    part: str
    check: str
    weight: float
    takes: int
    alone: int
    seconds: float


class Tally(Record):
    """So many of so many."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """The share; that of none is whole."""
        return self.count / self.of if self.of else 1.0

    @property
    def whole(self) -> bool:
        """Whether it is all of them."""
        return self.count == self.of

    def __str__(self) -> str:
        return f"{self.count} of {self.of}"


class Figures(Record):
    """The exam in numbers."""

    reference_points: float
    reference_max: float
    template_points: float
    major: Tally
    minor: Tally
    only_there: Tally
    named: Tally
    accepted: Tally
    killed: Tally
    needed: Tally


class ExamReport(Record):
    """Everything that an exam found out. It is passed where there are no `problems`."""

    schema_version: int = SCHEMA_VERSION
    assignment: str
    title: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    figures: Figures
    parts: tuple[PartScore, ...]
    mistakes: tuple[VariantResult, ...]
    accepted: tuple[VariantResult, ...]
    mutants: tuple[MutantResult, ...]
    checks: tuple[CheckUse, ...]
    sampled: bool
    jobs: int
    duration_s: float

    @property
    def passed(self) -> bool:
        """Whether the rubric has passed its exam."""
        return not self.problems
