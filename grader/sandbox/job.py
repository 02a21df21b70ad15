"""One job inside the zygote's child: a supervisor that outlives the student's kernel.

The supervisor forks the kernel, which confines itself before student code runs, and ends every
descendant when the grader asks for it or hangs up, and when the zygote ends. It tells the grader
on its control socket, one JSON object per datagram: `confined` with the layers, `ended` with
the kernel's exit code, `out of memory` with how many processes were killed for that.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from grader.sandbox.tiers import TIERS, LayerStates, Policy, Tier, system

# How often the supervisor looks whether the kernel has ended or used too much memory: well within
# the time that the grader waits to be told of that.
_LOOK_MS = 50


def supervise(request: dict[str, Any], fds: list[int]) -> int:
    """Run one job to its end; `fds` are the control socket and the kernel's descriptors."""
    if os.getsid(0) != os.getpid():  # a cold start leads its session already
        os.setsid()
    _set_environment(request["environment"])
    policy = Policy.from_json(request["policy"])
    tier = TIERS[request["tier"]]()
    layers = tier.enclose(policy, lambda folder: _fill(Path(folder), request, policy.user))
    _become_reaper()
    os.chdir(request["work"])
    control = socket.socket(fileno=fds[0])
    kernel = os.fork()
    if kernel == 0:
        _run_kernel(control, request, fds[1:], tier, policy, layers)
    for fd in fds[1:]:
        os.close(fd)
    try:
        signal.signal(signal.SIGTERM, _leave)
        if os.getpid() != 1:  # the first process of a namespace ends with the one outside
            _prctl(system.PR_SET_PDEATHSIG, signal.SIGTERM)
        return _watch(control, kernel, tier)
    except (SystemExit, ConnectionError):
        return 1  # the zygote or the grader is gone
    finally:
        kill_descendants()


def _fill(folder: Path, request: dict[str, Any], user: int | None) -> None:
    """Put the job's data and the files that came with the submission into its folder."""
    for name in ("work", "home", "tmp"):
        (folder / name).mkdir(mode=0o700)
    work = folder / "work"
    for source in request["data"]:
        shutil.copytree(source, work, dirs_exist_ok=True)
    for relative, path in request["files"].items():
        target = work / relative
        if target.is_relative_to(work) and ".." not in target.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, target)
    if user is not None:
        for name in ("work", "home", "tmp", "ipc"):
            for place, _, files in os.walk(folder / name):
                for one in (place, *(os.path.join(place, file) for file in files)):
                    os.chown(one, user, user)


def _copy(path: str, target: Path) -> None:
    """Copy an ordinary file; one that has become a link or a pipe since it was listed is not."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source, target.open("wb") as copy:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{target.name} is no ordinary file any more")
        shutil.copyfileobj(source, copy)


def _run_kernel(
    control: socket.socket,
    request: dict[str, Any],
    fds: list[int],
    tier: Tier,
    policy: Policy,
    layers: LayerStates,
) -> None:
    from grader.sandbox import kernel_process

    code = 1
    try:
        # The supervisor stays outside, so that student code cannot signal it.
        layers = {**layers, **tier.confine(policy)}
        _prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user would take it back
        control.send(json.dumps({"confined": layers}).encode())
        control.close()
        kernel_process.run(request, fds, lambda: tier.seal(policy))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def _watch(control: socket.socket, kernel: int, tier: Tier) -> int:
    """Until the grader hangs up: pass on interrupts, report the kernel's end, reap orphans."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    alive, killed = True, 0
    while True:
        if poll.poll(_LOOK_MS):
            order = json.loads(control.recv(1 << 16) or '{"do": "end"}')
            if order["do"] == "end":
                return 0
            if order["do"] == "kill":
                _kill({order["pid"]} & set(_descendants(os.getpid())))  # the kernel named it
            elif order["do"] == "clear":
                _kill(set(_descendants(os.getpid())) - {kernel})
            elif alive:
                os.kill(kernel, getattr(signal, order["signal"]))
        reaped = _reaped()
        if tier.killed_for_memory() > killed:  # before the end that it explains
            killed = tier.killed_for_memory()
            control.send(json.dumps({"out of memory": killed}).encode())
        for pid, status in reaped:
            if pid == kernel:
                alive = False
                code = os.waitstatus_to_exitcode(status)
                control.send(json.dumps({"ended": code}).encode())


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reaped() -> list[tuple[int, int]]:
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _become_reaper() -> None:
    """Orphans of the job come to this process."""
    _prctl(system.PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        system.prctl(option, value)


def _leave(*_: object) -> None:
    """The zygote has ended: leave by way of the clean-up, which a plain kill would skip."""
    sys.exit(1)


def _set_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # the zygote may have asked for it, and it is kept


def kill_descendants(patience_s: float = 2.0) -> None:
    """Kill every process below this one, daemons included, and reap what it leaves.

    A walk is repeated until nothing is left, since a process may fork while it is killed.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        victims = _descendants(os.getpid())
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reaped()
        if not victims:
            return
        time.sleep(0.002)


def _descendants(root: int) -> list[int]:
    """Pids below `root`, by the children lists of /proc, or by `ps` where there is none."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _parents() -> list[tuple[int, int]]:
    if not os.path.isdir("/proc/self"):
        import subprocess

        listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True)
        pairs = [line.split() for line in listing.stdout.splitlines()]
        return [(int(pid), int(parent)) for pid, parent in pairs]
    pairs_found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                after_name = file.read().rpartition(b")")[2].split()
                pairs_found.append((int(name), int(after_name[1])))
    return pairs_found
