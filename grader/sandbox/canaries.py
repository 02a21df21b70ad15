"""Each layer of the sandbox tried from inside, before a batch: `enforced` becomes `(tested)`.

A job like a submission's runs `canary_cell`, which tries to do what the layers should stop.
Traps outside tell what reached them: listeners, a process to signal, what was left running.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from grader.errors import GraderError
from grader.sandbox.launcher import Launcher
from grader.sandbox.notebook_run import CellFailed, NotebookRun
from grader.sandbox.spec import JobSpec
from grader.sandbox.tiers import LayerStates

TESTED = "enforced (tested)"
#: Layers that `--require-isolation` asks for.
REQUIRED = {
    "none": (),
    "standard": ("files", "network", "signals", "no new privileges"),
    "strict": (
        "files", "network", "signals", "no new privileges", "capabilities", "system calls",
        "processes seen", "processes", "memory", "disk", "left behind",
    ),
}  # fmt: skip
_NAMESPACES = (
    "namespaces: run in a VM or a container that allows them, or let ordinary users make them "
    "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
)
_GROUPS = (
    "control groups that the grader may make: run it as root of a container or a virtual machine, "
    "or with groups delegated (systemd-run --user --scope -p Delegate=yes grader …)"
)
#: How to get what is missing.
MENDS = {
    "files": f"Linux 5.13 or later with Landlock, or {_NAMESPACES}",
    "network": f"Linux 6.7 or later with Landlock, or {_NAMESPACES}",
    "signals": f"Linux 6.12 or later with Landlock, or {_NAMESPACES}",
    "system calls": "libseccomp: apt install libseccomp2, pip install pyseccomp",
    "processes seen": _NAMESPACES,
    "disk": _NAMESPACES,
    "left behind": _NAMESPACES,
    "memory": _GROUPS,
    "processes": _GROUPS,
    "no new privileges": "Linux 3.5 or later",
    "capabilities": "Linux 3.5 or later",
    "user": "root in a VM or a container: then each job gets a user id of its own",
}
_SPEC = JobSpec(sessions=1, memory_mb=1024, processes=128, file_mb=8, disk_mb=64)
_OPEN_FILES, _CELL_S, _GONE_S = 1024, 60, 3.0


class Trap:
    """What student code should not reach: a file, listeners, a process; they tell if it did."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        # A number that is nobody else's: `sleep` takes it for its seconds.
        self.token, self.daemon = (f"9{secrets.randbelow(10**12):012}" for _ in range(2))

    def __enter__(self) -> Trap:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="canary-")))
        folder.chmod(0o755)
        self.secret = folder / "secret.txt"
        self.secret.write_text(self.token, encoding="utf-8")
        self._streams = [
            self._listener(socket.AF_INET, ("127.0.0.1", 0)),
            self._listener(socket.AF_UNIX, str(folder / "socket")),
            self._listener(socket.AF_UNIX, f"\0{self.token}"),
        ]
        self._datagrams = self._bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self.victim = subprocess.Popen(["sleep", self.token])
        self._stack.callback(self._end, self.victim)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _bound(self, family: int, kind: int, address: Any) -> socket.socket:
        made = self._stack.enter_context(socket.socket(family, kind))
        made.setblocking(False)
        made.bind(address)
        return made

    def _listener(self, family: int, address: Any) -> socket.socket:
        made = self._bound(family, socket.SOCK_STREAM, address)
        made.listen()
        return made

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    def told(self, spec: JobSpec) -> dict[str, Any]:
        """What the cell of such a job needs to know."""
        tcp, unix, _ = self._streams
        return {
            "secret": str(self.secret),
            "tcp": tcp.getsockname()[1],
            "udp": self._datagrams.getsockname()[1],
            "unix": unix.getsockname(),
            "abstract": self.token,
            "victim": self.victim.pid,
            "token": self.token,
            "daemon": self.daemon,
            "open_files": _OPEN_FILES,
            "memory_mb": spec.memory_mb,
            "processes": spec.processes,
            "file_mb": spec.file_mb,
            "disk_mb": spec.disk_mb,
        }

    def heard(self) -> dict[str, list[str]]:
        """What came through to the outside, by layer."""
        names = ("TCP", "a Unix socket", "an abstract Unix socket")
        network = [
            f"{name} of the grader's was reached"
            for name, stream in zip(names, self._streams, strict=True)
            if _was_called(stream)
        ]
        with contextlib.suppress(BlockingIOError):
            self._datagrams.recv(100)
            network.append("UDP of the grader's was reached")
        felt = ["a process of the grader's was signalled"] if self.victim.poll() is not None else []
        return {"network": network, "signals": felt}

    def left(self) -> list[str]:
        """What still runs of the job, after its end."""
        deadline = time.monotonic() + _GONE_S
        while pids := _running(self.daemon):
            if time.monotonic() > deadline:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return ["a process outlived the job"]
            time.sleep(0.02)
        return []


