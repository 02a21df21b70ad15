"""A second assignment, as docs/for-tas.md builds it: three folders, and no change in the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.assignment import Assignment, load_assignment
from grader.checks.reference import Reference
from grader.exam import hold_exam

FOLDER = Path(__file__).resolve().parent / "assignments" / "rubrics" / "linear"


@pytest.fixture
def linear() -> Assignment:
    return load_assignment(str(FOLDER))


def test_its_reference_agrees_with_autograd(linear: Assignment) -> None:
    reference = Reference(linear.reference_folder)
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal(3)
    leaf = torch.tensor(w, requires_grad=True)
    ((torch.tensor(X) @ leaf - torch.tensor(y)) ** 2).mean().backward()
    assert leaf.grad is not None
    assert np.allclose(reference.mse_gradient(w, X, y).value, leaf.grad.numpy())
    exact = np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.allclose(reference.find("fit")(X, y, 0.1, 9000), exact, atol=1e-6)
    assert np.allclose(reference.center(X).value.mean(axis=0), 0)


@pytest.mark.usefixtures("one_reference")
def test_it_passes_its_own_exam(linear: Assignment) -> None:
    told = hold_exam(linear, jobs=1)
    assert told.problems == ()
    assert told.notes == ()
    assert (told.figures.reference_points, told.figures.template_points) == (8.0, 0.0)
    assert told.figures.named.count == told.figures.named.of == 7


def test_the_page_for_tas_shows_what_is_there() -> None:
    page = (FOLDER.parents[3] / "docs" / "for-tas.md").read_text(encoding="utf-8")
    parts = [FOLDER / "test_regression.py", FOLDER / "variants" / "known.yaml"]
    there = {line.strip() for path in parts for line in path.read_text("utf-8").splitlines()}
    check = page[page.index('@pytest.mark.part("1b")') : page.index("- `student.NAME`")]
    assert [line.strip() for line in check.splitlines() if line.strip() not in there | {""}] == []
