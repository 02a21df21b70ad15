"""The seam that every isolation tier fills, and the policy that it enforces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

# A layer's name, and its state with a detail: 'enforced', 'best effort' or 'absent'.
LayerStates = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Policy:
    """What a job may use. Sizes in MiB, CPU time in seconds, paths absolute."""

    writable: tuple[str, ...]
    readable: tuple[str, ...]
    cpu_s: int
    memory_mb: int
    processes: int
    file_mb: int
    open_files: int = 1024
    network: bool = False

    def to_json(self) -> dict[str, Any]:
        """The policy as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Policy:
        """The policy that `to_json` wrote."""
        paths = {name: tuple(data[name]) for name in ("writable", "readable")}
        return cls(**{**data, **paths})


class Tier(ABC):
    """One way to confine the calling process and everything that it starts later."""

    name: str

    @staticmethod
    @abstractmethod
    def available() -> bool:
        """Whether this machine can make the tier, found out without changing anything."""

    @abstractmethod
    def confine(self, policy: Policy) -> LayerStates:
        """Confine this process for good. Called once, after the fork, with one thread.

        Raises OSError where a layer that `available` promised cannot be had.
        """
