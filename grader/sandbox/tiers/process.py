"""The tier that every Unix has: a session of its own and resource limits."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable

from grader.sandbox.tiers import system
from grader.sandbox.tiers.base import LayerStates, Policy, Tier
from grader.sandbox.tiers.privileges import give_up_privileges, job_user

_MIB = 1 << 20


class ProcessTier(Tier):
    """Resource limits, and under Linux's root a user of its own: what everybody may is left."""

    name = "process"

    @staticmethod
    def available() -> bool:
        """True wherever there are resource limits."""
        return True

    def user(self, needed: Iterable[str]) -> int | None:
        """One of the job's own, where root may give one away and knows how to give up the rest."""
        able = sys.platform == "linux" and system.known_machine()
        return job_user(needed) if able else None

    def confine(self, policy: Policy) -> LayerStates:
        """Set the limits, become the job's user, and say that nothing else is confined."""
        states = give_up_privileges(policy) if policy.user is not None else {}
        states.update(limit_resources(policy))
        states["files"] = ("absent", "this system has no Landlock")
        states["network"] = ("absent", "this system has no Landlock")
        return states


def limit_resources(policy: Policy) -> LayerStates:
    """Set the resource limits of `policy` on this process, soft and hard.

    That on CPU time ends it by SIGXCPU, which says why, and a second later by SIGKILL.
    RLIMIT_DATA is used and not RLIMIT_AS, which the stacks and arenas of threads eat up.
    """
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": policy.cpu_s,
        "RLIMIT_DATA": policy.memory_mb * _MIB,
        "RLIMIT_FSIZE": policy.file_mb * _MIB,
        "RLIMIT_NOFILE": policy.open_files,
        "RLIMIT_NPROC": policy.processes,
        "RLIMIT_MSGQUEUE": 0,
    }
    states: LayerStates = {}
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        label = name.removeprefix("RLIMIT_").lower()
        if number is None:
            states[f"rlimit {label}"] = ("absent", "not on this system")
            continue
        _, hard = resource.getrlimit(number)
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        spare = 1 if name == "RLIMIT_CPU" and capped != hard else 0
        resource.setrlimit(number, (capped, capped + spare))
        states[f"rlimit {label}"] = _state_of(name, capped)
    return states


def _state_of(name: str, value: int) -> tuple[str, str]:
    import os

    if name == "RLIMIT_NPROC" and os.getuid() == 0:
        return ("best effort", "the kernel does not count the processes of root")
    return ("enforced", str(value))
