"""Drives one notebook cell by cell in a job's kernel, with nbclient over Unix sockets."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from typing import Any

import nbformat
import zmq
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from grader.errors import GraderError
from grader.sandbox.jupyter import MALFORMED, OUTPUT_BYTES, BoundedClient, make_manager
from grader.sandbox.launcher import Job, Launcher
from grader.sandbox.spec import JobSpec

# How long an interrupted cell may take to stop before its kernel is given up.
_INTERRUPT_S = 3.0
# How long the processes that were ended may take to make room for another.
_CLEARED_S = 1.0
# How long the end of a process may be known before its cause: the job looks every 50 ms.
_TOLD_S = 0.25
_ENDED_S = 4.0


class ForkedPeer:
    """A forked copy of the kernel, which serves one session."""

    live = False

    def __init__(self, sock: socket.socket, run: NotebookRun, pid: int) -> None:
        self.socket = sock
        self._run = run
        self._pid = pid

    def kill(self) -> str:
        """End the copy, unless it has ended by itself; how it ended."""
        self._run.job.kill(self._pid)
        return self._run.exit_text(self._pid)


class LivePeer:
    """The kernel itself, serving one session between two cells."""

    live = True

    def __init__(self, sock: socket.socket, run: NotebookRun) -> None:
        self.socket = sock
        self._run = run

    def kill(self) -> str:
        """End the kernel: there is no copy."""
        job = self._run.job
        for _ in range(20):  # one that is ending by itself tells more than a kill
            if job.poll() is not None:
                return self._run.cause_of(job.exit_code)
            time.sleep(0.01)
        job.signal("SIGKILL")
        return "killed"


class CellFailed(Exception):
    """A cell did not run to its end.

    `kind` is raised, timeout, syntax, died or crowded: too many processes are left for another.
    `unexplained`: whether the kernel was killed, and by whom cannot be seen.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        raised: dict[str, Any] | None = None,
        *,
        unexplained: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.raised = raised
        self.unexplained = unexplained


