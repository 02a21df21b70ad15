"""What an exam grades: the reference, the template, the variants and the mutants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from grader.assignment import Assignment
from grader.errors import UsageError
from grader.exam.mutants import Mutant, make_mutants
from grader.exam.notebooks import Blank
from grader.variants import Accepted, Mistake, Variant

Kind = Literal["reference", "template", "variant", "excerpt", "mutant"]

#: The reference is graded this often: its checks' times are medians.
REFERENCE_RUNS = 3


@dataclass(frozen=True)
class Scope:
    """What of an exam is wanted: one kind of wrong answers, some parts, every so many."""

    only: str = ""
    parts: tuple[str, ...] = ()
    every: int = 1

    @property
    def is_sample(self) -> bool:
        """Whether something is left out."""
        return bool(self.only or self.parts or self.every > 1)


@dataclass(frozen=True)
class Task:
    """One submission to grade: which cells differ from the model answers, which parts count.

    With `alone` it is only the cell with that id, and what this one needs.
    """

    id: str
    kind: Kind
    cells: dict[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    alone: str = ""


@dataclass(frozen=True)
class Plan:
    """All submissions of an exam, and the variants and mutants that they are of."""

    tasks: tuple[Task, ...]
    mistakes: tuple[Mistake, ...]
    accepted: tuple[Accepted, ...]
    mutants: tuple[Mutant, ...]


def make_plan(assignment: Assignment, blank: Blank, scope: Scope) -> Plan:
    """Choose what to grade. Raises UsageError where a variant does not fit the model answers."""
    wanted = {part.id for part in assignment.select(scope.parts)}
    variants = [v for v in assignment.variants if v.part in wanted]
    unknown = [v.id for v in assignment.variants if v.part not in assignment.parts]
    if unknown:
        raise UsageError(f"variant {unknown[0]} is of a part that the rubric does not have")
    if scope.only == "mutants":
        variants = []
    made = [] if scope.only == "variants" else make_mutants(assignment, blank)
    mutants = [m for m in made if m.part in wanted][:: scope.every]
    chosen = variants[:: scope.every]
    return Plan(
        tasks=(*_bounds(scope), *_of_variants(blank, chosen), *_of_mutants(blank, mutants)),
        mistakes=tuple(v for v in chosen if isinstance(v, Mistake)),
        accepted=tuple(v for v in chosen if isinstance(v, Accepted)),
        mutants=tuple(mutants),
    )


def _bounds(scope: Scope) -> list[Task]:
    """What gets every point, and what gets none."""
    runs = [Task(f"reference {run}", "reference") for run in range(1, REFERENCE_RUNS + 1)]
    return [*runs, Task("template", "template")]


def _of_variants(blank: Blank, variants: Sequence[Variant]) -> list[Task]:
    """Variants are judged in all parts that end in their cell or below: none above can change."""
    return [
        Task(
            id=f"variant {v.id}",
            kind="variant",
            cells={v.edit.cell: _edited(blank, v)},
            parts=blank.parts_from(v.edit.cell),
        )
        for v in variants
    ]


def _edited(blank: Blank, variant: Variant) -> str:
    try:
        return blank.edited(variant.edit)
    except UsageError as error:
        raise UsageError(f"variant {variant.id}: {error}") from error


def _of_mutants(blank: Blank, mutants: Sequence[Mutant]) -> list[Task]:
    """Mutants are judged in the parts of their cell; so is what they are mutants of, first."""
    cells = dict.fromkeys(m.cell for m in mutants)
    bases = [Task(f"excerpt {c}", "excerpt", {}, blank.parts[c], alone=c) for c in cells]
    return bases + [
        Task(f"mutant {m.id}", "mutant", {m.cell: m.source}, blank.parts[m.cell], alone=m.cell)
        for m in mutants
    ]
