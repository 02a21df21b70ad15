"""Isolation tiers: what a child does to itself before student code runs, best one chosen.

A tier is one file with one class and one line in `TIERS`, best first. It says which of its
layers hold, and is never silently weaker: what could not be had is reported as absent.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from grader.sandbox.tiers.base import LayerStates, Policy, Tier
from grader.sandbox.tiers.cgroups import group_name
from grader.sandbox.tiers.namespaces import NamespaceTier
from grader.sandbox.tiers.process import ProcessTier
from grader.sandbox.tiers.restricted import LandlockTier
from grader.sandbox.tiers.seccomp import filter_program

__all__ = ["TIERS", "LayerStates", "Policy", "Tier", "best_tier", "try_tier"]

TIERS: dict[str, type[Tier]] = {
    "namespaces": NamespaceTier,
    "landlock": LandlockTier,
    "process": ProcessTier,
}


def best_tier() -> Tier:
    """The first tier of `TIERS` that this machine can make."""
    return next(tier() for tier in TIERS.values() if tier.available())


def try_tier(tier: Tier) -> LayerStates:
    """Confine a child process with the tier and give what it reports: for `grader doctor`.

    Raises OSError where the tier cannot be had after all.
    """
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.write(writer, json.dumps(_confined(tier, folder)).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            data = told.read()
        if os.waitpid(pid, 0)[1] != 0:
            raise OSError(f"the tier {tier.name} could not be made on this machine")
    return {name: (state[0], state[1]) for name, state in json.loads(data).items()}


def _confined(tier: Tier, folder: str) -> LayerStates:
    readable = (sys.prefix, sys.base_prefix, "/usr", "/proc")
    policy = Policy(
        (folder,), readable, 60, 1024, 4096, 64,
        folder=folder, group=group_name(), sockets=f"{folder}/ipc", user=tier.user(readable),
        syscalls=filter_program(alone=not tier.has_own_root),
    )  # fmt: skip
    os.mkdir(policy.sockets)
    return {**tier.enclose(policy, lambda place: None), **tier.confine(policy)}
