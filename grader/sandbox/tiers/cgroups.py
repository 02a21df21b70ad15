"""Control groups: memory and number of processes of a whole job, versions 1 and 2.

A group is made below the grader's own, so the grader needs the right to write there: root has
it, and whoever was given a part of the tree. In version 2 a group with groups of limits below it
has no processes itself (https://docs.kernel.org/admin-guide/cgroup-v2.html, "No Internal Process
Constraint"): `settle` moves the grader to a group of its own, beside those of the jobs.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from errno import ENOENT
from pathlib import Path

from grader.sandbox.tiers.base import LayerStates

_MIB = 1 << 20
_PREFIX = "grader-"
_CONTROLLERS = ("memory", "pids")
# Where the grader itself goes.
_HOME = f"{_PREFIX}home"


class ControlGroup:
    """One job's group in each hierarchy that it needs."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders
        self._events: int | None = None

    @classmethod
    def make(cls, name: str, memory_mb: int, processes: int) -> ControlGroup:
        """A new group with these limits. Raises OSError where one may not be made."""
        group = cls({c: parent / name for c, parent in _parents().items()})
        try:
            for controller, folder in group._folders.items():
                folder.mkdir(exist_ok=True)
                group._limit(controller, memory_mb, processes)
        except OSError:
            group.remove()
            raise
        return group

    def _limit(self, controller: str, memory_mb: int, processes: int) -> None:
        folder = self._folders[controller]
        if controller == "pids":
            (folder / "pids.max").write_text(str(processes))
            return
        newer = (folder / "memory.max").exists()
        limit = "memory.max" if newer else "memory.limit_in_bytes"
        (folder / limit).write_text(str(memory_mb * _MIB))
        if (folder / "memory.swap.max").exists():
            (folder / "memory.swap.max").write_text("0")
        events = folder / ("memory.events" if newer else "memory.oom_control")
        self._events = os.open(events, os.O_RDONLY | os.O_CLOEXEC)

    def join(self) -> None:
        """Move this process into the group; its children follow."""
        for folder in set(self._folders.values()):
            (folder / "cgroup.procs").write_text("0")

    def killed_for_memory(self) -> int:
        """How many processes of the group the kernel has killed for want of memory."""
        if self._events is None:
            return 0
        found = re.search(rb"^oom_kill (\d+)", os.pread(self._events, 4096, 0), re.MULTILINE)
        return int(found[1]) if found else 0

    def let_go(self) -> None:
        """Close what only the process that watches over the group needs."""
        if self._events is not None:
            os.close(self._events)
            self._events = None

    def remove(self) -> None:
        """Remove the group, whose processes have ended or are ending."""
        _remove(self._folders.values())

    def states(self, memory_mb: int, processes: int) -> LayerStates:
        """What is reported of the limits."""
        return {
            "memory": ("enforced", f"control group: {memory_mb} MiB for all processes together"),
            "processes": ("enforced", f"control group: {processes}"),
        }


def group_name() -> str:
    """The start of the names of one grader's groups."""
    return f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"


def remove_groups(start: str) -> None:
    """Remove the groups that are called so: their own processes may have been killed first.

    With them go those of graders that are no more.
    """
    with contextlib.suppress(OSError):  # no groups here
        found = [path for parent in set(_parents().values()) for path in parent.glob(f"{_PREFIX}*")]
        _remove(path for path in found if path.name.startswith(start) or _is_orphan(path.name))


def settle(controllers: Iterable[str] = _CONTROLLERS) -> None:
    """Have a delegated group of version 2 give its controllers to groups below it.

    The processes in it, the grader and what was started with it, move to a group beside those of
    the jobs. Where nothing is delegated all stays as it is, and `ControlGroup.make` says so.
    """
    with contextlib.suppress(OSError):  # read-only, as in most containers
        for own in _newer_groups():
            available = _words(own / "cgroup.controllers")
            wanted = set(controllers) & available - _words(own / "cgroup.subtree_control")
            if wanted and _is_delegated(own):
                _give(own, wanted)


def _give(own: Path, controllers: set[str]) -> None:
    home = own / _HOME
    home.mkdir(exist_ok=True)
    for attempt in range(10):  # a process may start another meanwhile
        for pid in _words(own / "cgroup.procs"):
            with contextlib.suppress(OSError):  # ended, or not ours to move
                (home / "cgroup.procs").write_text(pid)
        try:
            (own / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in controllers))
        except OSError:
            if attempt == 9:
                raise
        else:
            return


def _is_delegated(own: Path) -> bool:
    """Whether the group is the user's to divide: root may write to those of others too."""
    if os.getuid():
        return os.access(own / "cgroup.subtree_control", os.W_OK)
    marks = {"user.delegate", "trusted.delegate"}  # systemd's
    whole = _own_groups()[""] == "/" and (own / "cgroup.type").exists()  # a container's
    return whole or bool(marks & set(os.listxattr(own)))


def _words(file: Path) -> set[str]:
    return set(file.read_text(encoding="utf-8").split()) if file.exists() else set()


def _newer_groups() -> list[Path]:
    """The grader's own group in each mount of version 2; of one that settled, the one above."""
    own = _own_groups()
    mounts = [line.split()[1:3] for line in _mounts()]
    found = [_below(place, own[""]) for place, kind in mounts if kind == "cgroup2" and "" in own]
    return [group.parent if group.name == _HOME else group for group in found]


def _mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()


def _is_orphan(name: str) -> bool:
    owner = name.split("-")[1]
    return owner.isdigit() and not os.path.exists(f"/proc/{owner}")


def _remove(folders: Iterable[Path], patience_s: float = 1.0) -> None:
    left, deadline = set(folders), time.monotonic() + patience_s
    while left and time.monotonic() < deadline:
        for folder in list(left):
            with contextlib.suppress(OSError):
                folder.rmdir()
            if not folder.exists():
                left.discard(folder)
        if left:
            time.sleep(0.005)


def _parents() -> dict[str, Path]:
    """The grader's own group in the hierarchy of each controller that is needed.

    Raises OSError where one is missing or not delegated.
    """
    own = _own_groups()
    found: dict[str, Path] = {}
    for line in _mounts():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup":
            for controller in set(_CONTROLLERS) & set(options.split(",")):
                found[controller] = _below(place, own.get(controller, "/"))
    for parent in _newer_groups():
        for controller in set(_CONTROLLERS) & _words(parent / "cgroup.subtree_control"):
            found.setdefault(controller, parent)
    missing = [c for c in _CONTROLLERS if c not in found]
    if missing:
        raise FileNotFoundError(ENOENT, f"no control group for {' and '.join(missing)}")
    return found


def _own_groups() -> dict[str, str]:
    groups: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _below(place: str, group: str) -> Path:
    """A group's folder; in a container the part of its path that lies outside is not shown."""
    folder = Path(place) / group.lstrip("/")
    return folder if folder.exists() else Path(place)
