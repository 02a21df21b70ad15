"""Landlock: which paths, sockets and signals this process may reach.

The numbers are the kernel's user-space interface (linux/landlock.h). Landlock binds the
calling thread and its children, so it is applied right after the fork, before any thread.
It answers EACCES where a path is out of reach, and cannot be taken off again; a second list
can only take away more.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Mapping, Sequence

from grader.sandbox.tiers.base import LayerStates, Policy
from grader.sandbox.tiers.system import check, libc

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ_ONLY = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_ALL = (1 << 16) - 1
_OWN = _ALL & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)

# How many file rights each ABI version knows.
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

# Devices that ordinary code opens. No terminals: the grader's own would be among them.
_DEVICES = {
    "/dev/null": _READ_FILE | _WRITE_FILE,
    "/dev/zero": _READ_FILE | _WRITE_FILE,
    "/dev/urandom": _READ_FILE,
    "/dev/random": _READ_FILE,
    "/dev/full": _READ_FILE | _WRITE_FILE,
    "/dev/shm": _OWN,
}
# Terminals of a private /dev/pts, for code that opens one of its own.
_TERMINALS = {"/dev/pts": _OWN | _IOCTL_DEV, "/dev/ptmx": _FILE_RIGHTS & ~_EXECUTE}


def landlock_version() -> int:
    """The version of the kernel's Landlock, 0 or less where there is none."""
    if sys.platform != "linux":
        return 0
    return int(libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def restrict_paths(policy: Policy, *, private: bool = False) -> LayerStates:
    """Leave this process the policy's paths, no TCP and no signals to others.

    In `private` namespaces the network is the job's own, and so are terminals.
    """
    version = landlock_version()
    rules = {path: _READ_ONLY for path in policy.readable}
    rules |= {path: _OWN for path in policy.writable}
    rules |= {path: _FILE_RIGHTS & ~_EXECUTE for path in policy.devices}
    rules |= _DEVICES | (_TERMINALS if private else {})
    open_network = policy.network or private or version < 4
    _restrict(
        rules, _rights(version), net=0 if open_network else 3, scopes=3 if version >= 6 else 0
    )
    detail = f"Landlock ABI {version}: {len(policy.writable)} writable folders"
    states: LayerStates = {
        "files": ("enforced", f"{detail}; modes and times of one's own files are not covered"),
        "signals": ("enforced", "") if version >= 6 else ("absent", f"Landlock ABI {version}"),
    }
    if policy.network:
        states["network"] = ("absent", "allowed by the policy")
    elif version < 4:
        states["network"] = ("absent", f"Landlock ABI {version}")
    else:
        states["network"] = ("best effort", "TCP refused, UDP not covered")
    return states


def stop_writing(writable: Sequence[str]) -> None:
    """From now on this process makes, changes and removes files below `writable` only."""
    rights = _rights(landlock_version()) & ~(_READ_ONLY | _IOCTL_DEV)
    devices = {path: access & ~_READ_ONLY for path, access in {**_DEVICES, **_TERMINALS}.items()}
    kept = {path: _OWN & ~_READ_ONLY for path in writable}
    _restrict({**kept, **{p: a for p, a in devices.items() if a}}, rights, net=0, scopes=0)


def _rights(version: int) -> int:
    return (1 << _FS_BITS[min(version, 5)]) - 1


def _restrict(rules: Mapping[str, int], rights: int, *, net: int, scopes: int) -> None:
    version = landlock_version()
    # Older kernels reject fields that they do not know, so the structure grows with the ABI.
    length = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", rights, net, scopes)[:length]
    ruleset = check(libc().syscall(_CREATE_RULESET, attributes, length, 0), "ruleset")
    for path, access in rules.items():
        _allow(ruleset, path, access & rights)
    check(libc().syscall(_RESTRICT_SELF, ruleset, 0), "restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    """Allow `access` below `path`; a path that does not exist needs no rule."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        access &= _FILE_RIGHTS
    rule = struct.pack("=Qi", access, handle)
    check(libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), f"rule for {path}")
    os.close(handle)
