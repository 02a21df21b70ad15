"""System calls for confinement that Python's standard library lacks, by ctypes (Linux)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x8000000, 0x10000000, 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x20080522
_NUMBERS = {
    "x86_64": {"capset": 126, "pivot_root": 155},
    "aarch64": {"capset": 91, "pivot_root": 41},
}
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41


def libc() -> ctypes.CDLL:
    """The C library, with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """The result of a system call. Raises OSError where it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    """Change a property of this process. Raises OSError."""
    check(libc().prctl(option, value, 0, 0, 0), f"prctl {option}")


def known_machine() -> bool:
    """Whether the numbers of the calls that the C library does not wrap are known."""
    return os.uname().machine in _NUMBERS


def unshare(flags: int) -> None:
    """Move this process into new namespaces. Raises OSError."""
    check(libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount something. Raises OSError."""
    texts = [None if t is None else os.fsencode(t) for t in (source, target, kind, data)]
    result = libc().mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    check(result, f"mount {target}")


def pivot_into(folder: str) -> None:
    """Make a mounted folder the root, and let go of the old one. Raises OSError."""
    os.chdir(folder)
    number = _NUMBERS[os.uname().machine]["pivot_root"]
    check(libc().syscall(number, b".", b"."), "pivot_root")
    check(libc().umount2(b".", _MNT_DETACH), "umount")


def drop_bounding_set() -> None:
    """Give up every capability for programs that are started later, where one may."""
    number = 0
    while libc().prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        libc().prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # refused to those who have none to drop
        number += 1


def drop_capabilities() -> None:
    """Give up every capability of this process. Raises OSError."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    number = _NUMBERS[os.uname().machine]["capset"]
    check(libc().syscall(number, header, bytes(24)), "capset")


def map_to_itself(uid: int, gid: int) -> None:
    """Have one user and group mean the same in a new user namespace as outside."""
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        handle = os.open(f"/proc/self/{file}", os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)


def bring_loopback_up() -> None:
    """A new network namespace has a loopback device, which is down. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14s", b"lo", _IFF_UP_RUNNING, b""))
