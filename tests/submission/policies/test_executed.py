"""Cells run in order, with their outputs."""

from __future__ import annotations

import nbformat
import pytest

from grader.policy_entries import Executed
from grader.submission import Submission
from grader.submission.policies.executed import judge_executed
from tests.submission.policies.conftest import Handed

RULE = Executed(policy="executed", price=1)  # type: ignore[arg-type]


def ran(work: Submission, *counts: int | None, silent: bool = False) -> Submission:
    """The submission with these counts, and a line of output for each cell that was run."""
    cells = [cell for cell in work.notebook.cells if cell.cell_type == "code"]
    for cell, count in zip(cells, counts, strict=True):
        cell.execution_count = count
        if count is not None and not silent:
            cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    return work


COUNTS = {
    (1, 2, 3): ("met", "All 3 code cells were run in order."),
    (4, 9, 12): ("met", "All 3 code cells were run in order."),
    (1, None, 2): ("broken", "Code cell 2 was not run."),
    (1, 3, 2): ("broken", "Code cell 3 was run before code cell 2, which stands above it: [2] a"),
    (2, 2, 3): ("broken", "Code cell 2 was run before code cell 1"),
    (None, None, None): ("broken", "None of the 3 code cells was run"),
}


@pytest.mark.parametrize("counts", COUNTS)
def test_counts_have_to_rise(handed: Handed, counts: tuple[int | None, ...]) -> None:
    finding = judge_executed(ran(handed("a", "b", "c"), *counts), None, RULE)
    state, told = COUNTS[counts]
    assert finding.state == state and finding.evidence[0].startswith(told)


@pytest.mark.parametrize("empty", ["# a comment only", "   ", "md:text"])
def test_cells_without_code_need_no_run(handed: Handed, empty: str) -> None:
    work = handed("a = 1", empty, "b = 2")
    for cell, count in ((work.notebook.cells[0], 1), (work.notebook.cells[2], 2)):
        cell.execution_count = count
    assert judge_executed(work, None, RULE).state == "met"


PRINTS = {
    "print('x')": "broken",
    "x = 1\nprint(f'{x}')": "broken",
    "def f():\n    print('x')": "met",
    "if x:\n    print('x')": "met",
    "print(x)": "broken",
    "print(*items)": "broken",
    "try:\n    print(f())\nexcept ValueError as e:\n    print(e)": "broken",
    "try:\n    print(f())\nexcept ValueError:\n    pass": "met",
    "try:\n    f()\nfinally:\n    print(1)": "broken",
    "if x:\n    print(1)\nelse:\n    print(2)": "broken",
    "for x in y:\n    print(x)": "met",
    "fig, ax = plt.subplots()\nax.plot(x)\nplt.show()": "undecided",
    "def f():\n    plt.figure()\n    plt.show()": "met",
    "print(x)\nclear_output()": "met",
    "import sys\nsys.stdout = log\nprint(x)": "met",
    "x = " + " + ".join(["1"] * 900) + "\nplt.figure()\nplt.show()": "undecided",
    "print('', end='')": "met",
    "print('x', file=log)": "met",
    "%%capture\nprint('x')": "met",
    "x = 1": "met",
}


@pytest.mark.parametrize("source", PRINTS)
def test_what_surely_prints_has_an_output(handed: Handed, source: str) -> None:
    work = ran(handed("a = 1", source), 1, 2, silent=True)
    assert judge_executed(work, None, RULE).state == PRINTS[source]


def test_what_nobody_can_know_is_for_a_person(handed: Handed) -> None:
    lenient = Executed(policy="executed", price=1, never_run="undecided")  # type: ignore[arg-type]
    assert judge_executed(handed("a"), None, lenient).state == "undecided"
    assert judge_executed(handed("a", form="module"), None, RULE).state == "undecided"
    work = ran(handed("a"), 1)
    work.notebook.cells[0].execution_count = None
    assert judge_executed(work, None, RULE).state == "undecided"
