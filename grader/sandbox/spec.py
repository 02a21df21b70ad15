"""What a job needs, and the request that starts it: its policy, its environment, its folders."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.sandbox.tiers import Policy, best_tier
from grader.sandbox.tiers.seccomp import filter_program


@dataclass(frozen=True)
class JobSpec:
    """What a job needs to start.

    Folders of `data` and then `files`, by their relative path, are copied into its working
    folder.
    """

    data: tuple[Path, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    sessions: int = 96
    seed: int = 0
    device: str | None = None
    cpu_s: int = 3600
    memory_mb: int = 8192
    processes: int = 4096
    file_mb: int = 2048
    disk_mb: int = 2048
    disk_files: int = 100_000


def request(spec: JobSpec, folder: Path, groups: str) -> dict[str, Any]:
    """What the process is told that starts the job, as JSON values; `groups` names its groups."""
    tier = best_tier()
    readable = (*_system_paths(), *(str(path) for path in spec.readable))
    policy = Policy(
        writable=tuple(str(folder / name) for name in ("work", "ipc", "home", "tmp")),
        folder=str(folder),
        group=f"{groups}-{folder.name}",
        sockets=str(folder / "ipc"),
        devices=_gpu_devices() if spec.device else (),
        user=tier.user((*readable, str(folder))),
        syscalls=filter_program(alone=not tier.has_own_root),
        readable=readable,
        cpu_s=spec.cpu_s,
        memory_mb=spec.memory_mb,
        processes=spec.processes,
        file_mb=spec.file_mb,
        disk_mb=spec.disk_mb,
        disk_files=spec.disk_files,
    )
    return {
        "job": folder.name,
        "work": str(folder / "work"),
        "connection_file": str(folder / "ipc" / "kernel.json"),
        "shims": str(folder / "home" / "bin"),
        "environment": _environment(spec, folder),
        "tier": tier.name,
        "data": [str(path) for path in spec.data],
        "files": {relative: str(path) for relative, path in spec.files.items()},
        "policy": policy.to_json(),
        "seed": spec.seed,
        "device": spec.device,
    }


def _environment(spec: JobSpec, folder: Path) -> dict[str, str]:
    home = str(folder / "home")
    return {
        "PATH": f"{home}/bin:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": str(folder / "tmp"),
        "IPYTHONDIR": f"{home}/ipython",
        "JUPYTER_RUNTIME_DIR": f"{home}/runtime",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "LANG": "C.UTF-8",
        **SINGLE_THREAD,
        **spec.environment,
    }


# A forked child hangs in OpenMP where the parent's pool has more than one thread.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    # Memory that is freed is kept, and that of the heap is in large pages from the start.
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{setting}"
        for setting in (f"trim_threshold={1 << 30}", f"mmap_threshold={1 << 30}", "hugetlb=1")
    ),
}


def _system_paths() -> tuple[str, ...]:
    """What Python and its libraries read: the system's folders and this interpreter's."""
    own = {sys.prefix, sys.base_prefix, *(p for p in sys.path if p.endswith("site-packages"))}
    return (
        "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/etc/ld.so.cache", "/etc/passwd",
        "/etc/group", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/mime.types",
        "/etc/nsswitch.conf", "/etc/hosts", "/proc", "/sys/devices/system", "/sys/fs/cgroup",
        "/var/cache/fontconfig", *sorted(own),
    )  # fmt: skip


def _gpu_devices() -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(Path("/dev").glob("nvidia*")))
