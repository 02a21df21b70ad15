"""One submission's notebook, run cell by cell as the checks ask for it.

A check of a part needs the state after the part's last cell: the run goes there, takes a
snapshot and gives a channel to it. A cell that fails costs what depends on it; where it takes
the kernel with it, a new kernel replays the cells before it, without it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from grader.assignment import Assignment
from grader.checks.student import Student, parse_raised
from grader.checks.verdict import LimitExceeded
from grader.datasets import PublicData
from grader.errors import GraderError
from grader.model import CellProblem, Stage
from grader.sandbox.launcher import Launcher, WarmLauncher
from grader.sandbox.notebook_run import CellFailed, NotebookRun
from grader.sandbox.session import Channel, Peer, SessionLost
from grader.sandbox.spec import JobSpec
from grader.submission import PartMap, Submission, may_show, printed

# A notebook whose cells keep taking the kernel down is replayed this often, then given up.
_MOST_KERNELS = 6

Progress = Callable[[str], None]


class SubmissionRun:
    """The running notebook of one submission."""

    def __init__(
        self,
        assignment: Assignment,
        submission: Submission,
        parts: PartMap,
        launcher: Launcher,
        *,
        device: str = "cpu",
        data: PublicData | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        self._assignment = assignment
        self._submission = submission
        self._parts = parts
        self._launcher = launcher
        self._device = device
        self._data = data
        self._progress = progress
        # Running fills in outputs: those handed in stay as they are.
        self._notebook = copy.deepcopy(submission.notebook)
        cells = self._notebook.cells
        self._code = [i for i, c in enumerate(cells) if c.cell_type == "code" and c.source.strip()]
        self.problems: dict[int, CellProblem] = {}
        self.layers: dict[str, tuple[str, str]] = {}
        self.student_s = 0.0
        self._fatal: set[int] = set()
        self._killed: set[int] = set()
        self._run: NotebookRun | None = None
        self._kernels = 0
        self._done = 0
        self._counts: dict[int, int] = {}
        self._student: Student | None = None
        self._student_cell = -1

    @property
    def forks(self) -> bool:
        """Whether checks run in forked copies: not after CUDA has started, nor from cold."""
        return isinstance(self._launcher, WarmLauncher) and self._device == "cpu"

    def number(self, cell: int) -> int:
        """A notebook cell's number among the code cells, from 1."""
        return self._code.index(cell) + 1

    def printed(self, cell: int) -> str:
        """What a code cell printed or showed as text when it was run here."""
        return printed(self._outputs(cell))

    def _outputs(self, cell: int) -> Sequence[Any]:
        return self._notebook.cells[cell].get("outputs", ())  # type: ignore[no-any-return]  # untyped

    def may_show(self, cell: int) -> bool | None:
        """Whether a code cell may have shown more than text; None where something stopped it."""
        return None if cell in self.problems else may_show(self._outputs(cell))

    def order(self, part: str) -> int:
        """Index of the last cell that a part needs; the notebook's last where it has none."""
        last = self._parts.last(part)
        return last if last is not None else (self._code[-1] if self._code else 0)

    def stopped_at(self, part: str) -> tuple[int, str, int] | None:
        """Number, source and line of a cell that was stopped there by an exception.

        Only where the cell holds other parts too: one's mistake is not to cost the others.
        """
        cell = self.order(part)
        problem = self.problems.get(cell)
        if problem is None or problem.kind != "raised" or problem.raised is None:
            return None
        own = [f for f in problem.raised.frames if f.where == f"cell {problem.cell}"]
        if not own or len(self._parts.parts_of(cell)) < 2:
            return None
        return problem.cell, self._submission.notebook.cells[cell].source, own[0].line

    def raised_in(self, number: int) -> bool:
        """Whether a code cell, by its number, was stopped by an exception."""
        problem = self.problems.get(self._code[number - 1])
        return problem is not None and problem.kind == "raised"

    def cells_below(self, needed: Collection[str], part: str) -> dict[int, str]:
        """Sources by number of the code cells of `needed` that stand below the part's last."""
        last, cells = self.order(part), self._submission.notebook.cells
        below = sorted({c for q in needed for c in self._parts.cells.get(q, ()) if c > last})
        return {self.number(c): cells[c].source for c in below if not self._is_endless(c)}

    def _is_endless(self, cell: int) -> bool:
        """Whether a cell ran out of time: run again, it would do so again."""
        return cell in self.problems and self.problems[cell].kind == "timeout"

    def cells_from(
        self, needed: Collection[str], part: str, *, theirs: bool = True
    ) -> dict[int, str]:
        """Sources by number of the code cells from the first of `needed` to the part's last.

        Without `theirs` those are left out that only `needed` have and that ran to their end; those
        that took the kernel with them, or ran out of time, always are.
        """
        last = self.order(part)
        starts = [c for q in needed for c in self._parts.cells.get(q, ()) if c <= last]
        own = min(self._parts.cells.get(part, ()), default=last)
        first = min(starts, default=own)
        cells = self._submission.notebook.cells
        return {
            self.number(i): cells[i].source
            for i in self._code
            if first <= i <= last and i not in self._fatal and not self._is_endless(i)
            and (theirs or i in self.problems or not self._parts.are_all(i, needed))
        }  # fmt: skip

    def student(self, part: str) -> Student:
        """The student's names after the part's cells.

        The checks of parts that end in the same cell share one `Student`, and so a process,
        until one of them leaves a trace in it. Raises LimitExceeded where the notebook ended
        before it came there.
        """
        cell = self.order(part)
        if self._student is None or self._student_cell != cell or self._student.channel.dead:
            self._release()
            if self._student is not None and self._student.channel.dead:
                self._restart()
            self._advance(cell)
            self._alive()
            self._student_cell = cell
            self._student = Student(
                Channel(self._connect, look=self._look if self.forks else None),
                call_s=self._assignment.rubric.limits.call_s,
                cells=dict(self._counts),
                scaffolds=self._assignment.folder / "scaffolds",
                device=self._device,
            )
        return self._student

    def reach(self, part: str) -> None:
        """Run the cells up to the part's last, where it has any that have not been run."""
        cell = self._parts.last(part)
        if cell is not None and (self._done == 0 or self._code[self._done - 1] < cell):
            self._advance(cell)

    def finish(self) -> None:
        """Run the cells that no check asked for, so that the whole notebook has been run."""
        if self._code:
            self._advance(self._code[-1])

    def close(self) -> None:
        """End the notebook's kernel and its snapshots."""
        self._release()
        if self._run is not None:
            self._run.close()
            self._run = None

    def _connect(self) -> Peer:
        try:
            run = self._alive()
            if not self.forks and run.job.poll() is not None:
                self._restart()  # a check's call has ended the kernel itself
                run = self._alive()
            return run.fork() if self.forks else run.serve_live()
        except CellFailed as failed:
            if failed.kind == "crowded" and self._done:
                # Run again, the cell would crowd the next kernel too.
                last = self._code[self._done - 1]
                self._problem(last, "died", f"No check could start after this cell: {failed}.")
                self._fatal.add(last)
            raise SessionLost("ended", f"The notebook's process ended: {failed}") from None

    def _look(self) -> Peer:
        try:
            return self._alive().serve_live(looks=True)
        except CellFailed as failed:
            raise SessionLost("ended", f"The notebook's process ended: {failed}") from None

    def _release(self) -> None:
        """End the session that is open: the kernel goes on from where it was."""
        if self._student is not None:
            self._student.channel.close()

    def _alive(self) -> NotebookRun:
        if self._run is None:
            raise LimitExceeded(
                Stage.PRESENT,
                "The notebook was stopped before this part: see the cells that stopped it.",
            )
        return self._run

    def _advance(self, cell: int) -> None:
        """Run the cells up to `cell`, which come after those run before."""
        if self._run is None and self._kernels == 0:
            self._start()
        while self._run is not None and self._done < len(self._code):
            index = self._code[self._done]
            if index > cell:
                return
            self._release()
            self._execute(self._run, index)

    def _execute(self, run: NotebookRun, index: int) -> None:
        self._done += 1
        if index in self._fatal:
            return
        limits = self._assignment.rubric.limits
        left = limits.notebook_s - self.student_s
        if left <= 0:
            self._problem(
                index, "timeout", f"The notebook ran longer than {limits.notebook_s:g} s."
            )
            self._give_up()
            return
        self._progress(f"cell {self._done} of {len(self._code)}")
        self._counts[len(self._counts) + 1] = self.number(index)
        started = time.perf_counter()
        try:
            run.execute(self._notebook.cells[index], index, min(limits.cell_s, left))
            self.student_s += time.perf_counter() - started
        except CellFailed as failed:
            # Before what is run again below, which counts its own time.
            self.student_s += time.perf_counter() - started
            self._failed(index, failed)

    def _failed(self, index: int, failed: CellFailed) -> None:
        """Tell what became of a cell; where the kernel is gone, go on in another."""
        if failed.unexplained and index not in self._killed:
            # Perhaps not by its own code: it is run again before that is said of it.
            self._killed.add(index)
            self._restart()
            return
        self._problem(index, failed.kind, str(failed))
        if failed.raised:
            raised = parse_raised(failed.raised, self._counts)
            self.problems[index] = self.problems[index].model_copy(update={"raised": raised})
        if failed.kind == "died":
            self._fatal.add(index)
            self._restart()

    def _problem(self, index: int, kind: str, message: str) -> None:
        if index not in self.problems:
            number = self.number(index)
            self.problems[index] = CellProblem(cell=number, kind=kind, message=message)

    def _start(self) -> None:
        self._kernels += 1
        self._counts = {}
        limits = self._assignment.rubric.limits
        run = NotebookRun(self._notebook, self._launcher, JobSpec(
            data=(self._data.work,) if self._data else (),
            files=self._submission.extra,
            readable=(self._data.torch_home,) if self._data else (),
            environment={"TORCH_HOME": str(self._data.torch_home)} if self._data else {},
            seed=self._assignment.rubric.seed,
            device=None if self._device == "cpu" else self._device,
            cpu_s=limits.cpu_s,
            memory_mb=limits.memory_mb,
            processes=limits.processes,
            file_mb=limits.file_mb,
            disk_mb=limits.disk_mb,
            disk_files=limits.disk_files,
        ))  # fmt: skip
        self._run = run
        run.start()
        self.layers = run.job.layers
        if not self.layers:
            raise GraderError("the student's process did not say how it was confined")

    def _restart(self) -> None:
        """A new kernel with the cells before the present one run again."""
        position = self._done
        self.close()
        if self._kernels >= _MOST_KERNELS:
            self._give_up()
            return
        self._start()
        self._done = 0
        while self._run is not None and self._done < position:
            self._execute(self._run, self._code[self._done])

    def _give_up(self) -> None:
        self.close()
        self._done = len(self._code)
