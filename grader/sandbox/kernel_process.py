"""The student's IPython kernel: ipykernel in a forked job, with requests for the grader's use.

Beside the Jupyter protocol it answers, on the shell channel and so in the main thread:
`grader_fork_request` forks a copy that serves checks, `grader_ended_request` tells how a copy
ended, `grader_live_request` serves checks in the kernel itself (where a fork is not usable),
`grader_failure_request` gives the last exception as data.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import linecache
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.utils.text import LSString, SList

from grader.sandbox import agent, shims
from grader.sandbox.frames import Frames
from grader.sandbox.reader import Reader


class GradedKernel(IPythonKernel):  # type: ignore[misc]  # ipykernel is untyped
    """An IPython kernel that can fork copies of itself to serve the checks of a part."""

    channels: tuple[int, ...] = ()
    device: str | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._drawn = random.getstate()
        self.shell.should_run_async = _answered(self.shell.should_run_async)
        for name in ("fork", "ended", "live", "failure"):
            message = f"grader_{name}_request"
            self.shell_handlers[message] = getattr(self, message)

    async def do_execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell with the random numbers that follow those of the cell before.

        Between cells the kernel's own machinery draws from Python's generator.
        """
        self._go_on_drawing()
        try:
            return await super().do_execute(*args, **kwargs)
        finally:
            self._drawn = random.getstate()

    def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Answer only: a cell that has the kernel shut down or restarted does not end it later.

        The kernel's own would stop its loop a tenth of a second on, within some other cell. A
        request to shut down that comes by the control channel stops the loop itself.
        """
        return {"status": "ok", "restart": restart}

    def _go_on_drawing(self) -> None:
        random.setstate(self._drawn)

    async def grader_fork_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Fork a copy that serves the channel named in the request; its process id."""
        number = parent["content"]["channel"]
        _flush()
        try:
            pid = os.fork()
        except OSError:  # the job's limit on processes, of which those that ended are some
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            self._reply(stream, ident, parent, {"status": "refused"})
            return
        if pid == 0:
            self._go_on_drawing()  # Python seeds `random` anew in every fork
            serve_copy(self.channels, number, self.namespace(), self.cells(), self.device)
        # The copy alone holds the socket: the grader sees its end as the end of the stream.
        os.close(self.channels[number])
        self._reply(stream, ident, parent, {"status": "ok", "pid": pid})

    async def grader_ended_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Reap a copy that has ended and tell its exit code."""
        code = None
        with contextlib.suppress(ChildProcessError):
            code = os.waitstatus_to_exitcode(os.waitpid(parent["content"]["pid"], 0)[1])
        self._reply(stream, ident, parent, {"status": "ok", "code": code})

    async def grader_live_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Serve the channel named in the request in this very process, then go on."""
        kind = Reader if parent["content"]["looks"] else agent.Agent
        with socket.socket(fileno=self.channels[parent["content"]["channel"]]) as channel:
            kind(self.namespace(), Frames(channel), self.cells(), self.device).serve()
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


def _answered(should_run_async: Callable[..., bool]) -> Callable[..., bool]:
    """The same, also for a cell that is too deep to compile: to run it then says so."""

    def ask(*args: Any, **kwargs: Any) -> bool:
        try:
            return should_run_async(*args, **kwargs)
        except (RecursionError, MemoryError):
            return False

    return ask


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a student may have replaced the stream
            stream.flush()


def serve_copy(
    channels: tuple[int, ...],
    number: int,
    namespace: dict[str, Any],
    cells: dict[str, int],
    device: str | None,
) -> None:
    """Serve one session in a forked copy of the kernel and end that process without clean-up.

    Never returns into the kernel whose event loop lies below this call on the stack;
    `os._exit` is used because exit handlers belong to the kernel that was copied.
    """
    code = 1
    try:
        _leave_kernel(channels, number)
        frames = Frames(socket.socket(fileno=channels[number]))
        gc.freeze()  # the collector would write to, and so copy, every page that it looks at
        agent.Agent(namespace, frames, cells, device).serve()
        code = 0
    finally:
        os._exit(code)


def _leave_kernel(channels: tuple[int, ...], number: int) -> None:
    """Let go of what belongs to the copied kernel: its streams and the other channels."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout = sys.stderr = agent.BoundedText()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for other in channels[number + 1 :]:  # the earlier ones are closed already
        os.close(other)
    # The kernel's connection to the grader: a copy that wrote there would break it.
    for own in _open_sockets() - {channels[number]}:
        os.dup2(null, own)


def run(request: dict[str, Any], fds: list[int], seal: Callable[[], None]) -> None:
    """Become the kernel of one job: `fds` are the ready pipe and the channel sockets.

    Once the kernel's sockets are bound it calls `seal` and writes one byte to the ready pipe.
    """
    import torch

    torch.set_num_threads(1)
    shims.install(request["shims"])
    GradedKernel.channels, GradedKernel.device = tuple(fds[1:]), request["device"]
    app = _application(request["connection_file"])
    _keep_alive(app.shell)
    app.shell.user_ns.pop("grader", None)
    # The start-up itself has drawn from some of them.
    agent.seed(request["seed"], request["device"])
    app.kernel._drawn = random.getstate()
    seal()
    os.write(fds[0], b"R")
    os.close(fds[0])
    app.start()


def _open_sockets() -> set[int]:
    """Descriptors of this process that are sockets."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists the folder is closed again
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.add(int(name))
    return found


def _application(connection_file: str) -> Any:
    # Prints of forked workers would need a TCP port, which the sandbox refuses; they are lost.
    warnings.filterwarnings("ignore", message="Couldn't bind IOPub Pipe")
    app = IPKernelApp.instance()
    app.kernel_class = GradedKernel
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
    shell.keepkernel_on_exit = True  # for what asks the shell itself to exit
    shell.system, shell.getoutput = _shell_lines(shell)
    for magic in ("pip", "conda", "uv"):
        shell.register_magic_function(_not_installed(magic), "line", magic)
    shell.kernel.raw_input = lambda prompt="": print(prompt) or ""
    builtins.input = lambda prompt="": print(prompt) or ""


def _shell_lines(shell: Any) -> tuple[Any, Any]:
    """`!line` and `names = !line` without a terminal of their own, which the sandbox refuses."""

    def run(command: str, depth: int) -> subprocess.CompletedProcess[str]:
        expanded = shell.var_expand(command, depth=depth + 1)
        return subprocess.run(
            expanded, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip

    def system(command: str) -> None:
        done = run(command, 1)
        print(done.stdout, end="")
        shell.user_ns["_exit_code"] = done.returncode

    def getoutput(command: str, split: bool = True, depth: int = 0) -> Any:
        text = run(command, depth + 1).stdout
        return SList(text.splitlines()) if split else LSString(text)

    return system, getoutput


def _not_installed(name: str) -> Any:
    def magic(line: str) -> None:
        print(f"The grader has its packages installed; not carried out: %{name} {line}")

    return magic
