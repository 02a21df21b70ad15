"""The running process as what is judged: in forked copies of it, and in itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader.assignment import Assignment
from grader.checks import CheckFailed, NeedsReview, Student
from grader.checks.loan import Loan
from grader.checks.verdict import LimitExceeded
from grader.selfcheck import here
from grader.selfcheck.here import KernelRun, can_fork
from grader.selfcheck.history import Cell, History
from grader.submission import PartMap

CODE = """
import numpy as np
data = [1, 2]
def double(x): return 2 * x
def spoil(x):
    x[:] = 0
    data.append(3)
def helper(x): return -x
def uses(x): return helper(x) + 1
def stop(): raise ValueError("why")
def loop():
    while True: pass
"""


def history() -> History:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(CODE, space)
    return History(SimpleNamespace(user_ns=space, compile=None))


def run_of(hw5: Assignment, told: History, cells: list[Cell], parts: PartMap) -> KernelRun:
    return KernelRun(hw5, told, cells, parts, "cpu")


@pytest.fixture(params=["copy", "itself"])
def run(
    hw5: Assignment, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KernelRun]:
    """A run over the names of CODE, by either way."""
    monkeypatch.setitem(here._TRIED, "fork", request.param == "copy")
    made = run_of(hw5, history(), [], PartMap({}, {}))
    yield made
    made.close()


@pytest.fixture
def student(run: KernelRun) -> Student:
    """The names of CODE."""
    return run.student("6")


def names(run: KernelRun) -> dict[str, Any]:
    return run._history.namespace()


def test_this_process_can_be_copied() -> None:
    assert can_fork()


def test_calls_and_values_come_over(student: Student) -> None:
    x = np.array([1.0, 2.0])
    assert student.double(x).tolist() == [2.0, 4.0]
    assert student.data.value() == [1, 2]


def test_arguments_are_copies_and_changes_are_seen(student: Student) -> None:
    x = np.array([1.0, 2.0])
    student.spoil(x)
    assert x.tolist() == [1.0, 2.0] and student.mutated[0].tolist() == [0.0, 0.0]


def test_exceptions_are_findings(student: Student) -> None:
    with pytest.raises(CheckFailed, match="raised ValueError: why"):
        student.stop()


def test_names_are_as_before_when_it_is_over(run: KernelRun, student: Student) -> None:
    student.bind("double", 5)
    assert student["double"].value() == 5
    run.close()
    assert callable(names(run)["double"]) and "helper" in names(run)


def test_a_right_helper_can_be_lent(student: Student) -> None:
    student.lend(Loan({"helper": lambda x: x}), 5.0)
    assert student.uses(np.array([2.0])).tolist() == [3.0]


def test_a_copy_leaves_no_trace_and_a_loop_ends(
    hw5: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(here._TRIED, "fork", True)
    quick = hw5.rubric.model_copy(
        update={"limits": hw5.rubric.limits.model_copy(update={"call_s": 0.5})}
    )
    run = run_of(Assignment(hw5.folder, quick), history(), [], PartMap({}, {}))
    student = run.student("6")
    student.spoil(np.ones(1))
    with pytest.raises(LimitExceeded, match="Is there a loop that does not end"):
        student.loop()
    run.close()
    assert names(run)["data"] == [1, 2]


def test_in_the_kernel_itself_libraries_are_left_alone(
    hw5: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(here._TRIED, "fork", False)
    student = run_of(hw5, history(), [], PartMap({}, {})).student("6")
    with pytest.raises(NeedsReview, match="needs a copy of your kernel"):
        student.scaffold("training", patches=True)


def test_a_name_that_was_given_away_since_is_not_judged(hw5: Assignment) -> None:
    cells = [Cell(3, "X = 1"), Cell(7, "X = 2")]
    parts = PartMap({"3a": (0,)}, {0: frozenset({"X"}), 1: frozenset({"X"})})
    run = run_of(hw5, history(), cells, parts)
    with pytest.raises(NeedsReview, match=r"In \[7\] has given `X` another value since"):
        run.student("3a")
    assert run.student("6") is not None
    run.close()


def test_cells_are_known_by_their_numbers(hw5: Assignment) -> None:
    cells = [Cell(3, "a = 1"), Cell(7, "b = 2"), Cell(9, "c = 3")]
    run = run_of(hw5, history(), cells, PartMap({"1a": (0,), "1b": (1,)}, {}))
    assert run.cells_from(["1a"], "1b") == {3: "a = 1", 7: "b = 2"}
    assert run.cells_from(["1a"], "1b", theirs=False) == {7: "b = 2"}
    assert (run.number(2), run.order("1b"), run.order("6")) == (9, 1, 3)
