"""Run inside a sandbox, as student code: tries what each layer should stop, and tells.

Sent to the kernel as the source of a cell; it imports nothing of the grader's.
"""

import ctypes
import errno
import functools
import mmap
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any


def tried(attempt: Any) -> bool:
    """Whether an attempt came through: it raised nothing."""
    try:
        attempt()
    except (OSError, MemoryError, ValueError):
        return False
    return True


def status(field: str) -> str:
    """A field of this process's own status, as the kernel tells it."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{field}:"))


def files(told: dict[str, Any]) -> list[str]:
    got = []
    secret, library = Path(told["secret"]), Path(os.__file__).with_name("canary")
    if tried(secret.read_text):
        got.append("a file of the grader's was read")
    if tried(lambda: secret.write_text("changed")):
        got.append("a file of the grader's was written")
    if tried(library.mkdir):
        library.rmdir()
        got.append("a library's folder was written to")
    return got


def reach_out(told: dict[str, Any]) -> None:
    """Knock on every listener; those outside say whether they heard it."""
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", told["tcp"])),
        (socket.AF_UNIX, told["unix"]),
        (socket.AF_UNIX, "\0" + told["abstract"]),
    ):
        tried(lambda: socket.socket(family).connect(address))  # noqa: B023  # called at once
    datagram = socket.SOCK_DGRAM
    tried(lambda: socket.socket(type=datagram).sendto(b"canary", ("127.0.0.1", told["udp"])))


def reach_processes(told: dict[str, Any]) -> None:
    """Signal the grader's process; it says whether it felt it."""
    if told["victim"] not in (os.getpid(), os.getppid()):
        tried(lambda: os.kill(told["victim"], signal.SIGUSR1))


def processes_seen(told: dict[str, Any]) -> list[str]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if told["token"].encode() in file.read():
                    return ["a process of the grader's was seen"]
        except OSError:
            continue
    return []


def capabilities(told: dict[str, Any]) -> list[str]:
    # Not the bounding set: an ordinary user may not empty it, and without new privileges nothing
    # is ever taken from it.
    sets = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    return [f"{name} is not empty" for name in sets if int(status(name), 16)]


def no_new_privileges(told: dict[str, Any]) -> list[str]:
    return [] if status("NoNewPrivs") == "1" else ["new privileges can be had"]


def user(told: dict[str, Any]) -> list[str]:
    return ["it became root"] if tried(lambda: os.setuid(0)) else []


def system_calls(told: dict[str, Any]) -> list[str]:
    libc = ctypes.CDLL(None, use_errno=True)
    new_user, new_mounts = 0x10000000, 0x00020000
    return [f"unshare({flag:#x})" for flag in (new_user, new_mounts) if libc.unshare(flag) == 0]


def open_files(told: dict[str, Any]) -> list[str]:
    kept: list[int] = []
    try:
        while len(kept) <= told["open_files"]:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return []
    finally:
        for descriptor in kept:
            os.close(descriptor)
    return [f"{told['open_files']} files were open at once"]


def file_size(told: dict[str, Any]) -> list[str]:
    chunk = bytes(1 << 20)
    try:
        with open("canary-large", "wb") as file:
            for _ in range(told["file_mb"] + 1):
                file.write(chunk)
    except OSError:
        return []
    finally:
        os.remove("canary-large")
    return [f"a file of over {told['file_mb']} MiB was written"]


def disk(told: dict[str, Any]) -> list[str]:
    chunk = bytes(1 << 20)
    names: list[str] = []
    try:
        for count in range(told["disk_mb"] // (told["file_mb"] - 1) + 1):
            names.append(f"canary-{count}")
            with open(names[-1], "wb") as file:
                for _ in range(told["file_mb"] - 1):
                    file.write(chunk)
    except OSError as full:
        return [] if full.errno in (errno.ENOSPC, errno.EDQUOT) else [str(full)]
    finally:
        for name in filter(os.path.exists, names):
            os.remove(name)
    return [f"over {told['disk_mb']} MiB were written"]


def data(told: dict[str, Any]) -> list[str]:
    size = told["memory_mb"] << 20
    return ["a process got all of it at once"] if tried(lambda: len(bytearray(size))) else []


def memory(told: dict[str, Any]) -> list[str]:
    """More than the limit in shared memory, which no limit of a single process counts."""
    child = os.fork()
    if child == 0:
        shared = mmap.mmap(-1, (told["memory_mb"] + 256) << 20)
        chunk = bytes(1 << 20)
        while shared.tell() < len(shared):
            shared.write(chunk)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return [f"{told['memory_mb'] + 256} MiB were used"] if ended == 0 else []


@functools.cache
def at_once(count: int) -> int:
    """How many of so many processes could be started."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        while len(children) < count:
            children.append(subprocess.Popen(["sleep", "60"]))
    except OSError:
        pass
    for child in children:
        child.kill()
        child.wait()
    return len(children)


def processes(told: dict[str, Any]) -> list[str]:
    started = at_once(told["processes"] + 1)
    return [f"{started} processes ran at once"] if started > told["processes"] else []


def leave_a_daemon(told: dict[str, Any]) -> None:
    """A process that outlives whoever started it, if it can."""
    child = os.fork()
    if child == 0:
        os.setsid()
        quiet = subprocess.DEVNULL
        subprocess.Popen(
            ["sleep", told["daemon"]], start_new_session=True, stdout=quiet, stderr=quiet
        )
        os._exit(0)
    os.waitpid(child, 0)


# The layers that a tier reports, and what should be stopped by each.
CANARIES = {
    "files": files,
    "processes seen": processes_seen,
    "capabilities": capabilities,
    "no new privileges": no_new_privileges,
    "user": user,
    "system calls": system_calls,
    "rlimit nofile": open_files,
    "rlimit fsize": file_size,
    "rlimit data": data,
    "disk": disk,
    "processes": processes,
    "memory": memory,
}


def sing(told: dict[str, Any]) -> dict[str, list[str]]:
    """What came through, by layer."""
    reach_out(told)
    reach_processes(told)
    leave_a_daemon(told)
    found = {name: canary(told) for name, canary in CANARIES.items() if name in told["layers"]}
    if "processes" not in found:
        found["rlimit nproc"] = processes(told)  # what else would stop them
    return found
