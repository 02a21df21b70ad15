"""The running kernel as what is judged: checks ask a forked copy of it, or the kernel itself.

A copy is safer: what a check changes is gone with it, and a loop without an end ends. Where a
process that has threads cannot be forked for certain, or has talked to a GPU, there is no copy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch

from grader.assignment import Assignment
from grader.checks.student import Student
from grader.checks.verdict import CheckFailed, LimitExceeded, NeedsReview
from grader.model import CellProblem
from grader.sandbox.agent import Agent
from grader.sandbox.frames import Message
from grader.sandbox.session import Channel, SessionLost
from grader.selfcheck.history import Cell, History
from grader.submission import PartMap

_TRIED: dict[str, bool] = {}
_TRIAL_S = 5.0
# A cell that is run again for what it prints may take so long.
_PRINTING_S = 10.0


class Forked:
    """A forked copy of this process, which serves one session."""

    live = False

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self.socket = sock
        self._pid = pid
        self._ended = ""

    def kill(self) -> str:
        """End the copy and reap it; how it ended."""
        if not self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            self._ended = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return self._ended


class Here(Channel):
    """Requests that this very process answers: there is no clock that could stop it."""

    patchable = False

    def __init__(self, serve: Callable[[Any], Agent]) -> None:
        super().__init__(_no_peer)
        self._line = _Line()
        self._agent = serve(self._line)
        self._before: dict[str, Any] | None = None

    @property
    def live(self) -> bool:
        """The kernel itself answers."""
        return True

    @property
    def is_open(self) -> bool:
        """Whether names were changed that `close` will put back."""
        return self._before is not None

    def request(
        self,
        head: dict[str, Any],
        buffers: list[memoryview],
        timeout_s: float,
        answer: Callable[[Message], Message] | None = None,
    ) -> Message:
        """The reply to one request, whenever it comes."""
        if self._before is None:
            self._before = dict(self._agent.namespace)
        self._line.answer = answer
        sent = Message({**head, "id": ""}, tuple(_copied(b) for b in buffers))
        reply = self._agent.answer(sent)
        return Message(reply.head, tuple(_copied(b) for b in reply.buffers))

    def discard(self) -> None:
        """Nothing can be thrown away here."""

    def close(self) -> None:
        """Put the notebook's names back as they were."""
        if self._before is not None:
            self._agent.namespace.clear()
            self._agent.namespace.update(self._before)
            self._before = None


class _Line:
    """What stands for the wire where both ends are one process."""

    answer: Callable[[Message], Message] | None = None
    _reply: Message | None = None

    def send(self, message: Message, deadline: float) -> None:
        assert self.answer is not None
        self._reply = self.answer(message)

    def receive(self, deadline: float, watch: Any = None) -> Message:
        assert self._reply is not None
        return self._reply


def _copied(buffer: memoryview) -> memoryview:
    return memoryview(bytes(buffer))


def _no_peer() -> Any:
    raise AssertionError("there is no process to connect to")


