"""Why an exam is not passed, in sentences; and what is worth a look although it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from grader.exam.equivalents import Equivalent
from grader.exam.mutants import Mutant
from grader.exam.results import Graded, MutantResult, VariantResult
from grader.exam.verdicts import Findings, figures

#: The share of known mistakes that a report has to call by their names.
NAMED_SHARE = 0.8


def problems(found: Findings) -> Iterator[str]:
    """Everything that keeps the rubric from passing."""
    for run in (*found.references, *found.excerpts):
        yield from _of_reference(run)
    if found.template.fault:
        yield f"The template could not be graded: {found.template.fault}"
    for part, points in found.template.earned.items():
        if points and part not in found.given:
            yield f"The empty template gets {points:g} points in part {part}."
    for mistake in found.mistakes:
        yield from _of_mistake(mistake)
    named = figures(found).named
    if named.share < NAMED_SHARE:
        yield f"{named} mistakes are called by their names: {named.share:.0%} are too few."
    for answer in found.accepted:
        if answer.fault:
            yield f"Accepted {answer.id} could not be graded: {answer.fault}"
        elif not answer.right:
            yield f"Accepted {answer.id} loses points: {'; '.join(answer.told)}"
    for mutant in found.mutants:
        yield from _of_mutant(mutant)


def _of_reference(run: Graded) -> Iterator[str]:
    """The model answers lose nothing, neither whole nor cut down to what one cell needs."""
    if run.fault:
        yield f"{run.task} could not be graded: {run.fault}"
    for loss in run.losses:
        yield f"{run.task} loses {loss.points:g} points: {loss.part} {loss.check}: {loss.message}"


def _of_mistake(mistake: VariantResult) -> Iterator[str]:
    elsewhere = [part for part in mistake.lost if part != mistake.part]
    if mistake.fault:
        yield f"Mistake {mistake.id} could not be graded: {mistake.fault}"
    elif mistake.part not in mistake.lost:
        yield f"Mistake {mistake.id} loses nothing in part {mistake.part}."
    if elsewhere:
        yield f"Mistake {mistake.id} loses points in {', '.join(elsewhere)} too."


def _of_mutant(mutant: MutantResult) -> Iterator[str]:
    if mutant.state == "survived":
        yield f"Mutant {mutant.id} survives: `{mutant.before}` became `{mutant.after}`."
    elif mutant.state == "fault":
        yield f"Mutant {mutant.id} could not be graded: {mutant.reason}"


def notes(found: Findings) -> Iterator[str]:
    """What does not keep the rubric from passing, but should be known."""
    waiting = dict.fromkeys(pair for run in found.references for pair in run.review)
    for part, name in waiting:
        yield f"The reference itself awaits a person: {part} {name}."
    for part in sorted(found.given):
        points = found.template.earned.get(part, 0)
        if points:
            yield f"Part {part} gives {points:g} points for running what the template holds."
    for check in found.checks:
        if check.weight and not check.alone:
            yield f"Without {check.part} {check.check} the exam would notice as much."
    for mistake in found.mistakes:
        if mistake.part not in mistake.lost and mistake.part in mistake.review:
            yield f"Mistake {mistake.id} goes to a person."
    for answer in found.accepted:
        if answer.right and answer.review:
            yield f"Accepted {answer.id} goes to a person: part {', '.join(answer.review)}."


def misdeclared(
    declared: Sequence[Equivalent],
    mutants: Iterable[Mutant],
    results: Iterable[MutantResult],
    *,
    all_there: bool,
) -> Iterator[str]:
    """Declared equivalents that no mutant is, or that a check tells from the right answer."""
    pairs = list(zip(mutants, results, strict=True))
    for entry in declared:
        fitting = [result for mutant, result in pairs if entry.fits(mutant)]
        if not fitting and all_there:
            yield f"equivalents.yaml: part {entry.part}: no mutant is `{entry.old}` changed so."
        for result in fitting if entry.new else ():
            if result.state == "killed":
                yield f"Mutant {result.id} is declared equivalent, but loses points."
