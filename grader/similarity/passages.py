"""The code that two submissions share, as lines of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grader.similarity.documents import Document, LineNumbers, Part
from grader.similarity.results import Lines, Passage, Settings
from grader.similarity.winnowing import PASSED_OVER, Hashes, hash_runs, pass_over

_MOST_PLACES = 6  # of one fingerprint in one submission that are paired with the other's
_GAP = 2  # lines between two passages that are shown as one


@dataclass(frozen=True)
class _Run:
    """Equal symbols: from `start` in a part of the left, from `other` in one of the right."""

    left: int
    right: int
    start: int
    other: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


def find_passages(
    left: Document, right: Document, rare: Hashes, known: Hashes, settings: Settings
) -> tuple[Passage, ...]:
    """Passages with fingerprints in `rare`, which is sorted; the longest first."""
    grown = [_grow(run, left, right, known, settings) for run in _runs(left, right, rare, settings)]
    runs = sorted(_uncovered(grown), key=lambda run: (run.left, run.right, run.start))
    passages = _joined((run, _passage(run, left, right)) for run in runs)
    return tuple(sorted(passages, key=lambda p: (-p.symbols, p.left.part, p.left.first)))


def _runs(left: Document, right: Document, rare: Hashes, settings: Settings) -> Iterator[_Run]:
    """Fingerprints of both, those that overlap and lie as far apart in both taken together."""
    shared = _shared(left, right, rare)
    ours, theirs = _places(left, shared), _places(right, shared)
    matches = sorted(
        (part, other_part, place - other, place)
        for value, places in ours.items()
        for part, place in places
        for other_part, other in theirs[value]
    )
    last: _Run | None = None
    for part, other_part, shift, place in matches:
        found = _Run(part, other_part, place, place - shift, settings.k)
        if last and _goes_on(last, found):
            last = replace(last, length=found.end - last.start)
            continue
        if last:
            yield last
        last = found
    if last:
        yield last


def _goes_on(run: _Run, further: _Run) -> bool:
    """Whether a run overlaps or touches another that begins later, equally in both codes."""
    ours = (run.left, run.right, run.start - run.other)
    theirs = (further.left, further.right, further.start - further.other)
    return ours == theirs and further.start <= run.end


def _shared(left: Document, right: Document, rare: Hashes) -> Hashes:
    """The fingerprints that both have, of those in `rare`."""
    ours, theirs = (
        np.concatenate([*(p.fingerprints.hashes for p in document.parts), rare[:0]])
        for document in (left, right)
    )
    both = np.intersect1d(ours, theirs)
    # `rare` is that of a whole class: it is searched and not gone through.
    at = np.searchsorted(rare, both)
    return both[rare[np.minimum(at, len(rare) - 1)] == both] if len(rare) else rare


def _places(document: Document, shared: Hashes) -> dict[int, list[tuple[int, int]]]:
    """Where in a document the shared fingerprints are: parts and places."""
    found: dict[int, list[tuple[int, int]]] = {}
    for number, part in enumerate(document.parts):
        prints = part.fingerprints
        kept = np.isin(prints.hashes, shared)
        values, places = prints.hashes[kept].tolist(), prints.places[kept].tolist()
        for value, place in zip(values, places, strict=True):
            listed = found.setdefault(value, [])
            if len(listed) < _MOST_PLACES:
                listed.append((number, place))
    return found


def _grow(run: _Run, left: Document, right: Document, known: Hashes, settings: Settings) -> _Run:
    """Add what is equal before and behind: windows keep no hash for up to w - 1 symbols there."""
    ours, theirs = left.parts[run.left], right.parts[run.right]
    before = min(settings.w, run.start, run.other)
    start, other = run.start - before, run.other - before
    length = before + run.length + settings.w
    equal = _equal(ours, theirs, start, other, length, known, settings.k)
    first = before - _count_true(equal[:before][::-1])
    last = run.end - settings.k - start  # the last run of k symbols that is known to be equal
    behind = _count_true(equal[last + 1 :])
    return _Run(
        run.left, run.right, start + first, other + first,
        before - first + run.length + behind,
    )  # fmt: skip


def _equal(
    ours: Part, theirs: Part, start: int, other: int, length: int, known: Hashes, k: int
) -> NDArray[np.bool_]:
    """Which runs of k symbols are equal, and not the template's, from those places on."""
    mine = hash_runs(ours.codes[start : start + length], k)
    yours = hash_runs(theirs.codes[other : other + length], k)
    count = min(len(mine), len(yours))
    told = pass_over(mine[:count], known) != PASSED_OVER
    equal: NDArray[np.bool_] = (mine[:count] == yours[:count]) & told
    return equal


def _count_true(flags: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return int(np.argmin(flags)) if not flags.all() else len(flags)


def _uncovered(runs: Iterable[_Run]) -> Iterator[_Run]:
    """The longest runs; of the others those that show something new on both sides."""
    ours: dict[int, set[int]] = {}
    theirs: dict[int, set[int]] = {}
    for run in sorted(runs, key=lambda run: (-run.length, run.left, run.start, run.other)):
        mine = range(run.start, run.end)
        yours = range(run.other, run.other + run.length)
        seen, known = ours.setdefault(run.left, set()), theirs.setdefault(run.right, set())
        if not (seen.issuperset(mine) or known.issuperset(yours)):
            seen.update(mine)
            known.update(yours)
            yield run


def _passage(run: _Run, left: Document, right: Document) -> Passage:
    return Passage(
        _lines(left.parts[run.left], run.start, run.length),
        _lines(right.parts[run.right], run.other, run.length),
        run.length,
    )


def _lines(part: Part, start: int, length: int) -> Lines:
    """The lines of a run of which most is the student's and in the run; all where none is so."""
    lines, own = part.lines[start : start + length], part.own[start : start + length]
    numbers = np.unique(lines)
    inside = _count(lines[own], numbers)
    most = 2 * inside > _count(part.lines, numbers)
    shared = tuple((numbers[most] if most.any() else numbers).tolist())
    return Lines(part.name, shared[0], shared[-1], shared)


def _count(lines: LineNumbers, numbers: LineNumbers) -> NDArray[np.int64]:
    """How often each of some numbers occurs in sorted lines."""
    counts: NDArray[np.int64] = np.searchsorted(lines, numbers, "right")
    return counts - np.searchsorted(lines, numbers)


def _joined(found: Iterable[tuple[_Run, Passage]]) -> Iterator[Passage]:
    """Passages, of which those that follow each other on both sides are one."""
    last: Passage | None = None
    end = 0
    for run, passage in found:
        if last and _follows(last.left, passage.left) and _follows(last.right, passage.right):
            new = max(0, run.end - max(run.start, end))
            last = Passage(
                _both(last.left, passage.left), _both(last.right, passage.right),
                last.symbols + new,
            )  # fmt: skip
            end = max(end, run.end)
            continue
        if last:
            yield last
        last, end = passage, run.end
    if last:
        yield last


def _follows(lines: Lines, further: Lines) -> bool:
    near = lines.first <= further.first <= lines.last + _GAP + 1
    return lines.part == further.part and near


def _both(lines: Lines, further: Lines) -> Lines:
    shared = tuple(sorted({*lines.shared, *further.shared}))
    return Lines(lines.part, shared[0], shared[-1], shared)
