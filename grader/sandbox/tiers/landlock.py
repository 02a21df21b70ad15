"""Landlock by ctypes: which paths, sockets and signals this process may reach.

The numbers are the kernel's user-space interface (linux/landlock.h). Landlock binds the
calling thread and its children, so it is applied right after the fork, before any thread.
It answers EACCES where a path is out of reach, and cannot be taken off again.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys

from grader.sandbox.tiers.base import LayerStates, Policy, Tier
from grader.sandbox.tiers.process import limit_resources

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_CAPABILITY_VERSION_3 = 0x20080522
_CAPSET = {"x86_64": 126, "aarch64": 91}

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ_ONLY = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

# How many file rights, network rights and scopes each ABI version knows.
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

# Devices that ordinary code opens. No terminals: the grader's own would be among them.
_DEVICES = {
    "/dev/null": _READ_FILE | _WRITE_FILE,
    "/dev/zero": _READ_FILE | _WRITE_FILE,
    "/dev/urandom": _READ_FILE,
    "/dev/random": _READ_FILE,
    "/dev/full": _READ_FILE | _WRITE_FILE,
    "/dev/shm": (1 << 16) - 1 & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV),
}


class LandlockTier(Tier):
    """Resource limits, no new privileges, and a list of paths; no TCP, no foreign signals."""

    name = "landlock"

    @staticmethod
    def available() -> bool:
        """Whether the kernel offers Landlock."""
        return sys.platform == "linux" and _abi() >= 1

    def confine(self, policy: Policy) -> LayerStates:
        """Limit resources, give up new privileges and restrict this process to the policy."""
        libc = ctypes.CDLL(None, use_errno=True)
        states = limit_resources(policy)
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        states["no new privileges"] = ("enforced", "")
        _drop_capabilities(libc)
        states["capabilities"] = ("enforced", "none left")
        states.update(_restrict(libc, policy))
        return states


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Root's rights over other users and the machine, of which an ordinary user has none."""
    number = 0
    while libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # refused to those who have none to drop
        number += 1
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check(libc.syscall(_CAPSET[os.uname().machine], header, bytes(24)), "capset")


def _abi() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _restrict(libc: ctypes.CDLL, policy: Policy) -> LayerStates:
    abi = _abi()
    rights = (1 << _FS_BITS[min(abi, 5)]) - 1
    net = 0 if policy.network or abi < 4 else 3
    scopes = 3 if abi >= 6 else 0
    # Older kernels reject fields that they do not know, so the structure grows with the ABI.
    attributes = struct.pack("QQQ", rights, net, scopes)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _check(libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0), "ruleset")
    for path in policy.readable:
        _allow(libc, ruleset, path, _READ_ONLY & rights)
    for path in policy.writable:
        _allow(libc, ruleset, path, rights & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV))
    for path, access in _DEVICES.items():
        _allow(libc, ruleset, path, access & rights)
    _check(libc.syscall(_RESTRICT_SELF, ruleset, 0), "restrict_self")
    os.close(ruleset)
    return {
        "files": ("enforced", f"Landlock ABI {abi}: {len(policy.writable)} writable folders; "
                  "modes and times of one's own files are not covered"),
        "network": ("best effort", "TCP refused, UDP not covered") if net
        else ("absent", "allowed by the policy" if policy.network else f"Landlock ABI {abi}"),
        "signals": ("enforced", "") if scopes else ("absent", f"Landlock ABI {abi}"),
    }  # fmt: skip


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    """Allow `access` below `path`; a path that does not exist needs no rule."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        access &= _FILE_RIGHTS
    rule = struct.pack("=Qi", access, handle)
    _check(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), f"rule for {path}")
    os.close(handle)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
