"""From graded submissions to what the exam says: a pure function of the two."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grader.assignment import Assignment
from grader.exam.equivalents import Equivalent, reason_for
from grader.exam.mutants import Mutant
from grader.exam.results import (
    CheckUse,
    Figures,
    Graded,
    MutantResult,
    PartScore,
    Tally,
    VariantResult,
)
from grader.exam.tasks import Plan
from grader.variants import Mistake, Variant

T = TypeVar("T")


@dataclass(frozen=True)
class Findings:
    """All that was found out, sorted by what it is about."""

    references: tuple[Graded, ...]
    template: Graded
    given: frozenset[str]
    excerpts: tuple[Graded, ...]
    mistakes: tuple[VariantResult, ...]
    accepted: tuple[VariantResult, ...]
    mutants: tuple[MutantResult, ...]
    parts: tuple[PartScore, ...]
    checks: tuple[CheckUse, ...]

    @property
    def template_points(self) -> float:
        """Points that the empty template gets where there is something to answer."""
        earned = self.template.earned.items()
        return round(sum(points for part, points in earned if part not in self.given), 4)


def find(
    assignment: Assignment,
    plan: Plan,
    graded: Sequence[Graded],
    declared: Sequence[Equivalent],
    given: frozenset[str],
) -> Findings:
    """Sort out what became of the plan's submissions. `given` are parts that the template answers.

    `graded` are in the order of the plan's tasks.
    """
    by_kind: dict[str, list[Graded]] = {}
    for task, outcome in zip(plan.tasks, graded, strict=True):
        by_kind.setdefault(task.kind, []).append(outcome)
    by_task = {outcome.task: outcome for outcome in graded}
    doubtful = frozenset(pair for run in by_kind["reference"] for pair in run.review)
    mutants = tuple(
        judge_mutant(m, by_task[f"mutant {m.id}"], declared, doubtful) for m in plan.mutants
    )
    wrong = [*by_kind.get("variant", ()), *by_kind.get("mutant", ())]
    return Findings(
        references=tuple(by_kind["reference"]),
        template=by_kind["template"][0],
        given=given,
        excerpts=tuple(by_kind.get("excerpt", ())),
        mistakes=_variants(plan.mistakes, by_task, doubtful),
        accepted=_variants(plan.accepted, by_task, doubtful),
        mutants=mutants,
        parts=tuple(_scores(assignment, mutants)),
        checks=tuple(_checks(assignment, by_kind["reference"], wrong)),
    )


def _variants(
    variants: Iterable[Variant], by_task: Mapping[str, Graded], doubtful: frozenset[tuple[str, str]]
) -> tuple[VariantResult, ...]:
    return tuple(judge_variant(v, by_task[f"variant {v.id}"], doubtful) for v in variants)


def judge_variant(
    variant: Variant, graded: Graded, doubtful: frozenset[tuple[str, str]]
) -> VariantResult:
    """What became of a variant. What a person is asked about the reference too does not count."""
    lost = graded.lost()
    own = [loss for loss in graded.losses if loss.part == variant.part]
    is_mistake = isinstance(variant, Mistake)
    wanted = {variant.part} if is_mistake else set()
    return VariantResult(
        id=variant.id,
        part=variant.part,
        kind="mistake" if is_mistake else "accepted",
        right=not graded.fault and set(lost) == wanted,
        severity=variant.severity if isinstance(variant, Mistake) else "",
        name=variant.name if isinstance(variant, Mistake) else variant.why,
        named=isinstance(variant, Mistake)
        and any(loss.diagnosis.startswith(f"{variant.name}:") for loss in own),
        before=variant.edit.old,
        after=variant.edit.new,
        lost=lost,
        review=tuple(dict.fromkeys(p for p, c in graded.review if (p, c) not in doubtful)),
        told=tuple(f"{loss.part} {loss.check}: {loss.message}" for loss in graded.losses),
        fault=graded.fault,
    )


def judge_mutant(
    mutant: Mutant,
    graded: Graded,
    declared: Sequence[Equivalent],
    doubtful: frozenset[tuple[str, str]],
) -> MutantResult:
    """What became of a mutant: whether a check of its cell's parts took points, or had doubts."""
    checks = tuple(loss.check for loss in graded.losses)
    doubts = tuple(check for part, check in graded.review if (part, check) not in doubtful)
    reason = reason_for(mutant, declared)
    state = "equivalent" if reason else "survived"
    if graded.fault:
        state, reason = "fault", graded.fault
    elif checks:
        state = "killed"
    elif doubts:
        state = "review"
    return MutantResult(
        id=mutant.id,
        part=mutant.part,
        line=mutant.line,
        before=mutant.before,
        after=mutant.after,
        state=state,
        checks=checks or doubts,
        reason=reason,
        duration_s=graded.duration_s,
    )


def _scores(assignment: Assignment, mutants: Sequence[MutantResult]) -> Iterable[PartScore]:
    """The mutation score of each part that has mutants."""
    for part in assignment.rubric.parts:
        states = [m.state for m in mutants if m.part == part.id]
        if states:
            counts = {
                state: states.count(state)
                for state in ("killed", "review", "equivalent", "survived", "fault")
            }
            yield PartScore(part=part.id, title=part.title, total=len(states), **counts)


def _checks(
    assignment: Assignment, references: Sequence[Graded], wrong: Sequence[Graded]
) -> Iterable[CheckUse]:
    """How many wrong answers each check notices, and how many of them no other check does."""
    taken = [{loss.check for loss in graded.losses} for graded in wrong]
    for part in assignment.rubric.parts:
        for entry in part.checks:
            name = entry.test.removeprefix("test_")
            yield CheckUse(
                part=part.id,
                check=name,
                weight=entry.weight,
                takes=sum(name in checks for checks in taken),
                alone=sum(checks == {name} for checks in taken),
                seconds=statistics.median(run.seconds.get(name, 0.0) for run in references),
            )


def figures(found: Findings) -> Figures:
    """The exam in numbers."""
    worst = min(found.references, key=lambda run: run.score - run.max_score)
    by_severity = {
        kind: [m for m in found.mistakes if m.severity == kind] for kind in ("major", "minor")
    }
    judged = [m for m in found.mutants if m.state != "equivalent"]
    # What the reference leaves to a person is decided in no exam: it depends on files handed in.
    waiting = {pair for run in found.references for pair in run.review}
    weighty = [c for c in found.checks if c.weight and (c.part, c.check) not in waiting]
    return Figures(
        reference_points=worst.score,
        reference_max=worst.max_score,
        template_points=found.template_points,
        major=_tally(by_severity["major"], lambda m: m.part in m.lost),
        minor=_tally(by_severity["minor"], lambda m: m.part in m.lost),
        only_there=_tally(found.mistakes, lambda m: set(m.lost) <= {m.part}),
        named=_tally(found.mistakes, lambda m: m.named),
        accepted=_tally(found.accepted, lambda m: m.right),
        killed=_tally(judged, lambda m: m.state in ("killed", "review")),
        needed=_tally(weighty, lambda check: check.alone > 0),
    )


def _tally(items: Sequence[T], counts: Callable[[T], bool]) -> Tally:
    return Tally(count=sum(map(counts, items)), of=len(items))
