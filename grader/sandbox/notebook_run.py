"""Drives one notebook cell by cell in a job's kernel, with nbclient over Unix sockets.

The kernel is started by a jupyter_client provisioner of ours, which waits for the child's own
ready signal: the client's polling would cost most of a second.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionComplete,
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

from grader.errors import GraderError
from grader.sandbox.frames import WireError, parse_json
from grader.sandbox.launcher import Job, Launcher
from grader.sandbox.spec import JobSpec

_PORTS = {
    f"{name}_port": n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)
}
# How long an interrupted cell may take to stop before its kernel is given up.
_INTERRUPT_S = 3.0
# The longest message that is taken from a kernel, and how much output of a cell is kept.
_MESSAGE_BYTES = 64 << 20
_OUTPUT_BYTES = 16 << 20

# What jupyter_client and nbclient raise on messages that no honest kernel sends.
_MALFORMED = (
    WireError, ValueError, LookupError, TypeError, AttributeError, AssertionError, zmq.ZMQError,
)  # fmt: skip
# A student's code can break the kernel's connection: nothing may wait for it for ever.
_SEND_MS = 3000
_CLEARED_S = 1.0
# How long the end of a process may be known before its cause: the job looks every 50 ms.
_TOLD_S = 0.25
_ENDED_S = 4.0


class JobProvisioner(KernelProvisionerBase):  # type: ignore[misc]  # jupyter_client is untyped
    """Starts a kernel as a job of a launcher."""

    launcher: Launcher
    spec: JobSpec
    job: Job | None = None

    @property
    def has_process(self) -> bool:
        """Whether the job was started and has not been cleaned up."""
        return self.job is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing to prepare: there is no command line."""
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start the job and wait until its kernel listens."""
        key = self.parent.session.key.decode()
        scheme = self.parent.session.signature_scheme
        told = {**_PORTS, "key": key, "signature_scheme": scheme, "kernel_name": ""}
        self.job = self.launcher.launch(self.spec, told)
        self.job.wait_ready()
        address = str(self.job.folder / "ipc" / "k")
        return {**_PORTS, "transport": "ipc", "ip": address, "key": key.encode(),
                "signature_scheme": scheme}  # fmt: skip

    async def poll(self) -> int | None:
        """The kernel's exit code, None while it runs.

        What nbclient asks in the background may not raise: a cell would be waited for to the end
        of its limit. `NotebookRun.execute` asks again.
        """
        try:
            return self.job.poll() if self.job else 0
        except GraderError:
            return 1

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        while self.job and self.job.poll() is None:
            await asyncio.sleep(0.01)
        return 0

    async def send_signal(self, signum: int) -> None:
        """Pass a signal on to the kernel."""
        if self.job:
            self.job.signal(signal.Signals(signum).name)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Kill the kernel: it has nothing to save."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """End the job and everything that it started."""
        if self.job:
            self.job.end()
            self.job = None


class _Client(AsyncKernelClient):  # type: ignore[misc]  # jupyter_client is untyped
    """A kernel client without heartbeats, connected to a kernel that is known to be ready."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """One round trip, so that the first cell's output finds the subscription in place."""
        while True:
            self.kernel_info()
            await asyncio.wait_for(self.shell_channel.get_msg(), timeout)
            if await self.iopub_channel.msg_ready():
                return
            await asyncio.sleep(0.002)


class _BoundedClient(NotebookClient):  # type: ignore[misc]  # nbclient is untyped
    """An nbclient that keeps the first outputs of a cell and drops a flood of them.

    `complete` says whether the last cell's outputs came to their end: they do not where a
    message was too long, and the connection then stays closed.
    """

    room = _OUTPUT_BYTES
    complete = True

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Take in one message and note the last one."""
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            self.complete = True
            raise

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Keep one output while there is room, then one line that says what was dropped."""
        if self.room <= 0:
            return None
        self.room -= len(json.dumps(msg["content"]))
        if self.room > 0:
            return super().output(outs, msg, display_id, cell_index)
        self.note_loss(outs)
        return None

    def note_loss(self, outs: Any) -> None:
        """Say among a cell's outputs that there were more of them."""
        text = f"The output of this cell beyond {_OUTPUT_BYTES >> 20} MiB was dropped.\n"
        outs.append(nbformat.v4.new_output("stream", name="stderr", text=text))


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
        manager = AsyncKernelManager()
        self._provisioner = JobProvisioner(parent=manager)
        self._provisioner.launcher, self._provisioner.spec = launcher, spec
        manager.provisioner = self._provisioner
        manager.client_factory = _Client
        manager.session.unpack = parse_json
        manager.context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_BYTES)
        manager.context.setsockopt(zmq.SNDTIMEO, _SEND_MS)
        self._manager = manager
        self._client = _BoundedClient(notebook, km=manager, timeout=None, store_widget_state=False)
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
        self._client.room, self._client.complete = _OUTPUT_BYTES, False
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
        except _MALFORMED as error:
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
