"""The grader's end of a job: start it, signal it, learn of its end, end it.

`WarmLauncher` asks a zygote to fork the job, in milliseconds; `ColdLauncher` starts a new
interpreter for it and works wherever there is Python. Both give a `Job`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from grader.errors import GraderError
from grader.sandbox.spec import SINGLE_THREAD, JobSpec, request
from grader.sandbox.tiers import LayerStates
from grader.sandbox.tiers.cgroups import group_name, remove_groups, settle

_START_S = 120.0
_LOG_BYTES = 4000
# A Unix socket's path has at most 107 bytes, and ours end in "/JOB/ipc/k-1".
_LONGEST_FOLDER = 60


class Job:
    """A running job: its folders, its control socket and the grader's ends of its channels."""

    def __init__(self, folder: Path, control: socket.socket, ready: int) -> None:
        self.folder = folder
        self.layers: dict[str, tuple[str, str]] = {}
        self.exit_code: int | None = None
        self.killed_for_memory = 0
        self.channels: list[socket.socket] = []
        self._control = control
        self._ready = ready
        self._ended = False

    @property
    def work(self) -> Path:
        """The student's working folder."""
        return self.folder / "work"

    @property
    def connection_file(self) -> Path:
        """Where the kernel reads its Jupyter connection."""
        return self.folder / "ipc" / "kernel.json"

    def wait_ready(self) -> None:
        """Block until the kernel has bound its sockets. Raises GraderError if it never does."""
        if _readable(self._ready, _START_S) and os.read(self._ready, 1) == b"R":
            self.poll()
            return
        _readable(self._control, 1.0)  # the supervisor tells the exit code a moment later
        self.poll()
        raise GraderError(f"the student's kernel did not start (exit code {self.exit_code})")

    def poll(self) -> int | None:
        """The kernel's exit code, or None while it runs; reads what the job has told."""
        while not self._ended and _readable(self._control, 0):
            data = self._read_control()
            if not data:
                if self.exit_code is None:
                    raise GraderError("the process that watches over the notebook's was killed")
                break
            told = json.loads(data)
            if "confined" in told:
                self.layers = {name: tuple(state) for name, state in told["confined"].items()}
            self.killed_for_memory = told.get("out of memory", self.killed_for_memory)
            if "ended" in told:
                self.exit_code = told["ended"]
        return self.exit_code

    def _read_control(self) -> bytes:
        try:
            return self._control.recv(1 << 16)
        except ConnectionError:
            return b""

    def signal(self, name: str) -> None:
        """Send the kernel a signal by its name, if the job is still there."""
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"do": "signal", "signal": name}).encode())

    def kill(self, pid: int) -> None:
        """Kill one process of the job: the supervisor checks that it is one."""
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"do": "kill", "pid": pid}).encode())

    def clear(self) -> None:
        """Kill every process of the job but the kernel."""
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"do": "clear"}).encode())

    def end(self) -> None:
        """End every process of the job and remove its folders."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"do": "end"}).encode())
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if _readable(self._control, 0.05) and not self._read_control():
                break
        self._control.close()
        os.close(self._ready)
        for channel in self.channels:
            channel.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Launcher(ABC):
    """Starts jobs."""

    #: How the kernel comes to be, for the report.
    kernel: str

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="grader-", dir=_short_folder()))
        self._folder.chmod(0o711)  # jobs of other users pass through it
        settle()
        self._groups = group_name()
        #: What `canaries.try_layers` found of its jobs' layers; empty where nobody has asked.
        self.tested: LayerStates = {}
        # What a process of the sandbox says on stderr never reaches the grader's own terminal.
        self._log = (self._folder / "stderr.txt").open("wb")

    def launch(self, spec: JobSpec, connection: dict[str, Any]) -> Job:
        """Start one job whose kernel listens as `connection` says.

        Raises GraderError where its folder or its sockets cannot be made.
        """
        try:
            return self._launch(spec, connection)
        except OSError as error:
            where = error.filename or self._folder
            raise GraderError(f"no job could be started: {error.strerror} ({where})") from error

    def _launch(self, spec: JobSpec, connection: dict[str, Any]) -> Job:
        folder = self._folder / secrets.token_hex(6)
        (folder / "ipc").mkdir(parents=True)
        folder.chmod(0o711)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ready, ready_child = os.pipe()
        job = Job(folder, ours, ready)
        connection = {**connection, "transport": "ipc", "ip": str(folder / "ipc" / "k")}
        ends = [theirs]
        for _ in range(spec.sessions):
            channel, channel_child = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            job.channels.append(channel)
            ends.append(channel_child)
        fds = [theirs.fileno(), ready_child, *(end.fileno() for end in ends[1:])]
        started = False
        try:
            job.connection_file.write_text(json.dumps(connection), encoding="utf-8")
            self._start(request(spec, job.folder, self._groups), fds)
            started = True
        finally:
            os.close(ready_child)
            for end in ends:
                end.close()
            if not started:
                job.end()
        return job

    def wait_ready(self) -> None:  # noqa: B027  # nothing to wait for is a good default
        """Block until a job can be started without delay."""

    @abstractmethod
    def _start(self, request: dict[str, Any], fds: list[int]) -> None:
        """Have a process run `job.supervise(request, fds)`."""

    def said(self) -> str:
        """The end of what processes of the sandbox said on stderr, made safe to print."""
        self._log.flush()
        text = (self._folder / "stderr.txt").read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in text).strip()

    def close(self) -> None:
        """Let go of what the launcher holds."""
        remove_groups(self._groups)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _short_folder() -> str | None:
    """Where job folders are made: in the temporary folder, or /tmp where its path is too long."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= _LONGEST_FOLDER:
        return None
    if os.access("/tmp", os.W_OK):
        return "/tmp"
    raise GraderError(f"TMPDIR={usual} is too long for sockets: choose one below 60 characters")


