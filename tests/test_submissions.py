"""The sample submissions as `make demo` grades them: whole, in each form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.assignment import Assignment
from grader.grading import grade
from grader.model import GradeReport, Status
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.submissions.build import cases
from tests.submissions.samples import ONE_MISTAKE_A_PART, main

Sample = Callable[..., GradeReport]


@pytest.fixture
def sample(hw5: Assignment, launcher: Launcher, tmp_path: Path) -> Sample:
    """Grade one of the samples by its file's name, perhaps with other limits."""
    main(tmp_path)

    def report(name: str, **limits: float) -> GradeReport:
        changed = hw5.rubric.limits.model_copy(update=limits)
        rubric = hw5.rubric.model_copy(update={"limits": changed})
        submission = read_submission(tmp_path / name)
        return grade(Assignment(hw5.folder, rubric), submission, launcher)

    return report


def waiting(report: GradeReport) -> set[str]:
    """Checks that a person decides."""
    return {c.id for p in report.parts for c in p.checks if c.status is Status.NEEDS_REVIEW}


# What is not in the file: the images, and in a module the outputs too.
NOT_THERE = {
    "perfect.ipynb": {"images_are_there"},
    "module.py": {"images_are_there", "images_are_shown", "alexnet_is_loaded", "vgg16_is_loaded",
                  "resnet18_is_loaded"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "missing"), NOT_THERE.items())
def test_perfect_sample_gets_every_automatic_point_in_each_form(
    sample: Sample, name: str, missing: set[str]
) -> None:
    report = sample(name)
    assert report.auto_score == report.auto_max_score
    assert waiting(report) == missing
    short = {c.id for part in report.parts for c in part.checks if c.score < c.max_score}
    assert short == missing
    assert [problem for part in report.parts for problem in part.problems] == []


def test_template_has_no_points_in_any_part_that_a_machine_decides(sample: Sample) -> None:
    report = sample("template.ipynb")
    decided = [part for part in report.parts if part.checks]
    assert (report.auto_score, report.score) == (0, 0)  # never below zero, whatever it lacks
    assert [(p.policy, p.points) for p in report.penalties] == [("Cells run in order", -2)]
    assert {part.id: part.score for part in decided if part.score} == {}
    assert not any(check.status is Status.PASSED for part in decided for check in part.checks)


# Of parts with several checks, those that the part's mistake concerns.
CONCERNED = {
    "1a": {"v1_and_v2_hold_the_vectors"},
    "1e": {"gradients_of_the_squared_norm"},
    "3a": {"digits_are_loaded", "digits_are_split"},
    "3b": {"item_is_an_image"},
    "3d": {"gradients_are_cleared"},
    "5a": {"pixels_are_scaled"},
    "5d": {"one_step_of_the_class", "class_learns"},
}


def test_each_mistake_costs_points_in_its_part_by_the_checks_it_concerns(sample: Sample) -> None:
    report = sample("one-mistake-a-part.ipynb", shrink_s=0.1)  # no example is looked at
    concerned = {case.part for case in cases("mistakes") if case.name in ONE_MISTAKE_A_PART}
    lost = {
        part.id: {check.id for check in part.checks if check.score < check.max_score}
        for part in report.parts
    }
    lost = {name: checks - waiting(report) for name, checks in lost.items()}
    assert {name for name, checks in lost.items() if checks} == concerned
    assert len(concerned) == len(ONE_MISTAKE_A_PART)
    assert {name: lost[name] for name in CONCERNED} == CONCERNED
