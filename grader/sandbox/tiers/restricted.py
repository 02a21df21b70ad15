"""The tier for kernels with Landlock where namespaces cannot be had: a container, some HPC."""

from __future__ import annotations

from collections.abc import Iterable

from grader.sandbox.tiers.base import LayerStates, Policy, Tier
from grader.sandbox.tiers.landlock import landlock_version, restrict_paths, stop_writing
from grader.sandbox.tiers.privileges import filter_syscalls, give_up_privileges, job_user
from grader.sandbox.tiers.process import limit_resources
from grader.sandbox.tiers.system import known_machine


class LandlockTier(Tier):
    """Resource limits, no privileges, a list of paths; no TCP, no foreign signals."""

    name = "landlock"

    @staticmethod
    def available() -> bool:
        """Whether the kernel offers Landlock."""
        return landlock_version() >= 1 and known_machine()

    def user(self, needed: Iterable[str]) -> int | None:
        """One of the job's own, where all that it needs is open to everybody."""
        return job_user(needed)

    def confine(self, policy: Policy) -> LayerStates:
        """Limit resources, give up privileges and restrict this process to the policy."""
        states = give_up_privileges(policy)
        states.update(limit_resources(policy))
        states.update(restrict_paths(policy))
        filtered = filter_syscalls(policy)
        if filtered["system calls"][0] == "enforced" and states["network"][0] == "best effort":
            states["network"] = _network(policy.user)
        return states | filtered

    def seal(self, policy: Policy) -> None:
        """The folder of the sockets is the grader's too."""
        stop_writing([path for path in policy.writable if path != policy.sockets])


def _network(user: int | None) -> tuple[str, str]:
    """Sockets with a path are files to which nothing but permissions applies."""
    if user is None:
        return ("best effort", "TCP by Landlock, UDP by seccomp; not Unix sockets with a path")
    return ("enforced", "TCP by Landlock, UDP by seccomp, Unix sockets by a user id of its own")