def _readable(source: socket.socket | int, patience_s: float) -> bool:
    """Whether `source` has something to read within that time; descriptors may be above 1023."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    return bool(poll.poll(patience_s * 1000))


class WarmLauncher(Launcher):
    """Forks each job from one zygote that has everything imported."""

    kernel = "warm fork"

    def __init__(self, preload: Sequence[str]) -> None:
        super().__init__()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = _spawn(
            "grader.sandbox.zygote",
            [str(theirs.fileno()), json.dumps(list(preload))],
            [theirs.fileno()],
            self._log,
        )
        theirs.close()
        self._ready = False
        self._cpu_s = 0.0
        self._running = 0
        self.missing: dict[str, str] = {}

    @staticmethod
    def available() -> bool:
        """Whether this system can fork a process that has torch loaded, safely."""
        return sys.platform == "linux"

    def wait_ready(self) -> None:
        """Block until the zygote has its imports. Raises GraderError if it never does."""
        if self._ready:
            return
        if not _readable(self._channel, _START_S):
            raise GraderError(f"the warm process was not ready within {_START_S:.0f} s")
        told = self._receive()
        self.missing = told["missing"]
        if told["threads"] > 1:
            raise GraderError(f"the warm process has {told['threads']} threads: a fork could hang")
        self._ready = True

    def last_job_cpu_s(self, patience_s: float = 5.0) -> float:
        """CPU seconds of the job that ended last and of all that it started."""
        deadline = time.monotonic() + patience_s
        while self._running and time.monotonic() < deadline:
            self._hear(0.02)
        return self._cpu_s

    def _hear(self, patience_s: float = 0.0) -> None:
        """Take in what the zygote has said, so that it never blocks in saying it."""
        while _readable(self._channel, patience_s):
            self._cpu_s = self._receive()["cpu_s"]
            self._running -= 1
            patience_s = 0.0

    def _receive(self) -> dict[str, Any]:
        with contextlib.suppress(ConnectionError):
            if data := self._channel.recv(1 << 20):
                told: dict[str, Any] = json.loads(data)
                return told
        raise self._gone()

    def _gone(self) -> GraderError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        code = self._process.returncode
        said = f" It said: {self.said()}" if self.said() else ""
        return GraderError(f"the warm process ended (exit code {code}).{said}")

    def _start(self, request: dict[str, Any], fds: list[int]) -> None:
        self.wait_ready()
        self._hear()
        self._running += 1
        try:
            socket.send_fds(self._channel, [json.dumps(request).encode()], fds)
        except ConnectionError:
            raise self._gone() from None

    def close(self) -> None:
        """End the zygote and every job that it still has."""
        self._channel.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        super().close()


class ColdLauncher(Launcher):
    """Starts a new interpreter for each job: seconds instead of milliseconds, no snapshots."""

    kernel = "cold start"

    def __init__(self, preload: Sequence[str] = ()) -> None:
        super().__init__()
        self._preload = list(preload)
        self._processes: list[subprocess.Popen[bytes]] = []

    def _start(self, request: dict[str, Any], fds: list[int]) -> None:
        told = json.dumps({"request": request, "fds": fds, "preload": self._preload})
        self._processes.append(_spawn("grader.sandbox.cold", [told], fds, self._log))

    def close(self) -> None:
        """Wait for the interpreters, which end when their control sockets close."""
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()
        super().close()


def _spawn(
    module: str, arguments: list[str], fds: list[int], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a module of ours with a clean environment, isolated from the caller's."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8", **SINGLE_THREAD}
    environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the kernel's debugger would warn
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    environment["MPLCONFIGDIR"] = str(Path(tempfile.gettempdir()) / f"grader-mpl-{os.getuid()}")
    return subprocess.Popen(
        [sys.executable, "-I", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        pass_fds=fds,
        env=environment,
        start_new_session=True,
    )
