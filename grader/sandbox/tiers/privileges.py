"""What this process may do by who it is: its user, its capabilities, its system calls."""

from __future__ import annotations

import base64
import ctypes
import os
import secrets
import sys
from pathlib import Path

from grader.sandbox.tiers import system
from grader.sandbox.tiers.base import LayerStates, Policy

_SECCOMP_MODE_FILTER = 2
# User ids of jobs: beyond those of people, services and systemd.
_FIRST_USER, _USERS = 1_000_000_000, 500_000_000


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def job_user() -> int | None:
    """A user id that nothing else has, where the grader may give one away."""
    return _FIRST_USER + secrets.randbelow(_USERS) if os.getuid() == 0 else None


def give_up_privileges(policy: Policy, *, everything_shown: bool) -> LayerStates:
    """Become the policy's user where root may, and keep no capability and no way to new ones.

    `everything_shown`: whether the interpreter's folders can be entered by every user. Raises
    OSError.
    """
    system.drop_bounding_set()
    states: LayerStates = {"user": _become(policy.user, everything_shown)}
    system.drop_capabilities()
    states["capabilities"] = ("enforced", "none left")
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    states["no new privileges"] = ("enforced", "")
    return states


def _become(user: int | None, everything_shown: bool) -> tuple[str, str]:
    if user is None:
        return ("absent", f"student code runs as user {os.getuid()}, like the grader")
    hidden = None if everything_shown else first_hidden_folder()
    if hidden is not None:
        return ("absent", f"runs as root: the interpreter lies below {hidden}, which only root "
                "may enter")  # fmt: skip
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    system.prctl(system.PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root
    return ("enforced", "a user id of its own")


def first_hidden_folder() -> str | None:
    """The first folder on the way to this interpreter that not everybody may enter."""
    for path in (sys.executable, sys.prefix, sys.base_prefix):
        for folder in reversed(Path(os.path.realpath(path)).parents):
            if not folder.stat().st_mode & 0o001:
                return str(folder)
    return None


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
