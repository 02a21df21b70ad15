"""Grading all submissions of an exam, in several processes that are fed from one queue."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment, load_assignment
from grader.crew import Crew, Lost
from grader.datasets import public_data
from grader.exam.grading import Examiner
from grader.exam.results import Graded
from grader.exam.tasks import Task

Progress = Callable[[int, int], None]


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    assignment: Assignment, tasks: Sequence[Task], jobs: int, progress: Progress
) -> list[Graded]:
    """Grade the submissions in `jobs` processes; results come back in the order of the tasks."""
    public_data(assignment)  # made once, before any process looks for it
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        return _one_by_one(assignment, tasks, progress)
    return _in_processes(assignment, tasks, jobs, progress)


def _one_by_one(assignment: Assignment, tasks: Sequence[Task], progress: Progress) -> list[Graded]:
    examiner = Examiner(assignment)
    try:
        graded = []
        for task in tasks:
            graded.append(examiner.work(task))
            progress(len(graded), len(tasks))
        return graded
    finally:
        examiner.close()


def _in_processes(
    assignment: Assignment, tasks: Sequence[Task], jobs: int, progress: Progress
) -> list[Graded]:
    graded: dict[str, Graded] = {}
    with Crew[Task, Graded](_MakeExaminer(assignment.folder), jobs) as crew:
        for task in tasks:
            crew.add(task)
        for task, result in crew.results():
            if isinstance(result, Lost):
                result = Graded(task=task.id, fault=result.reason)
            graded[task.id] = result
            progress(len(graded), len(tasks))
    return [graded[task.id] for task in tasks]


@dataclass(frozen=True)
class _MakeExaminer:
    """Makes an examiner in a process of its own."""

    folder: Path

    def __call__(self) -> Examiner:
        return Examiner(load_assignment(str(self.folder)))
