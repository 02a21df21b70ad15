"""A run of a submission, as the judge sees it: a notebook that is run, or a kernel at work."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from grader.checks.student import Student
from grader.model import CellProblem


class Run(Protocol):
    """Gives the student's names after the cells of a part. Cells are indices into the notebook."""

    problems: dict[int, CellProblem]
    layers: dict[str, tuple[str, str]]

    @property
    def forks(self) -> bool:
        """Whether checks run in copies of the process."""

    def student(self, part: str) -> Student:
        """The student's names after the part's cells."""

    def order(self, part: str) -> int:
        """Index of the last cell that a part needs."""

    def reach(self, part: str) -> None:
        """Have the cells run up to the part's last."""

    def finish(self) -> None:
        """Have all cells run."""

    def close(self) -> None:
        """End what was started."""

    def number(self, cell: int) -> int:
        """The number by which a person knows a code cell."""

    def printed(self, cell: int) -> str:
        """What a code cell printed when it was run here."""

    def may_show(self, cell: int) -> bool | None:
        """Whether a code cell may have shown more than text here, None if that is not known."""

    def stopped_at(self, part: str) -> tuple[int, str, int] | None:
        """Number, source and line of a shared cell that an exception stopped."""

    def raised_in(self, number: int) -> bool:
        """Whether a code cell, by its number, was stopped by an exception."""

    def cells_below(self, needed: Collection[str], part: str) -> dict[int, str]:
        """Sources by number of the code cells of `needed` that stand below the part's last."""

    def cells_from(
        self, needed: Collection[str], part: str, *, theirs: bool = True
    ) -> dict[int, str]:
        """Sources by number of the code cells from the first of `needed` to the part's last.

        Without `theirs` those are left out that only `needed` have and that ran to their end.
        """
