"""The seam that every isolation tier fills, and the policy that it enforces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

# A layer's name, and its state with a detail: 'enforced', 'best effort' or 'absent'.
LayerStates = dict[str, tuple[str, str]]

# Puts a job's files into its folder, wherever that is seen at the moment.
Fill = Callable[[str], None]


@dataclass(frozen=True)
class Policy:
    """What a job may use. Sizes in MiB, CPU time in seconds, paths absolute.

    `folder` is the job's own, with `sockets` in it, where the kernel listens; both are known
    under these names inside and outside. `group` is the name of its control group, `user` the
    id that it gets where the grader may give one, `syscalls` a program of the kernel's filter,
    in base64.
    """

    writable: tuple[str, ...]
    readable: tuple[str, ...]
    cpu_s: int
    memory_mb: int
    processes: int
    file_mb: int
    folder: str = ""
    group: str = ""
    sockets: str = ""
    devices: tuple[str, ...] = ()
    disk_mb: int = 2048
    disk_files: int = 100_000
    open_files: int = 1024
    network: bool = False
    user: int | None = None
    syscalls: str = ""

    def to_json(self) -> dict[str, Any]:
        """The policy as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Policy:
        """The policy that `to_json` wrote."""
        paths = {name: tuple(data[name]) for name in ("writable", "readable", "devices")}
        return cls(**{**data, **paths})


class Tier(ABC):
    """One way to confine a job: what is built around it, and what it does to itself."""

    name: str
    #: Whether a job sees a root of its own, and no path, process or network of the grader's.
    has_own_root = False

    @staticmethod
    @abstractmethod
    def available() -> bool:
        """Whether this machine can make the tier, found out without changing anything."""

    def user(self, needed: Iterable[str]) -> int | None:
        """The user id that a job gets which needs these paths; None to stay the grader's user."""
        return None

    def enclose(self, policy: Policy, fill: Fill) -> LayerStates:
        """Build what lies around the job, and have `fill` put its files into `policy.folder`.

        Called once, in the process that will watch over the job, with one thread; it may
        return in another one, which then does. Raises OSError where a layer that `available`
        promised cannot be had.
        """
        fill(policy.folder)
        return {}

    @abstractmethod
    def confine(self, policy: Policy) -> LayerStates:
        """Confine this process and all that it starts later. Called once, after the fork.

        Raises OSError where a layer that `available` promised cannot be had.
        """

    def seal(self, policy: Policy) -> None:  # noqa: B027  # nothing to take back is a good default
        """Take back what only the start of the kernel needed: called before student code runs."""

    def killed_for_memory(self) -> int:
        """How many processes of the job were killed because it used too much memory."""
        return 0
