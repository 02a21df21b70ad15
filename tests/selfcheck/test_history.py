"""Which of the cells that a kernel has run count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from grader.selfcheck.history import Cell, History, latest


def numbers(*cells: Cell) -> list[int]:
    return [cell.number for cell in latest(list(cells))]


@pytest.mark.parametrize(
    ("earlier", "later", "kept"),
    [
        (Cell(1, "def f(): return 1"), Cell(2, "def f(): return 2"), [2]),
        (Cell(1, "def f(): return 1"), Cell(2, "def g(): return 2"), [1, 2]),
        (Cell(1, "x = 1\ny = 2"), Cell(2, "x = 3"), [1, 2]),
        (Cell(1, "print(1)"), Cell(2, "print(2)"), [1, 2]),
        (Cell(1, "print(1)"), Cell(2, "print(1)"), [2]),
        (Cell(1, "print(1)", "a"), Cell(2, "print(2)", "a"), [2]),
        (Cell(1, "def f(): return 1", "a"), Cell(2, "def f(): return 2", "b"), [1, 2]),
        (Cell(1, "def f(): return 1", "a"), Cell(2, "def f(): return 2"), [2]),
    ],
    ids=["same-name", "other-name", "some-names", "no-names", "same-code", "same-id", "other-id",
         "id-not-known"],
)  # fmt: skip
def test_a_cell_that_was_run_again_counts_once(earlier: Cell, later: Cell, kept: list[int]) -> None:
    assert numbers(earlier, later) == kept


def test_history_is_what_the_shell_ran_with_ids_of_the_front_end() -> None:
    ran = ["", "x = 1", "  ", "x = 2"]
    shell = SimpleNamespace(
        history_manager=SimpleNamespace(input_hist_raw=ran), user_ns={"x": 2}, execution_count=1
    )
    history = History(shell)
    history.note(SimpleNamespace(cell_id="first"))
    shell.execution_count = 3
    history.note(SimpleNamespace(cell_id="second"))
    assert history.cells() == [Cell(1, "x = 1", "first"), Cell(3, "x = 2", "second")]
    assert history.namespace() == {"x": 2}


def test_without_a_shell_there_are_no_cells() -> None:
    assert History().cells() == [] and History().files() == {}
