"""The student's IPython kernel: ipykernel in a forked job, with requests for the grader's use.

Beside the Jupyter protocol it answers, on the shell channel and so in the main thread:
`grader_snapshot_request` forks a paused copy that serves checks, `grader_live_request` serves
checks in the kernel itself (where a fork is not usable), `grader_failure_request` gives the
last exception as data.
"""

from __future__ import annotations

import builtins
import contextlib
import linecache
import os
import select
import signal
import socket
import sys
import types
import warnings
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from grader.sandbox import agent, shims
from grader.sandbox.wire import Frames

_WAIT_MS = 20


class SnapshotKernel(IPythonKernel):  # type: ignore[misc]  # ipykernel is untyped
    """An IPython kernel that can fork a paused copy of itself for the checks of a part."""

    channels: tuple[tuple[int, int], ...] = ()
    device: str | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("snapshot", "live", "failure"):
            message = f"grader_{name}_request"
            self.shell_handlers[message] = getattr(self, message)

    async def grader_snapshot_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Fork the paused copy that serves the channel named in the request."""
        number = parent["content"]["channel"]
        _flush()
        pid = os.fork()
        if pid == 0:
            _serve_snapshot(self.channels, number, self.namespace(), self.cells(), self.device)
        data, control = self.channels[number]
        os.close(data)
        os.close(control)
        self._reply(stream, ident, parent, {"status": "ok"})

    async def grader_live_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Serve the channel named in the request in this very process, then go on."""
        data, _ = self.channels[parent["content"]["channel"]]
        frames = Frames(socket.socket(fileno=data))
        agent.Agent(self.namespace(), frames, self.cells(), self.device).serve()
        self._reply(stream, ident, parent, {"status": "ok"})

    async def grader_failure_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """The last exception of a cell as data: type, message, frames in the student's cells."""
        error = getattr(sys, "last_value", None)
        told = agent.describe_exception(error, self.cells()) if error is not None else None
        self._reply(stream, ident, parent, {"status": "ok", "raised": told})

    def namespace(self) -> dict[str, Any]:
        """The student's names."""
        space: dict[str, Any] = self.shell.user_ns
        return space

    def cells(self) -> dict[str, int]:
        """Execution count of the cell behind each compiled file name."""
        return dict(self.shell.compile._filename_map)

    def _reply(self, stream: Any, ident: Any, parent: Any, content: dict[str, Any]) -> None:
        name = parent["header"]["msg_type"].replace("_request", "_reply")
        self.session.send(stream, name, content, parent, ident=ident)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a student may have replaced the stream
            stream.flush()


def _serve_snapshot(
    channels: tuple[tuple[int, int], ...],
    number: int,
    namespace: dict[str, Any],
    cells: dict[str, int],
    device: str | None,
) -> None:
    """The paused copy: fork one process for each session that the grader opens.

    Never returns into the kernel whose event loop lies below this call on the stack.
    """
    code = 1
    try:
        _leave_kernel(channels, number)
        data, control = (socket.socket(fileno=fd) for fd in channels[number])
        frames = Frames(data)
        while control.recv(64) == b"open":
            pid = os.fork()
            if pid == 0:
                control.close()
                agent.serve_copy(agent.Agent(namespace, frames, cells, device))
            status = _await_session(control, pid)
            frames.drain()  # a request that was never read must not reach the next session
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
        code = 0
    finally:
        os._exit(code)


def _await_session(control: socket.socket, pid: int) -> int:
    """Wait for the session's process; kill it where the grader says so or hangs up."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    if handle is not None:
        poll.register(handle, select.POLLIN)
    try:
        while True:
            ready = dict(poll.poll(None if handle is not None else _WAIT_MS))
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            if control.fileno() in ready:
                control.recv(64)
                os.kill(pid, signal.SIGKILL)
                return os.waitpid(pid, 0)[1]
    finally:
        if handle is not None:
            os.close(handle)


def _leave_kernel(channels: tuple[tuple[int, int], ...], number: int) -> None:
    """Let go of what belongs to the copied kernel: its streams and the other channels."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout = sys.stderr = agent.BoundedText()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for other, pair in enumerate(channels):
        if other != number:
            for fd in pair:
                with contextlib.suppress(OSError):  # closed when its own snapshot was taken
                    os.close(fd)


def run(request: dict[str, Any], fds: list[int]) -> None:
    """Become the kernel of one job: `fds` are the ready pipe and pairs of channel sockets.

    Writes one byte to the ready pipe once the kernel's sockets are bound.
    """
    import numpy as np
    import torch

    torch.set_num_threads(1)
    agent._seed(request["seed"])
    shims.install(request["shims"])
    pairs = tuple(zip(fds[1::2], fds[2::2], strict=True))
    SnapshotKernel.channels, SnapshotKernel.device = pairs, request["device"]
    app = _application(request["connection_file"])
    _keep_alive(app.shell)
    app.shell.user_ns.pop("grader", None)
    np.random.seed(request["seed"] % 2**32)
    os.write(fds[0], b"R")
    os.close(fds[0])
    app.start()


def _application(connection_file: str) -> Any:
    # Prints of forked workers would need a TCP port, which the sandbox refuses; they are lost.
    warnings.filterwarnings("ignore", message="Couldn't bind IOPub Pipe")
    app = IPKernelApp.instance()
    app.kernel_class = SnapshotKernel
    app.initialize([
        "-f", connection_file,
        "--HistoryManager.enabled=False",
        "--IPKernelApp.matplotlib=inline",
        "--InteractiveShell.xmode=Plain",
        "--InteractiveShell.colors=nocolor",
        "--Completer.use_jedi=False",
    ])  # fmt: skip
    # A student module may itself be called __main__ by tools: run as a notebook does.
    sys.modules["__main__"] = app.shell.user_module
    linecache.checkcache()
    return app


def _keep_alive(shell: Any) -> None:
    """`exit()` and `quit()` in a cell end that cell, not the notebook; `input()` gives ''."""

    def leave(*_: object) -> None:
        raise SystemExit("exit() was called")

    for space in (builtins, shell.user_ns):
        names: dict[str, Any] = space.__dict__ if isinstance(space, types.ModuleType) else space
        names["exit"] = names["quit"] = leave
    for magic in ("pip", "conda", "uv"):
        shell.register_magic_function(_not_installed(magic), "line", magic)
    shell.kernel.raw_input = lambda prompt="": print(prompt) or ""
    builtins.input = lambda prompt="": print(prompt) or ""


def _not_installed(name: str) -> Any:
    def magic(line: str) -> None:
        print(f"The grader has its packages installed; not carried out: %{name} {line}")

    return magic
