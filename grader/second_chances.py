"""What is changed before a failed check is run again, so that a mistake is charged once.

A check gets a new process where it shared one; the rest of a cell that several parts share,
where the statement of one of them stopped it; the student's own helpers from further down; and
right helpers in place of wrong ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from grader.assignment import Assignment
from grader.checks.diagnosis import Solution
from grader.checks.loan import STAND_INS, Loan, make_loan
from grader.checks.static import statements
from grader.checks.student import Student
from grader.checks.verdict import CheckFailed, LimitExceeded
from grader.model import CheckResult, Status
from grader.runs import Run


@dataclass(frozen=True)
class Chance:
    """What to change before a failed check is run again; it is told the failure before.

    Where it is not `telling`, only a check that passes with it counts: a failure may come of it.
    """

    change: Callable[[BaseException], None]
    telling: bool = True


@dataclass
class SecondChances:
    """The second chances of the checks of one submission.

    `note` says what was changed for the last check, and how that had gone before. `early` are
    parts of which right helpers were lent before they were judged themselves: what was learned
    from them may have been written to a file. `_endless` are cells from further down that did not
    end when they were run ahead: once is enough.
    """

    assignment: Assignment
    run: Run
    reference: Solution
    results: Mapping[str, CheckResult]
    note: str = ""
    early: set[str] = dataclasses.field(default_factory=set)
    _endless: set[int] = dataclasses.field(default_factory=set)

    def start(self) -> None:
        """Forget the check before."""
        self.note = ""

    def of(self, part: str, student: Student) -> Iterator[Chance]:
        """What to change before a failed check is run again, in turn, while it fails."""
        if not student.fresh:
            yield Chance(lambda _: student.renew())
        stopped = self.run.stopped_at(part)
        if stopped is not None:
            number, source, line = stopped
            rest = statements(source, after=line)
            if rest:
                yield Chance(partial(self._go_on, student, number, line, rest))
        wrong = self.wrong_needs(part)
        below = self.run.cells_below([q for q in wrong if not self._is_judged(q)], part)
        if below and not self._endless & below.keys():  # the student's own come before right ones
            yield Chance(partial(self._look_ahead, student, part, below), telling=False)
        for loan, telling in self._loans(part, wrong) if wrong else ():
            yield Chance(partial(self._lend, student, wrong, loan), telling)

    def wrong_needs(self, part: str) -> tuple[str, ...]:
        """The parts that a part needs and that are wrong, or not known to be right."""
        return tuple(q for q in self.assignment.parts[part].needs if self._has_failed(q))

    def _go_on(
        self, student: Student, number: int, line: int, rest: list[str], failure: BaseException
    ) -> None:
        self._say(failure, f"Code cell {number} stopped at line {line}, before it came to this; "
                  "the rest of the cell was then run too.", "Without that")  # fmt: skip
        student.replay(rest, [number] * len(rest), self.assignment.rubric.limits.cell_s)

    def _look_ahead(
        self, student: Student, part: str, below: dict[int, str], failure: BaseException
    ) -> None:
        cells = ", ".join(map(str, below))
        self._say(failure, f"Code cell {cells}, which stands further down, was run before it.",
                  "Without that")  # fmt: skip
        sources = dict(below)
        if self.assignment.parts[part].replay:  # what was computed without the helper
            sources |= self.run.cells_from((), part)
        student.renew()
        limit_s = self.assignment.rubric.limits.cell_s
        try:
            student.replay(list(sources.values()), list(sources), limit_s)
        except LimitExceeded:
            self._endless |= below.keys()
            raise

    def _lend(
        self, student: Student, wrong: tuple[str, ...], loan: Loan, failure: BaseException
    ) -> None:
        listed = " and ".join(f"`{name}`" for name in loan.names)
        self._say(failure, f"Checked with a correct {listed} in place of yours: a mistake in yours "
                  f"counts in part {', '.join(wrong)} only.", "With yours")  # fmt: skip
        self.early.update(part for part in wrong if not self._is_judged(part))
        student.lend(loan, self.assignment.rubric.limits.cell_s)

    def _say(self, failure: BaseException, what: str, before: str) -> None:
        if isinstance(failure, CheckFailed):
            self.note = f"{what} {before}: {failure.message}"

    def _loans(self, part: str, wrong: tuple[str, ...]) -> Iterator[tuple[Loan, bool]]:
        """Right helpers in place of those of the wrong parts, and whether a failure tells then.

        First what is computed from them is computed anew, in all cells from theirs on. Then
        without their own cells, where something else may spoil again what was lent: what else
        they compute is then as it was.
        """
        names = [name for q in wrong for name in self.assignment.parts[q].names]
        replays: list[dict[int, str]] = [{}]
        if self.assignment.parts[part].replay:
            replays = [self.run.cells_from(wrong, part, theirs=theirs) for theirs in (True, False)]
        for cells in replays[:1] if replays[0] == replays[-1] else replays:
            loan = make_loan(names, self.reference, self.assignment.scaffold(STAND_INS), cells)
            if loan is not None:
                whole = dataclasses.replace(loan, replay=tuple(self._split(loan)))
                yield whole, cells == replays[0]

    def _split(self, loan: Loan) -> Iterator[tuple[int, str]]:
        """The sources to be run again; of a cell that was stopped, its statements one by one."""
        for number, source in loan.replay:
            if self.run.raised_in(number):
                yield from ((number, statement) for statement in statements(source))
            else:
                yield number, source

    def _is_judged(self, part: str) -> bool:
        """Whether every check of a part that counts has its result."""
        checks = self.assignment.parts[part].checks
        return all(check.test in self.results for check in checks if check.weight)

    def _has_failed(self, part: str) -> bool:
        """Whether a part is wrong, or not known to be right: it may be judged later or not now."""
        counted = [c for c in self.assignment.parts[part].checks if c.weight]
        results = [self.results.get(c.test) for c in counted]
        return any(r is None or r.status is not Status.PASSED for r in results)
