"""What looking at one policy found: its state, and sentences that a student can check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["met", "broken", "undecided"]

_MOST_SENTENCES = 6
_LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Finding:
    """The state of a policy.

    `undecided` is for a person: it costs nothing. Of a broken policy `times` says how often its
    price is due: a share where it is proportional, the number of days where it is by the day.
    """

    state: State
    evidence: tuple[str, ...] = ()
    times: float = 1.0


def met(*evidence: str) -> Finding:
    """The policy is kept."""
    return Finding("met", evidence)


def undecided(*evidence: str) -> Finding:
    """Nobody but a person can say."""
    return Finding("undecided", evidence)


def broken(evidence: Iterable[str], times: float = 1.0) -> Finding:
    """The policy is broken; long lists of evidence are cut."""
    told = list(evidence)
    left = len(told) - _MOST_SENTENCES
    if left > 1:
        told[_MOST_SENTENCES:] = [f"And {left} more of this kind."]
    return Finding("broken", tuple(told), times)


def quoted(text: str) -> str:
    """A student's words as code, in one line of bounded length."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:_LONGEST_QUOTE]}{'…' if len(line) > _LONGEST_QUOTE else ''}`"