class KernelRun:
    """The kernel of this process as a run: all its cells have been run."""

    def __init__(
        self, assignment: Assignment, history: History, cells: list[Cell], parts: PartMap,
        device: str,
    ) -> None:  # fmt: skip
        self._assignment, self._history, self._parts = assignment, history, parts
        self._cells = cells
        self._device = device
        self._copies: list[Forked] = []
        self._student: Student | None = None
        self.problems: dict[int, CellProblem] = {}
        self.layers: dict[str, tuple[str, str]] = {}
        self.forks = device == "cpu" and can_fork()

    def student(self, part: str) -> Student:
        """The student's names as they are now.

        Raises NeedsReview where a later cell has given one of the part's names to something else.
        """
        self._assert_still_there(part)
        return self._opened()

    def _opened(self) -> Student:
        if self._student is None:
            rubric = self._assignment.rubric
            self._student = Student(
                Channel(self._fork) if self.forks else Here(self._agent),
                call_s=rubric.limits.call_s,
                cells={cell.number: cell.number for cell in self._cells},
                scaffolds=self._assignment.folder / "scaffolds",
                device=self._device,
            )
        return self._student

    def _assert_still_there(self, part: str) -> None:
        names, own = set(self._assignment.parts[part].names), self._parts.cells.get(part, ())
        for index, defined in self._parts.defines.items():
            taken = sorted(names & defined)
            if own and index > max(own) and taken:
                raise NeedsReview(
                    f"In [{self.number(index)}] has given `{taken[0]}` another value since: run "
                    "this part's cells again, and check it before you go on."
                )

    def order(self, part: str) -> int:
        """The part's last cell: parts are judged in the order in which they were run."""
        last = self._parts.last(part)
        return last if last is not None else len(self._cells)

    def reach(self, part: str) -> None:
        """Whatever was run was run by the student."""

    def finish(self) -> None:
        """Whatever was run was run by the student."""

    def number(self, cell: int) -> int:
        """The number that the notebook shows beside the cell."""
        return self._cells[cell].number

    def printed(self, cell: int) -> str:
        """What a cell prints when it is run again: a kernel does not keep what it has printed.

        Raises NeedsReview where the cell takes its time.
        """
        student, one = self._opened(), self._cells[cell]
        try:
            student.rerun([one.source], [one.number], timeout_s=_PRINTING_S)
        except LimitExceeded:
            raise NeedsReview("What this cell prints takes too long to be seen here.") from None
        except CheckFailed:
            pass  # what it had printed before it stopped is there
        told = student.output
        student.renew()
        return told

    def may_show(self, cell: int) -> None:
        """None: a kernel does not keep what its cells have shown."""

    def stopped_at(self, part: str) -> tuple[int, str, int] | None:
        """None: a kernel does not keep which cells were stopped."""
        return None

    def raised_in(self, number: int) -> bool:
        """Whether a cell was stopped is not known: none is said to be."""
        return False

    def cells_below(self, needed: Collection[str], part: str) -> dict[int, str]:
        """None: whatever was run here stands in the kernel's names."""
        return {}

    def cells_from(
        self, needed: Collection[str], part: str, *, theirs: bool = True
    ) -> dict[int, str]:
        """Sources by number of the cells from the first of `needed` to the part's last.

        Without `theirs` those are left out that only `needed` have: where one was stopped is not
        known here.
        """
        last = self.order(part)
        starts = [c for q in (*needed, part) for c in self._parts.cells.get(q, ()) if c <= last]
        first = min(starts, default=last)
        return {
            cell.number: cell.source
            for i, cell in enumerate(self._cells)
            if first <= i <= last and (theirs or not self._parts.are_all(i, needed))
        }

    def close(self) -> None:
        """End the copies."""
        if self._student is not None:
            self._student.renew()
            self._student.channel.close()
        for copy in self._copies:
            copy.kill()
        self._copies.clear()

    def _agent(self, line: Any) -> Agent:
        history = self._history
        device = None if self._device == "cpu" else self._device
        return Agent(history.namespace(), line, history.files(), device)

    def _fork(self) -> Forked:
        copy = forked(self._history)
        self._copies.append(copy)
        return copy


def forked(history: History) -> Forked:
    """A copy of this process that serves one session."""
    from grader.sandbox import kernel_process

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        # Threads are not copied, and work that is shared out among them would never be done.
        torch.set_num_threads(1)
        channels = (theirs.detach(),)
        kernel_process.serve_copy(channels, 0, history.namespace(), history.files(), None)
    theirs.close()
    return Forked(ours, pid)


def can_fork() -> bool:
    """Whether a copy of this process can work with tensors; tried once."""
    if "fork" not in _TRIED:
        _TRIED["fork"] = Path("/proc/self/fd").is_dir() and _copy_answers()
    return _TRIED["fork"] and not uses_gpu()


def uses_gpu() -> bool:
    """Whether this process has talked to a GPU: its copies cannot."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


# Large enough to be shared out among threads where there are any.
_TRIAL = """
import torch

def product():
    a = torch.ones(300, 300)
    return float((a @ a).sum())
"""


def _copy_answers() -> bool:
    """Whether a copy multiplies two matrices within seconds."""
    copy = forked(History())
    channel = Channel(lambda: copy)
    try:
        held = channel.request({"op": "scaffold", "source": _TRIAL}, [], _TRIAL_S)
        space = {"k": "ref", "ref": held.head["value"]["ref"]}
        product = {"k": "attr", "of": space, "name": "product"}
        call = {"k": "call", "of": product, "args": [], "kwargs": {}}
        return "value" in channel.request({"op": "eval", "node": call}, [], _TRIAL_S).head
    except SessionLost:
        return False
    finally:
        channel.close()
        copy.kill()
