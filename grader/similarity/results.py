"""What is compared, how, and what comes of it: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from grader.errors import UsageError

Side = Literal["left", "right"]


@dataclass(frozen=True)
class SubmittedCode:
    """A submission's code by part. A cell of several parts may be given under each of them."""

    id: str
    student: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Settings:
    """When code counts as shared, and how much of it is worth a person's time.

    `k` is the length in symbols of the shortest match: idioms that everybody writes, such as the
    body of a sigmoid or the head of a loop, are shorter than 12 or so. `w` makes 19 symbols in a
    row, two lines or three, the length from which on nothing is missed; a smaller one would only
    take memory. Fingerprints in more submissions than `common_least`, and than `common_share` of
    all, belong to the homework and not to a student, and are left out.

    A pair is listed where it shares at least `least_shared` fingerprints, about 90 symbols or ten
    lines, and these are the share `containment` of the smaller submission, or `part_containment`
    of a part. `benchmarks/similarity.py` shows on what these numbers rest.
    """

    k: int = 12
    w: int = 8
    common_share: float = 0.1
    common_least: int = 5
    containment: float = 0.3
    part_containment: float = 0.7
    least_shared: int = 20
    most_pairs: int = 200

    def __post_init__(self) -> None:
        """Raise UsageError where a number makes no sense."""
        for field in fields(self):
            value = getattr(self, field.name)
            share = field.type == "float"
            if share and not 0 < value <= 1:
                raise UsageError(f"{field.name}={value}, but should be above 0 and at most 1.")
            if not share and value < 1:
                raise UsageError(f"{field.name}={value}, but should be 1 or more.")

    def common_limit(self, submissions: int) -> int:
        """In how many submissions of so many a fingerprint may be and still tell something."""
        return max(self.common_least, int(self.common_share * submissions))


@dataclass(frozen=True)
class Lines:
    """Lines of a part's code, from 1 and with the last; `shared` are those that the other has.

    A line counts where most of its symbols are shared and not the template's.
    """

    part: str
    first: int
    last: int
    shared: tuple[int, ...]


@dataclass(frozen=True)
class Passage:
    """Code that two submissions share, as lines of each, and its length in symbols."""

    left: Lines
    right: Lines
    symbols: int


@dataclass(frozen=True)
class PartShare:
    """A part that one submission has largely from, or in, the other.

    `containment` is the share of its fingerprints that the other submission has anywhere.
    """

    side: Side
    part: str
    shared: int
    containment: float


@dataclass(frozen=True)
class Pair:
    """Two submissions that share more than others do: a pointer for a person, and no proof.

    With A and B the sets of fingerprints of the two, without the template's and common ones,
    `shared` is |A ∩ B|, `containment` is |A ∩ B| / min(|A|, |B|), the share of the smaller that
    the larger has too, and `jaccard` is |A ∩ B| / (|A| + |B| - |A ∩ B|), the share of all that
    either has. `parts` are those that reach the settings' `part_containment` by themselves,
    `passages` the shared code, the longest first.
    """

    left: str
    right: str
    shared: int
    containment: float
    jaccard: float
    parts: tuple[PartShare, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What came of comparing a class: pairs, those that share most first.

    `left_out` counts further pairs beyond `most_pairs`. `common_limit` is in how many
    submissions a fingerprint could be. `notes` say what could not be compared, and why.
    """

    submissions: int
    pairs: tuple[Pair, ...]
    left_out: int
    common_limit: int
    settings: Settings
    notes: tuple[str, ...] = ()
