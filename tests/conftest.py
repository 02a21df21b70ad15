"""What the tests share: one warm launcher a process, and grading a notebook in a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from grader.assignment import Assignment, load_assignment
from grader.grading import Options, grade
from grader.model import GradeReport
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.kits import unpacked_kit
from tests.launchers import Stock

ROOT = Path(__file__).resolve().parents[1]


# Checks of an assignment: they are run on submissions, by tests.
collect_ignore = ["assignments"]

# What takes longest comes first: no process is to be at it still when the others are done. Those
# of the kit come before all: while one process makes it the others have enough to do without.
LONG = ("test_leaks.py", "test_kernel.py", "test_corpus.py", "test_submissions.py",
        "test_odd_answers.py", "test_second_assignment.py")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def hw5() -> Assignment:
    """The assignment of this repository."""
    return load_assignment(str(ROOT / "rubrics" / "hw5"))


@pytest.fixture(scope="session")
def stock() -> Iterator[Stock]:
    """The warm launchers of this process, one for each list of libraries."""
    made = Stock()
    yield made
    made.close()


@pytest.fixture(scope="session")
def kit(hw5: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that students unpack. It takes a minute to make: all processes share it."""
    own = tmp_path_factory.getbasetemp()
    return unpacked_kit(hw5, own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own)


@pytest.fixture(scope="module")
def exam_launchers(stock: Stock) -> Iterator[None]:
    """Have exams that are held in this process take their launchers from the stock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.exam.grading.make_launcher", stock.make_launcher)
        yield


@pytest.fixture(scope="module")
def one_reference(exam_launchers: None) -> Iterator[None]:
    """Have exams grade the reference once: three times give better medians, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.exam.tasks.REFERENCE_RUNS", 1)
        yield


@pytest.fixture
def launcher(hw5: Assignment, stock: Stock) -> Launcher:
    """A warm launcher with hw5's libraries."""
    return stock.make_launcher(hw5)


@pytest.fixture
def graded(hw5: Assignment, launcher: Launcher, tmp_path: Path) -> Callable[..., GradeReport]:
    """Grade a notebook of hw5: `graded(notebook, parts=("5b-i",))`."""

    def run(notebook: NotebookNode, **options: object) -> GradeReport:
        path = tmp_path / "submission.ipynb"
        nbformat.write(notebook, path)
        return grade(hw5, read_submission(path), launcher, Options(**options))  # type: ignore[arg-type]

    return run
