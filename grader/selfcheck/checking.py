"""Judging the parts of a homework in the kernel where a student works on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path

import nbformat

from grader.assignment import Assignment, pick_assignment
from grader.grading import Options, part_results, run_checks
from grader.judge import Judge, solution_of
from grader.model import PartResult
from grader.selfcheck.here import KernelRun, uses_gpu
from grader.selfcheck.history import History
from grader.submission import Submission, map_parts

_BUSY: list[bool] = []
_MOST_FILES = 500


def is_checking() -> bool:
    """Whether a check is under way, in this process or the one that it is a copy of."""
    return bool(_BUSY)


@lru_cache(maxsize=8)
def pick(name: str) -> Assignment:
    """The assignment of that name, or the only one that is here.

    Raises UsageError where it cannot be told which is meant.
    """
    return pick_assignment(name)


def judge_parts(
    history: History, assignment: Assignment, parts: Sequence[str] = ()
) -> tuple[PartResult, ...]:
    """Judge parts by their public checks, on the kernel as it is now.

    Parts that those named need are judged along: they decide what a failure says.

    Raises UsageError for an unknown part, GraderError for a fault of ours.
    """
    chosen = tuple(part.id for part in assignment.select(tuple(parts)))
    needed = frozenset(part.id for part in assignment.with_needs(chosen))
    judge = _judge(history, assignment, needed)
    try:
        with _busy():
            run_checks(judge)
        return part_results(judge, Options(parts=chosen, public_only=True))
    finally:
        judge.close()


@contextmanager
def _busy() -> Iterator[None]:
    _BUSY.append(True)
    try:
        yield
    finally:
        _BUSY.pop()


def _files_here() -> dict[str, Path]:
    """Files beside the notebook and one folder below, as they would be handed in."""
    here = Path.cwd()
    found = [path for pattern in ("*", "*/*") for path in islice(here.glob(pattern), _MOST_FILES)]
    return {path.relative_to(here).as_posix(): path for path in found if path.is_file()}


def _judge(history: History, assignment: Assignment, chosen: frozenset[str]) -> Judge:
    cells = history.cells()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.source) for cell in cells]
    )
    mapped = map_parts(notebook, assignment.rubric.parts)
    device = "cuda" if uses_gpu() else "cpu"
    solution, keeper = solution_of(assignment)
    return Judge(
        assignment=assignment,
        submission=Submission("notebook", "", "this notebook", notebook, "", _files_here()),
        parts=mapped,
        run=KernelRun(assignment, history, cells, mapped, device),
        reference=solution,
        keeper=keeper,
        device=device,
        data_folder=Path.cwd(),
        chosen=chosen,
        public_only=True,
    )
