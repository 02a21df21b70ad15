"""A root of the job's own: the system read-only, its folder and /tmp on a bounded tmpfs."""

from __future__ import annotations

import os
from pathlib import Path

from grader.sandbox.tiers.base import Fill, Policy
from grader.sandbox.tiers.system import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    pivot_into,
)

_DEVICES = ("null", "zero", "urandom", "random", "full")
# The new root has these of its own.
_MADE = ("/proc", "/dev")
# statvfs gives the flags of a mount in the numbers of mount(2), but for NOSUID and RDONLY.
_KEPT = MS_NODEV | MS_NOEXEC


def enter_own_root(policy: Policy, fill: Fill) -> None:
    """Build the root in a new mount namespace, have the job's files put into it, and enter it.

    Needs a new PID namespace too, whose processes /proc is to show. Raises OSError.
    """
    root = os.path.join(policy.folder, "root")
    os.makedirs(root, mode=0o755)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,nr_inodes=4096,mode=755")
    _make_writable(root, policy)
    _show_system(root, policy)
    _make_devices(root, policy)
    os.makedirs(f"{root}/proc")
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    fill(root + policy.folder)
    pivot_into(root)


def _make_writable(root: str, policy: Policy) -> None:
    """/tmp and the job's folder: what lies in them counts as memory, and has a bound."""
    size = f"size={policy.disk_mb}m,nr_inodes={policy.disk_files}"
    os.makedirs(f"{root}/tmp")
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"{size},mode=1777")
    os.makedirs(root + policy.folder)
    if not policy.folder.startswith("/tmp/"):
        mount("tmpfs", root + policy.folder, "tmpfs", MS_NOSUID | MS_NODEV, f"{size},mode=755")
    os.makedirs(root + policy.sockets)
    mount(policy.sockets, root + policy.sockets, None, MS_BIND)


def _show_system(root: str, policy: Policy) -> None:
    shown: list[str] = []
    for path in sorted(policy.readable, key=len):
        real = os.path.realpath(path)
        if not os.path.exists(real) or _is_below(real, _MADE):
            continue
        if not _is_below(real, shown):
            _bind(real, root + real)
            shown.append(real)
        if path != real and not os.path.lexists(root + path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            os.symlink(real, root + path)


def _is_below(path: str, folders: tuple[str, ...] | list[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _bind(source: str, target: str) -> None:
    """Show a file or folder read-only; flags that its own mount has stay, as they must."""
    _make_mountpoint(source, target)
    mount(source, target, None, MS_BIND | MS_REC)
    kept = os.statvfs(target).f_flag & _KEPT
    mount("none", target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | kept)


def _make_mountpoint(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _make_devices(root: str, policy: Policy) -> None:
    for device in (*(f"/dev/{name}" for name in _DEVICES), *policy.devices):
        _make_mountpoint(device, root + device)
        mount(device, root + device, None, MS_BIND | MS_REC)
    os.mkdir(f"{root}/dev/shm")
    size = f"size={max(64, policy.memory_mb // 4)}m,nr_inodes=4096,mode=1777"
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, size)
    os.mkdir(f"{root}/dev/pts")
    options = "newinstance,ptmxmode=0666,mode=620"
    mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)
    for name, target in {
        "ptmx": "pts/ptmx",
        "fd": "/proc/self/fd",
        "stdin": "/proc/self/fd/0",
        "stdout": "/proc/self/fd/1",
        "stderr": "/proc/self/fd/2",
    }.items():
        os.symlink(target, f"{root}/dev/{name}")