def _was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _running(argument: str) -> list[int]:
    """Processes that were started with an argument, by /proc or by ps."""
    if os.path.isdir("/proc/self"):
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if argument.encode() in Path("/proc", name, "cmdline").read_bytes().split(b"\0"):
                    found.append(int(name))
        return found
    listing = subprocess.run(["ps", "-axo", "pid=,args="], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if argument in line.split()[1:]]


def try_layers(launcher: Launcher) -> LayerStates:
    """The layers of a job of this launcher, each as it was found from inside one.

    Raises GraderError where no job can be run at all.
    """
    cell = nbformat.v4.new_code_cell()
    notebook = nbformat.v4.new_notebook(cells=[cell])
    spec = replace(_SPEC, processes=_SPEC.processes + _tasks_of_this_user())
    with Trap() as trap:
        run = NotebookRun(notebook, launcher, spec)
        try:
            run.start()
            layers = dict(run.job.layers)
            told = {**trap.told(spec), "layers": sorted(layers)}
            cell.source = _source(told)
            run.execute(cell, 0, _CELL_S)
            inside = json.loads(_printed(cell))
        except (CellFailed, ValueError, LookupError) as error:
            raise GraderError(f"the sandbox could not be tested from inside: {error}") from error
        finally:
            run.close()
        through = {**inside, **trap.heard(), "left behind": trap.left()}
    layers.setdefault("left behind", ("enforced", "every process ends with its job"))
    return {name: _found(state, through.get(name)) for name, state in layers.items()}


def _tasks_of_this_user() -> int:
    """Threads that a limit on an ordinary user's processes counts besides those of the job."""
    if os.getuid() == 0 or not os.path.isdir("/proc/self"):
        return 0
    count = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid():
                count += len(os.listdir(path / "task"))
    return count


def _source(told: dict[str, Any]) -> str:
    code = Path(__file__).with_name("canary_cell.py").read_text(encoding="utf-8")
    return f"{code}\n\nimport json\nprint('canaries', json.dumps(sing({told!r})))"


def _printed(cell: nbformat.NotebookNode) -> str:
    text = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    return text.rsplit("canaries ", 1)[1]


def _found(state: tuple[str, str], through: list[str] | None) -> tuple[str, str]:
    """The state of a layer after its canaries; None where it has none."""
    if through is None or state[0] == "absent":
        return state
    if through:
        told = f"tested: {'; '.join(through)}"
        known = state[0] == "best effort"
        return ("best effort", f"{state[1]}; {told}") if known else ("absent", told)
    return (TESTED, state[1]) if state[0] == "enforced" else state


def as_tested(layers: LayerStates, found: LayerStates) -> LayerStates:
    """A job's layers, with what was found of them before the batch."""
    now = {n: found[n] if s[0] == "enforced" and n in found else s for n, s in layers.items()}
    return {**{n: s for n, s in found.items() if layers}, **now}


def missing(level: str, layers: LayerStates) -> dict[str, str]:
    """The layers that a level asks for and that do not hold, with what is known of each.

    For `standard` best effort is enough.
    """
    enough = {"enforced", TESTED} | ({"best effort"} if level == "standard" else set())
    lacking = {}
    for name in REQUIRED[level]:
        state, detail = layers.get(name, ("absent", ""))
        if state not in enough:
            lacking[name] = f"{state} ({detail})" if detail else state
    return lacking
