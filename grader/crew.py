"""Worker processes that take one task after the other; one that ends by itself is replaced.

A pool of the standard library is lost with any of its processes. Here the task of a process that
ended is tried once more in a new one, and given up then: the others do not notice.
"""

from __future__ import annotations

import collections
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import current_thread, main_thread
from types import FrameType
from typing import Generic, Protocol, TypeVar

from grader.errors import GraderException

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
# How long a worker may take to let go of its jobs before it is killed.
_CLOSE_S = 10.0


class Worker(Protocol[T_contra, R_co]):
    """What a process of the crew keeps from one task to the next."""

    def work(self, task: T_contra) -> R_co:
        """Do one task."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True)
class Lost:
    """In place of a result: the processes that had the task ended by themselves."""

    reason: str


class Crew(Generic[T, R]):
    """`size` processes, each with a worker that `make` gives; `make` has to be picklable.

    `results` yields what is done in the order in which it is; tasks may be added meanwhile.
    After `recycle` tasks a process makes room for a new one.
    """

    def __init__(self, make: Callable[[], Worker[T, R]], size: int, recycle: int = 0) -> None:
        self._make = make
        self._size = size
        self._recycle = recycle
        self._waiting: collections.deque[tuple[T, int]] = collections.deque()
        self._members: list[_Member[T]] = []
        #: Told each task as a process begins with it.
        self.started: Callable[[T], None] = lambda _: None

    def __enter__(self) -> Crew[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, task: T) -> None:
        """Have a task done."""
        self._waiting.append((task, 0))

    @property
    def at_work(self) -> list[T]:
        """The tasks that are being done."""
        return [member.task[0] for member in self._members if member.task is not None]

    def results(self) -> Iterator[tuple[T, R | Lost]]:
        """Each task with its result, until none is left. Raises what a worker's start raises."""
        while self._waiting or self.at_work:
            self._hand_out()
            for member in self._finished():
                yield from self._collect(member)

    def _hand_out(self) -> None:
        idle = [member for member in self._members if member.task is None]
        while self._waiting and (idle or len(self._members) < self._size):
            member = idle.pop() if idle else self._hire()
            task = self._waiting.popleft()
            self.started(task[0])
            member.give(task)

    def _hire(self) -> _Member[T]:
        with _interrupts_wait():
            member: _Member[T] = _Member(self._make)
            self._members.append(member)
        return member

    def _finished(self) -> list[_Member[T]]:
        ready = wait([member.connection for member in self._members if member.task is not None])
        return [member for member in self._members if member.connection in ready]

    def _collect(self, member: _Member[T]) -> Iterator[tuple[T, R | Lost]]:
        assert member.task is not None
        task, tries = member.task
        try:
            said, result = member.connection.recv()
        except (EOFError, ConnectionError):
            self._members.remove(member)
            how = member.end()
            if tries:
                yield task, Lost(f"two processes of the grader ended at it, the last by {how}")
            else:
                self._waiting.appendleft((task, tries + 1))
            return
        member.task = None
        member.done += 1
        if said == "failed":
            raise result
        if member.done == self._recycle:
            self._members.remove(member)
            member.dismiss()
            member.end()
        yield task, result

    def close(self) -> None:
        """End every process; what they were at is not done."""
        for member in self._members:
            member.dismiss()
        for member in self._members:
            member.end()
        self._members.clear()


class _Member(Generic[T]):
    """One process, and what it was given."""

    def __init__(self, make: Callable[[], Worker[T, object]]) -> None:
        # A forked process would share what this one has open; a new interpreter starts clean.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, make))
        self.task: tuple[T, int] | None = None
        self.done = 0
        self.process.start()
        theirs.close()

    def give(self, task: tuple[T, int]) -> None:
        self.task = task
        with suppress(ConnectionError):  # it has ended: that shows when it is waited for
            self.connection.send(task[0])

    def dismiss(self) -> None:
        """Have the process end, whatever it is at."""
        if self.process.is_alive() and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)

    def end(self) -> str:
        """Wait for its end, or bring it about; how it ended."""
        self.process.join(_CLOSE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back while a process is being started; it comes afterwards.

    The new process inherits the mask. The mask is not enough for who starts it: any other thread,
    as those of a library for linear algebra, may be given the signal, and the main one has it then.
    """
    came = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    if not hasattr(signal, "pthread_sigmask") or current_thread() is not main_thread():
        yield
        return
    # Started with the first process otherwise, and it would let the signal through again.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if came:
            signal.raise_signal(signal.SIGINT)


def _serve(connection: Connection, make: Callable[[], Worker[T, R]]) -> None:
    """The process's whole life. Ctrl-C is for its employer, who dismisses it by SIGTERM."""
    dismissed = False

    def dismiss(number: int, frame: FrameType | None) -> None:
        """End what is done, as Ctrl-C would: pytest takes SystemExit for a failure."""
        nonlocal dismissed
        dismissed = True
        raise KeyboardInterrupt

    worker: Worker[T, R] | None = None
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, dismiss)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _end_with_parent()
        while not dismissed:
            task = connection.recv()
            try:
                worker = worker or make()
                told = ("done", worker.work(task))
            except GraderException as error:
                told = ("failed", error)  # type: ignore[assignment]
            connection.send(told)
    except (EOFError, ConnectionError, KeyboardInterrupt):  # nobody is there any more, or dismissed
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending: told again, it goes on so
        if worker is not None:
            worker.close()


def _end_with_parent() -> None:
    """Where the employer is killed, so are we: nobody would want the result."""
    if sys.platform == "linux":
        from grader.sandbox.tiers import system

        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGTERM)
