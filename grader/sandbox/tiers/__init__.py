"""Isolation tiers: what a child does to itself before student code runs, best one chosen.

A tier is one file with one class and one line in `TIERS`, best first. It says which of its
layers hold, and is never silently weaker: what could not be had is reported as absent.
"""

from __future__ import annotations

from grader.sandbox.tiers.base import LayerStates, Policy, Tier
from grader.sandbox.tiers.namespaces import NamespaceTier
from grader.sandbox.tiers.process import ProcessTier
from grader.sandbox.tiers.restricted import LandlockTier

__all__ = ["TIERS", "LayerStates", "Policy", "Tier", "best_tier"]

TIERS: dict[str, type[Tier]] = {
    "namespaces": NamespaceTier,
    "landlock": LandlockTier,
    "process": ProcessTier,
}


def best_tier() -> Tier:
    """The first tier of `TIERS` that this machine can make."""
    return next(tier() for tier in TIERS.values() if tier.available())
