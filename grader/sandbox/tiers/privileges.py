"""What this process may do by who it is: its user, its capabilities, its system calls."""

from __future__ import annotations

import base64
import ctypes
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from grader.sandbox.tiers import system
from grader.sandbox.tiers.base import LayerStates, Policy

_SECCOMP_MODE_FILTER = 2
# User ids of jobs: beyond those of people, services and systemd.
_FIRST_USER, _USERS = 1_000_000_000, 500_000_000


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def job_user(needed: Iterable[str]) -> int | None:
    """A user id that nothing else has, where the grader may give one away.

    None where one of the paths that the job needs lies in a folder that not everybody may enter.
    """
    if os.getuid() != 0 or not all(map(_open_to_all, needed)):
        return None
    return _FIRST_USER + secrets.randbelow(_USERS)


def _open_to_all(path: str) -> bool:
    real = Path(os.path.realpath(path))
    folders = [*real.parents, *([real] if real.is_dir() else [])]
    return all(folder.stat().st_mode & 0o001 for folder in folders if folder.exists())


def give_up_privileges(policy: Policy) -> LayerStates:
    """Become the policy's user, and keep no capability and no way to new ones.

    Raises OSError.
    """
    system.drop_bounding_set()
    states: LayerStates = {"user": _become(policy.user)}
    system.drop_capabilities()
    states["capabilities"] = ("enforced", "none left")
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    states["no new privileges"] = ("enforced", "")
    return states


def _become(user: int | None) -> tuple[str, str]:
    if user is None and os.getuid() == 0:
        return ("absent", "root: what a job needs lies in folders that only root may enter")
    if user is None:
        return ("absent", "student code runs as the grader's own user")
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    system.prctl(system.PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root
    return ("enforced", "a user id of its own")


def filter_syscalls(policy: Policy) -> LayerStates:
    """Load the policy's filter of system calls; needs no new privileges. Raises OSError."""
    if not policy.syscalls:
        return {"system calls": ("absent", "needs libseccomp2 and pyseccomp, on Linux")}
    code = base64.b64decode(policy.syscalls)
    program = _Program(len(code) // 8, code)
    result = system.libc().prctl(
        system.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    )
    system.check(result, "seccomp")
    return {"system calls": ("enforced", "seccomp")}
