"""The page of a comparison, in the style of the reports: no script, no network.

What a page shows is bounded, however many pairs there are and whatever students wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.report.html import environment
from grader.similarity.results import Comparison, Lines, Pair, Passage, SubmittedCode

_TEMPLATES = Path(__file__).parent / "templates"

MOST_SHOWN = 50  # pairs with their code
_MOST_PASSAGES = 12  # of one pair
_MOST_LINES = 150  # of one pair and side
_MOST_COLUMNS = 160
_AROUND = 2  # lines before and behind a passage


@dataclass(frozen=True)
class ShownLine:
    """A line of code on the page, and whether the other submission has it too."""

    number: int
    text: str
    shared: bool


@dataclass(frozen=True)
class ShownSide:
    """One side of a passage; `more` counts lines at its end that are not shown."""

    student: str
    part: str
    lines: tuple[ShownLine, ...]
    more: int


@dataclass(frozen=True)
class ShownPair:
    """A pair as the page shows it; `more` counts passages that are not shown."""

    pair: Pair
    left: SubmittedCode
    right: SubmittedCode
    passages: tuple[tuple[ShownSide, ShownSide], ...]
    more: int


def render_similarity(
    comparison: Comparison, submissions: Sequence[SubmittedCode], title: str
) -> str:
    """Return the page of a comparison of those submissions; `title` is the homework's.

    Raises UsageError where a pair is of a submission that is not among them.
    """
    codes = {code.id: code for code in submissions}
    missing = {n for pair in comparison.pairs for n in (pair.left, pair.right)} - set(codes)
    if missing:
        raise UsageError(
            f"The comparison is of other submissions: {min(missing)} is not among these."
        )
    shown = [_show(pair, codes[pair.left], codes[pair.right]) for pair in comparison.pairs]
    return (
        environment(_TEMPLATES)
        .get_template("similarity.html.j2")
        .render(title=title, comparison=comparison, pairs=shown, most_shown=MOST_SHOWN)
    )


def _show(pair: Pair, left: SubmittedCode, right: SubmittedCode) -> ShownPair:
    passages: list[tuple[ShownSide, ShownSide]] = []
    room = _MOST_LINES
    for passage in pair.passages[:_MOST_PASSAGES]:
        if room > 0:
            passages.append(_sides(passage, left, right, room))
            room -= max(len(side.lines) for side in passages[-1])
    return ShownPair(pair, left, right, tuple(passages), len(pair.passages) - len(passages))


def _sides(
    passage: Passage, left: SubmittedCode, right: SubmittedCode, room: int
) -> tuple[ShownSide, ShownSide]:
    return _side(left, passage.left, room), _side(right, passage.right, room)


def _side(code: SubmittedCode, lines: Lines, room: int) -> ShownSide:
    """The lines of a passage with some around them, as many as there is room for."""
    text = code.parts[lines.part].split("\n")
    first, last = max(1, lines.first - _AROUND), min(len(text), lines.last + _AROUND)
    end = min(last, first + room - 1)
    shown = tuple(_numbered(text, first, end, frozenset(lines.shared)))
    return ShownSide(code.student, lines.part, shown, last - end)


def _numbered(
    text: Sequence[str], first: int, last: int, shared: frozenset[int]
) -> Iterator[ShownLine]:
    for number in range(first, last + 1):
        yield ShownLine(number, _shortened(text[number - 1].rstrip()), number in shared)


def _shortened(line: str) -> str:
    more = len(line) - _MOST_COLUMNS
    return f"{line[:_MOST_COLUMNS]} … {more} more characters" if more > 0 else line