class NotebookRun:
    """One kernel and the notebook that runs in it."""

    def __init__(self, notebook: nbformat.NotebookNode, launcher: Launcher, spec: JobSpec) -> None:
        self._loop = asyncio.new_event_loop()
        self._manager, self._provisioner = make_manager(launcher, spec)
        self._client = BoundedClient(
            notebook, km=self._manager, timeout=None, store_widget_state=False
        )
        self._client.reset_execution_trackers()
        self._sessions = 0
        self._killed_for_memory = 0
        self._given_up = False

    @property
    def job(self) -> Job:
        """The running job."""
        if self._provisioner.job is None:
            raise GraderError("the notebook's kernel is not running")
        return self._provisioner.job

    def start(self) -> None:
        """Start the kernel."""
        self._do(self._start())

    async def _start(self) -> None:
        await self._manager.start_kernel()
        await self._connect()

    async def _connect(self) -> None:
        if self._client.kc is not None:
            self._client.kc.stop_channels()
        client = self._manager.client(context=self._manager.context)
        client.start_channels(hb=False, stdin=False)
        await client.wait_for_ready(60)
        client.allow_stdin = False
        self._client.kc = client

    def execute(self, cell: nbformat.NotebookNode, index: int, timeout_s: float) -> None:
        """Run one code cell. Raises CellFailed where it does not end well.

        After kind 'died' the kernel is gone; after the others it goes on with its state.
        """
        self._client.timeout = max(1, round(timeout_s))
        try:
            self._do_with_student(self._execute(cell, index))
        except CellExecutionError as error:
            told = self._request("failure").get("raised")
            kind = "syntax" if error.ename in ("SyntaxError", "IndentationError") else "raised"
            raise CellFailed(kind, f"{error.ename}: {error.evalue}"[:1000], told) from None
        except CellTimeoutError:
            if self._do_with_student(self._interrupt()):
                raise CellFailed("timeout", f"ran longer than {timeout_s:.0f} s") from None
            self._kill()
            message = f"ran longer than {timeout_s:.0f} s and did not stop when interrupted"
            raise CellFailed("died", message) from None
        except DeadKernelError:
            self.job.poll()  # raises where no cell has done it
            cause = self.cause_of(self.job.exit_code)
            killed = cause == _exit_text(-signal.SIGKILL) and not self._given_up
            message = f"ended its own process ({cause})"
            raise CellFailed("died", message, unexplained=killed) from None

    async def _execute(self, cell: nbformat.NotebookNode, index: int) -> None:
        if self.job.poll() is not None:
            raise DeadKernelError
        if not self._client.complete:
            try:
                await self._connect()
            except (asyncio.TimeoutError, TimeoutError):
                self._kill()
                raise CellFailed("died", "its kernel no longer answers") from None
        self._client.room, self._client.complete = OUTPUT_BYTES, False
        await self._client.async_execute_cell(cell, index)
        if not self._client.complete:
            self._client.note_loss(cell.outputs)

    async def _interrupt(self) -> bool:
        """Interrupt the running cell; whether the kernel then answers again."""
        deadline = asyncio.get_running_loop().time() + _INTERRUPT_S
        self.job.signal("SIGINT")
        client = self._client.kc
        request = client.kernel_info()
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            try:
                reply = await asyncio.wait_for(client.shell_channel.get_msg(), left)
            except (asyncio.TimeoutError, TimeoutError):
                return False
            if reply["parent_header"].get("msg_id") == request:
                return True
        return False

    def _kill(self) -> None:
        self._given_up = True
        self.job.signal("SIGKILL")
        deadline = time.monotonic() + 1
        while self.job.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)

    def fork(self) -> ForkedPeer:
        """Fork a copy of the kernel as it is now, to serve one session.

        Raises CellFailed where the kernel is gone.
        """
        number = self._next_channel()
        told = self._request("fork", {"channel": number})
        deadline = time.monotonic() + _CLEARED_S
        while told.get("status") == "refused":
            if time.monotonic() > deadline:
                raise CellFailed("crowded", "it has started as many processes as it may")
            # What cells and checks have left running takes the room that the next copy needs.
            self.job.clear()
            time.sleep(0.05)
            told = self._request("fork", {"channel": number})
        pid = told.get("pid")
        if type(pid) is not int:
            raise CellFailed("died", "its kernel did not answer as the grader's own does")
        return ForkedPeer(self.job.channels[number], self, pid)

    def serve_live(self, *, looks: bool = False) -> LivePeer:
        """Have the kernel itself serve the next channel; it runs no cell until that is closed.

        With `looks` it tells plain values, and does nothing else.
        """
        number = self._next_channel()
        self._send("live", {"channel": number, "looks": looks})
        return LivePeer(self.job.channels[number], self)

    def _next_channel(self) -> int:
        number = self._sessions
        if number >= len(self.job.channels):
            raise CellFailed("died", "its code ended too many of the processes that run checks")
        self._sessions += 1
        return number

    def exit_text(self, pid: int) -> str:
        """How a forked copy ended, in words."""
        try:
            told = self._request("ended", {"pid": pid}, patience_s=_ENDED_S)
            return self.cause_of(told.get("code"))
        except CellFailed:
            return "together with the notebook's own"

    def cause_of(self, code: object) -> str:
        """Why a process ended with that exit code, in words."""
        if code == -signal.SIGKILL and self._ran_out_of_memory():
            return f"out of memory: its limit is {self._provisioner.spec.memory_mb} MiB"
        if code == -signal.SIGXCPU:
            return f"out of CPU time: its limit is {self._provisioner.spec.cpu_s} s"
        return _exit_text(code)

    def _ran_out_of_memory(self) -> bool:
        """Whether the job tells of one more process killed for memory, now or in a moment."""
        known, deadline = self._killed_for_memory, time.monotonic() + _TOLD_S
        while self.job.killed_for_memory == known and time.monotonic() < deadline:
            self.job.poll()
            time.sleep(0.005)
        self._killed_for_memory = self.job.killed_for_memory
        return self._killed_for_memory > known

    def _send(self, kind: str, content: dict[str, Any] | None = None) -> str:
        client = self._client.kc
        message = client.session.msg(f"grader_{kind}_request", content or {})
        try:
            client.shell_channel.send(message)
        except zmq.ZMQError as error:
            self._kill()
            raise CellFailed("died", f"its kernel cannot be reached: {error}") from error
        identity: str = message["header"]["msg_id"]
        return identity

    def _request(
        self, kind: str, content: dict[str, Any] | None = None, *, patience_s: float = 20.0
    ) -> dict[str, Any]:
        """One of our own requests and its reply. Raises CellFailed where the kernel is gone."""
        identity = self._send(kind, content)
        reply: dict[str, Any] = self._do_with_student(self._reply(identity, patience_s))
        return reply

    async def _reply(self, identity: str, patience_s: float) -> dict[str, Any]:
        channel = self._client.kc.shell_channel
        for _ in range(round(patience_s / 0.2)):
            try:
                reply = await asyncio.wait_for(channel.get_msg(), 0.2)
            except (asyncio.TimeoutError, TimeoutError):
                if self.job.poll() is not None:
                    raise CellFailed("died", "the kernel ended") from None
                continue
            if reply["parent_header"].get("msg_id") == identity:
                return dict(reply["content"])
        raise CellFailed("died", "the kernel does not answer")

    def close(self) -> None:
        """End the kernel and everything that it started. A second call does nothing."""
        if self._loop.is_closed():
            return
        if self._client.kc is not None:
            self._client.kc.stop_channels()
        self._do(self._provisioner.cleanup())
        self._do(_cancel_others())
        self._manager.context.destroy(linger=0)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def _do_with_student(self, work: Any) -> Any:
        """Work with a kernel in which student code runs, and so may write on its sockets."""
        try:
            return self._do(work)
        except MALFORMED as error:
            self._kill()
            message = f"its kernel sent a malformed message ({type(error).__name__}: {error})"
            raise CellFailed("died", message[:1000]) from error


async def _cancel_others() -> None:
    """Let go of what still waits for a kernel that has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _exit_text(code: object) -> str:
    if type(code) is int and -code in set(signal.Signals):
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {str(code)[:20]}"
