"""The filter of system calls, made once by libseccomp and loaded by each job.

What is refused is what no homework needs: reaching into other processes, namespaces and mounts,
the kernel's modules and keys, sockets beyond Unix and the internet's.
"""

from __future__ import annotations

import base64
import errno
import functools
import socket
import tempfile
from typing import Any

from grader.sandbox.tiers import system

_REFUSED = (  # noqa: SIM905
    "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise "
    "perf_event_open bpf userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl "
    "add_key request_key mount umount2 pivot_root chroot setns unshare move_mount open_tree "
    "fsopen fsconfig fsmount fspick mount_setattr init_module finit_module delete_module "
    "kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd syslog "
    "name_to_handle_at open_by_handle_at personality modify_ldt vhangup settimeofday "
    "clock_settime clock_adjtime adjtimex nfsservctl lookup_dcookie fanotify_init "
    "memfd_create memfd_secret migrate_pages move_pages iopl ioperm "
).split()
_NAMESPACES = (
    system.CLONE_NEWUSER, system.CLONE_NEWNS, system.CLONE_NEWPID, system.CLONE_NEWNET,
    system.CLONE_NEWIPC, system.CLONE_NEWUTS, system.CLONE_NEWCGROUP,
)  # fmt: skip
# Requests that put text into a terminal's input.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NETLINK = 16

# Without a namespace around the job: what reaches files and processes of the same user. Code
# that does it to its own, as libzmq does to its threads, goes on as if it had.
_IGNORED_ALONE = (  # noqa: SIM905
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat "
    "futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler setpriority ioprio_set "
).split()
_REFUSED_ALONE = ("shmget", "msgget", "semget")


@functools.cache
def filter_program(*, alone: bool) -> str:
    """The filter as the kernel's program in base64; empty where libseccomp is not there.

    `alone`: whether no namespace is around the job. Raises nothing that the caller could mend.
    """
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError):
        return ""
    made = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refused = pyseccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        _add(made, refused, name)
    for flag in _NAMESPACES:
        made.add_rule(refused, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # Its flags lie in memory, where no filter can look: the C library then calls clone.
    _add(made, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for request in (_TIOCSTI, _TIOCLINUX):
        made.add_rule(refused, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    _refuse_families(made, pyseccomp)
    if alone:
        _refuse_reaching_out(made, pyseccomp)
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return base64.b64encode(file.read()).decode()


def _refuse_families(made: Any, pyseccomp: Any) -> None:
    """Sockets of other families than Unix, IPv4, IPv6, and of netlink but for routes."""
    unknown = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    allowed = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
    for family in range(1, _NETLINK):
        if family not in allowed:
            made.add_rule(unknown, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    made.add_rule(unknown, "socket", pyseccomp.Arg(0, pyseccomp.GT, _NETLINK))
    made.add_rule(  # libzmq asks for the routes
        unknown, "socket",
        pyseccomp.Arg(0, pyseccomp.EQ, _NETLINK), pyseccomp.Arg(2, pyseccomp.NE, 0),
    )  # fmt: skip


def _refuse_reaching_out(made: Any, pyseccomp: Any) -> None:
    for name in _IGNORED_ALONE:
        _add(made, pyseccomp.ERRNO(0), name)
    for name in _REFUSED_ALONE:
        _add(made, pyseccomp.ERRNO(errno.EPERM), name)
    # Limits of other processes; 0 is the caller.
    made.add_rule(pyseccomp.ERRNO(errno.EPERM), "prlimit64", pyseccomp.Arg(0, pyseccomp.NE, 0))
    for family in (socket.AF_INET, socket.AF_INET6):  # datagrams: Landlock knows TCP only
        made.add_rule(
            pyseccomp.ERRNO(errno.EPERM), "socket",
            pyseccomp.Arg(0, pyseccomp.EQ, family),
            pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xF, socket.SOCK_DGRAM),
        )  # fmt: skip


def _add(made: Any, action: int, name: str) -> None:
    """Add a call by name; one that this libseccomp or architecture lacks needs no rule."""
    try:
        made.add_rule(action, name)
    except (OSError, RuntimeError, ValueError):
        return
