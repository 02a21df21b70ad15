"""What hw5 has for its exam fits together; grading it all takes minutes: `grader validate hw5`."""

from __future__ import annotations

import pytest

from grader.assignment import Assignment
from grader.exam.equivalents import Equivalent, read_equivalents
from grader.exam.notebooks import Blank, read_blank
from grader.exam.tasks import Plan, Scope, make_plan


@pytest.fixture(scope="module")
def blank(hw5: Assignment) -> Blank:
    """The template, the model answers and the light cells."""
    return read_blank(hw5)


@pytest.fixture(scope="module")
def plan(hw5: Assignment, blank: Blank) -> Plan:
    """Everything that the exam grades."""
    return make_plan(hw5, blank, Scope())


def test_every_variant_fits_the_model_answers(hw5: Assignment, plan: Plan) -> None:
    assert len(plan.mistakes) + len(plan.accepted) == len(hw5.variants)


def test_every_coded_part_has_mutants(hw5: Assignment, blank: Blank, plan: Plan) -> None:
    text = {"2c"}
    coded = {p.id for p in hw5.rubric.parts if p.checks} - blank.given_parts - text
    assert {mutant.part for mutant in plan.mutants} == coded
    assert len(plan.mutants) > 600


def test_every_declared_equivalent_is_a_mutant(hw5: Assignment, plan: Plan) -> None:
    def is_made(entry: Equivalent) -> bool:
        return any(entry.fits(mutant) for mutant in plan.mutants)

    declared = read_equivalents(hw5.folder / "variants")
    assert [entry for entry in declared if not is_made(entry)] == []


def test_light_cells_are_of_the_template(blank: Blank) -> None:
    for light in blank.light:
        assert any(light.is_of(cell) for cell in blank.template.cells), light
    assert blank.given_parts >= {"4b", "4d", "4f"}
