"""The full tier: namespaces around the job, a root of its own, and all that one can do inside.

Root makes the namespaces as root, and gives each job a user id and a control group of its own;
an ordinary user makes them inside a user namespace, where the kernel allows that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from grader.sandbox.tiers import system
from grader.sandbox.tiers.base import Fill, LayerStates, Policy, Tier
from grader.sandbox.tiers.cgroups import ControlGroup, group_name
from grader.sandbox.tiers.landlock import landlock_version, restrict_paths, stop_writing
from grader.sandbox.tiers.mounts import enter_own_root
from grader.sandbox.tiers.privileges import filter_syscalls, give_up_privileges, job_user
from grader.sandbox.tiers.process import limit_resources

_SPACES = (
    system.CLONE_NEWNS | system.CLONE_NEWPID | system.CLONE_NEWNET | system.CLONE_NEWIPC
    | system.CLONE_NEWUTS
)  # fmt: skip
# Folders of every job's own root that student code may write to, beside its own.
_WRITABLE = ("/tmp", "/dev/shm")
# The control group's limit lies above that of a single process, which ends in a MemoryError.
_SPARE_MB = 128


class NamespaceTier(Tier):
    """Namespaces, a root and a network of the job's own, Landlock and seccomp inside."""

    name = "namespaces"
    has_own_root = True

    def __init__(self) -> None:
        self._group: ControlGroup | None = None

    @staticmethod
    def available() -> bool:
        """Whether a process of this user can make all of it: tried in one, once."""
        return sys.platform == "linux" and system.known_machine() and _can_be_made()

    def user(self, needed: Iterable[str]) -> int | None:
        """One of the job's own: whatever it needs is shown in a root that all may enter."""
        return job_user(())

    def enclose(self, policy: Policy, fill: Fill) -> LayerStates:
        """Make the namespaces; returns in the first process inside, which ends all with it."""
        states: LayerStates = {}
        is_root = os.getuid() == 0
        try:
            self._group = ControlGroup.make(
                policy.group, policy.memory_mb + _SPARE_MB, policy.processes
            )
            states.update(self._group.states(policy.memory_mb + _SPARE_MB, policy.processes))
        except OSError as error:
            states["memory"] = ("best effort", f"for each process alone: {error.strerror}")
        user, group = os.getuid(), os.getgid()
        system.unshare(_SPACES if is_root else _SPACES | system.CLONE_NEWUSER)
        if not is_root:
            system.map_to_itself(user, group)
        init = os.fork()
        if init:
            _wait(init, self._group)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if self._group is not None:
            self._group.join()
        system.unshare(system.CLONE_NEWCGROUP)
        system.bring_loopback_up()
        enter_own_root(policy, fill)
        system.prctl(system.PR_SET_DUMPABLE, 0)  # out of reach for a job of the same user
        return states | {
            "disk": ("enforced", f"{policy.disk_mb} MiB and {policy.disk_files} files in memory"),
            "processes seen": ("enforced", "its own only"),
        }

    def confine(self, policy: Policy) -> LayerStates:
        """Everything that a process can do to itself."""
        if self._group is not None:
            self._group.let_go()
        states = give_up_privileges(policy)
        states.update(limit_resources(policy))
        system.prctl(system.PR_SET_DUMPABLE, 1)
        if landlock_version() >= 1:
            restrict_paths(_inside(policy), private=True)
        states |= {
            "files": ("enforced", "a root of its own: the libraries read-only, and its folder"),
            "network": ("enforced", "none but its own loopback"),
            "signals": ("enforced", "to its own processes only"),
        }
        return states | filter_syscalls(policy)

    def seal(self, policy: Policy) -> None:
        """The folder of the sockets is the grader's too, and on its disk."""
        if landlock_version() >= 1:
            stop_writing([p for p in _inside(policy).writable if p != policy.sockets])

    def killed_for_memory(self) -> int:
        """As the control group counts."""
        return self._group.killed_for_memory() if self._group is not None else 0


def _inside(policy: Policy) -> Policy:
    return Policy.from_json({**policy.to_json(), "writable": [*policy.writable, *_WRITABLE]})


def _wait(init: int, group: ControlGroup | None) -> None:
    """Outside: wait for the first process inside and end as it did. Never returns."""
    code = 1
    try:
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)  # and the one inside with this
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the grader is to see the end of the inside
        _, status = os.waitpid(init, 0)
        code = max(os.waitstatus_to_exitcode(status), 0)
        if group is not None:
            group.remove()
    finally:
        os._exit(code)


@functools.cache
def _can_be_made() -> bool:
    # Ctrl-C, or a worker's dismissal, comes afterwards: it is not to look as if something could
    # not be had, and what it raises would be lost in what Python does around a fork.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        with tempfile.TemporaryDirectory() as folder:
            pid = os.fork()
            if pid == 0:
                code = 1
                # What cannot be had shows in the exit code.
                with contextlib.suppress(BaseException):
                    _try_it(folder)
                    code = 0
                os._exit(code)
            return os.waitpid(pid, 0)[1] == 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _try_it(folder: str) -> None:
    policy = Policy(
        (), ("/usr",), 60, 1024, 64, 64,
        folder=folder, group=group_name(), sockets=f"{folder}/ipc",
    )  # fmt: skip
    Path(policy.sockets).mkdir()
    NamespaceTier().enclose(policy, lambda place: None)
