"""A small assignment for tests of the engine: it needs only NumPy, and grades in a blink.

Part 1a holds a vector, 1b a helper, 1c a function that uses it, 1d a number that is learned
with it (`replay`), 1e a function that uses the vector; part 2 is marked by a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment, load_assignment
from grader.model import CheckResult, GradeReport, PartResult
from grader.rubric import Limits

HALF: dict[str, str | None] = {"1b": "def double(x):\n    return 1", "1c": None, "1d": None}
WRONG_DOUBLE = "def double(x):\n    return x + 2"
PARTS = ("1a", "1b", "1c", "1d", "1e")
POINTS = {"1a": 2.0, "1b": 4.0, "1c": 2.0, "1d": 3.0, "1e": 1.0}

RUBRIC = """\
assignment: small
title: A small homework
reference: ../../reference
examples: 5
seed: 7
pass_mark: 0.5
min_known_parts: 2
limits: {cell_s: 60, call_s: 30, shrink_s: 30, memory_mb: 4096}
parts:
  - {id: 1a, title: A vector, points: 2, names: [v], checks: [{test: test_vector}]}
  - id: 1b
    title: A helper
    points: 4
    names: [double]
    checks:
      - {test: test_double_of_arrays, weight: 3, hint: Twice each entry.}
      - {test: test_double_of_a_number, public: false}
  - {id: 1c, title: A sum, points: 2, names: [total], needs: [1b], checks: [{test: test_total}]}
  - id: 1d
    title: A learned number
    points: 3
    names: [slope]
    needs: [1b]
    replay: true
    checks: [{test: test_slope_is_learned}]
  - id: 1e
    title: A multiple
    points: 1
    names: [scaled]
    needs: [1a]
    checks: [{test: test_scaled}]
  - {id: "2", title: In words, points: 2, manual: 2}
"""

REFERENCE = """\
import numpy as np

from grader.checks import forward_error

V = np.array([1.0, 2.0, 3.0])
SLOPE = 3.0


def double(x):
    return 2 * x


@forward_error(lambda x: (x.size + 1) * np.abs(2 * x).sum())
def total(x):
    return np.sum(2 * x)


def scaled(factor):
    return factor * V
"""

CHECKS = '''\
import pytest

from grader.checks import arrays, assert_matches, given, shapes


@pytest.mark.part("1a")
def test_vector(student, reference):
    """v is the vector that was given."""
    assert_matches(student.v, reference.V, what="v")


@pytest.mark.part("1b")
@given(x=arrays(shapes(max_dims=2)))
def test_double_of_arrays(student, reference, x):
    """double works on arrays of any shape."""
    assert_matches(student.double(x), reference.double(x), what="double(x)")


@pytest.mark.part("1b")
def test_double_of_a_number(student, reference):
    """double works on a number."""
    assert_matches(student.double(3.5), reference.double(3.5), what="double(3.5)")


@pytest.mark.part("1c")
@given(x=arrays(shapes(max_dims=2)))
def test_total(student, reference, x):
    """total adds up the doubled entries."""
    assert_matches(student.total(x), reference.total(x), what="total(x)")


@pytest.mark.part("1d")
def test_slope_is_learned(student, reference):
    """slope is where the descent ends."""
    assert_matches(student.slope, reference.SLOPE, what="slope")


@pytest.mark.part("1e")
def test_scaled(student, reference):
    """scaled gives a multiple of the vector."""
    assert_matches(student.scaled(2.5), reference.scaled(2.5), what="scaled(2.5)")
'''

# What a right submission holds: code cell 1 belongs to no part, cells 2 to 6 to 1a to 1e.
ANSWERS = {
    "start": "import numpy as np",
    "1a": "v = np.array([1.0, 2.0, 3.0])",
    "1b": "def double(x):\n    return 2 * x",
    "1c": "def total(x):\n    return double(x).sum()",
    "1d": "slope = 0.0\nfor _ in range(200):\n    slope -= 0.1 * double(slope - 3.0)",
    "1e": "def scaled(factor):\n    return factor * v",
}


def write_assignment(
    folder: Path,
    *,
    rubric: str = RUBRIC,
    checks: str = CHECKS,
    reference: str = REFERENCE,
    name: str = "test_small.py",
) -> Path:
    """Write the assignment's files below `folder`; the folder of its rubric.

    Checks that differ from these need a file name of their own: Python keeps a module that a
    test before has loaded.
    """
    rubric_folder = folder / "rubrics" / "small"
    for path, text in {
        rubric_folder / "rubric.yaml": rubric,
        rubric_folder / name: checks,
        folder / "reference" / "__init__.py": "",
        folder / "reference" / "answers.py": reference,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return rubric_folder


def limited(assignment: Assignment, **limits: Any) -> Assignment:
    """The assignment with other limits."""
    known = assignment.rubric.limits.model_dump() | limits
    rubric = assignment.rubric.model_copy(update={"limits": Limits(**known)})
    return Assignment(assignment.folder, rubric)


def load_small(folder: Path) -> Assignment:
    """Write and load the assignment."""
    return load_assignment(str(write_assignment(folder)))


def small_notebook(answers: Mapping[str, str | None] = {}) -> NotebookNode:
    """The right submission with these answers in place of its own; None leaves the cell out."""
    told: dict[str, str | None] = {**ANSWERS, **answers}
    cells = [
        nbformat.v4.new_code_cell(f"# {_heading(part)}\n{source}")
        for part, source in told.items()
        if source is not None
    ]
    return nbformat.v4.new_notebook(cells=cells)


def _heading(part: str) -> str:
    return "Imports" if part == "start" else f"Problem {part[0]} ({part[1]})"


def write_small(path: Path, answers: Mapping[str, str | None] = {}) -> Path:
    """Write the right submission with these answers in place of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(small_notebook(answers), path)
    return path


Grade = Callable[..., GradeReport]


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def part(report: GradeReport, name: str) -> PartResult:
    return next(part for part in report.parts if part.id == name)


def check(report: GradeReport, name: str) -> CheckResult:
    return next(c for part in report.parts for c in part.checks if c.id == name)


def short_of(report: GradeReport) -> set[str]:
    """Parts that lack automatic points."""
    return {p.id for p in report.parts if any(c.score < c.max_score for c in p.checks)}


def files_below(folder: Path) -> set[str]:
    """Paths of all files in a folder, relative to it, but for those of the whole class."""
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    whole = ("gradebook.sqlite", "grades.csv", "index.html", "similarity.html")
    return {name for name in found if not name.split("/")[-1].startswith(whole)}


FAULTY = CHECKS.replace(
    'assert_matches(student.v, reference.V, what="v")',
    'assert_matches(student.v, reference.V, what="v")\n    1 / 0',
)
