"""Grading all submissions of an exam, in several processes that are fed from one queue."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import util
from pathlib import Path
from types import FrameType

from grader.assignment import Assignment, load_assignment
from grader.datasets import public_data
from grader.errors import GraderError
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
    """Grade the submissions in `jobs` processes; results come back in the order of the tasks.

    Raises GraderError where a process ends by itself.
    """
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
            graded.append(examiner.grade(task))
            progress(len(graded), len(tasks))
        return graded
    finally:
        examiner.close()


def _in_processes(
    assignment: Assignment, tasks: Sequence[Task], jobs: int, progress: Progress
) -> list[Graded]:
    # A forked process would share what this one has open; a new interpreter starts clean.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _start, (assignment.folder,))
    try:
        with _interrupts_wait():
            waiting: list[Future[Graded]] = [pool.submit(_grade, task) for task in tasks]
        for done, future in enumerate(as_completed(waiting), start=1):
            future.result()
            progress(done, len(tasks))
        return [future.result() for future in waiting]
    except BrokenProcessPool as error:
        raise GraderError("a process of the exam ended by itself: is there memory left?") from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back, here and in the processes that are started meanwhile, as they import.

    They let it through when they know what to do with it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """What a process of the pool keeps from one submission to the next."""

    examiner: Examiner | None = None
    is_grading = False


def _start(folder: Path) -> None:
    """Prepare a process: its launcher lives as long as it does."""
    signal.signal(signal.SIGINT, _interrupted)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    examiner = Examiner(load_assignment(str(folder)))
    util.Finalize(None, examiner.close, exitpriority=100)
    _Worker.examiner = examiner


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Ctrl-C reaches every process: what waits is ended by the one that feeds it."""
    if _Worker.is_grading:
        raise KeyboardInterrupt


def _grade(task: Task) -> Graded:
    if _Worker.examiner is None:
        raise GraderError("a process of the exam was not prepared")
    _Worker.is_grading = True
    try:
        return _Worker.examiner.grade(task)
    finally:
        _Worker.is_grading = False
