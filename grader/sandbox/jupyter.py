"""Jupyter's parts as a job needs them: the kernel is a process of ours, and its client is on guard.

The kernel is started by a jupyter_client provisioner of ours, which waits for the child's own
ready signal: the client's polling would cost most of a second.
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from grader.errors import GraderError
from grader.sandbox.frames import WireError, parse_json
from grader.sandbox.launcher import Job, Launcher
from grader.sandbox.spec import JobSpec

_PORTS = {
    f"{name}_port": n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)
}
# The longest message that is taken from a kernel, and how much output of a cell is kept.
_MESSAGE_BYTES = 64 << 20
OUTPUT_BYTES = 16 << 20
# A student's code can break the kernel's connection: nothing may wait for it for ever.
_SEND_MS = 3000

# What jupyter_client and nbclient raise on messages that no honest kernel sends.
MALFORMED = (
    WireError, ValueError, LookupError, TypeError, AttributeError, AssertionError, zmq.ZMQError,
)  # fmt: skip


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


class BoundedClient(NotebookClient):  # type: ignore[misc]  # nbclient is untyped
    """An nbclient that keeps the first outputs of a cell and drops a flood of them.

    `complete` says whether the last cell's outputs came to their end: they do not where a
    message was too long, and the connection then stays closed.
    """

    room = OUTPUT_BYTES
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
        text = f"The output of this cell beyond {OUTPUT_BYTES >> 20} MiB was dropped.\n"
        outs.append(nbformat.v4.new_output("stream", name="stderr", text=text))


def make_manager(launcher: Launcher, spec: JobSpec) -> tuple[AsyncKernelManager, JobProvisioner]:
    """A manager for one kernel, a job of that launcher, and what starts it."""
    manager = AsyncKernelManager()
    provisioner = JobProvisioner(parent=manager)
    provisioner.launcher, provisioner.spec = launcher, spec
    manager.provisioner = provisioner
    manager.client_factory = _Client
    manager.session.unpack = parse_json
    manager.context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_BYTES)
    manager.context.setsockopt(zmq.SNDTIMEO, _SEND_MS)
    return manager, provisioner
