"""Whole submissions that keep and break each policy of hw5, and what it costs."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from grader.assignment import Assignment
from grader.model import PolicyResult, PolicyState
from grader.penalties import apply_policies, penalties_of
from grader.policy_entries import POLICIES
from grader.submission import read_submission
from grader.submission.source import as_python
from tests.submissions.build import perfect
from tests.submissions.policies import PolicyCase, policy_cases

CASES = policy_cases()


def found(assignment: Assignment, case: PolicyCase, folder: Path) -> PolicyResult:
    """What is found about the case's policy, also where the rubric has switched it off."""
    (entry,) = (e for e in assignment.rubric.policies if e.policy == case.policy)
    on = (entry.model_copy(update={"enabled": True}),)
    rubric = assignment.rubric.model_copy(update={"policies": on})
    submission = read_submission(case.write(folder), submitted_at=case.submitted_at)
    (result,) = apply_policies(Assignment(assignment.folder, rubric), submission)
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_is_judged_as_listed(hw5: Assignment, case: PolicyCase, tmp_path: Path) -> None:
    result = found(hw5, case, tmp_path)
    told = " ".join(result.evidence)
    assert (result.state.value, case.evidence in told) == (case.state, True), told
    assert result.points == case.entry.get("points", 0)
    assert result.evidence


def test_every_policy_has_a_case_of_each_kind(hw5: Assignment) -> None:
    listed = {entry.policy for entry in hw5.rubric.policies}
    assert listed == set(POLICIES)
    for state in ("met", "broken", "undecided"):
        assert {case.policy for case in CASES if case.state == state} == listed


def test_lateness_is_switched_off_until_dates_are_known(hw5: Assignment) -> None:
    assert [e.policy for e in hw5.rubric.policies if not e.enabled] == ["lateness"]


def test_perfect_submission_keeps_every_policy(hw5: Assignment, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "names-as-asked")
    results = apply_policies(hw5, read_submission(case.write(tmp_path)))
    assert {r.policy: r.state.value for r in results} == {r.policy: "met" for r in results}
    assert len(results) == 7
    assert penalties_of(results) == ()


def test_reformatted_submission_has_its_protected_code(hw5: Assignment, tmp_path: Path) -> None:
    """Python's own printer keeps nothing but the meaning: no comments, quotes or lines."""
    notebook = perfect()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = ast.unparse(ast.parse(as_python(cell.source)))
    nbformat.write(notebook, tmp_path / "a.ipynb")
    results = apply_policies(hw5, read_submission(tmp_path / "a.ipynb"))
    assert {r.policy: r.state for r in results}["protected"] is PolicyState.MET
