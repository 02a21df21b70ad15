"""Policy: the homework's questions are all there, in their order."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterator

from nbformat import NotebookNode

from grader.policy_entries import Questions
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, quoted, undecided
from grader.submission.policies.labels import read_label
from grader.submission.policies.markup import read_markdown

_ALIKE = 0.8
_LONGEST_TITLE = 200
_MOST_TITLES = 1000
# Text beyond so many characters is not read: a notebook with more is none that people write.
_MOST_CHARACTERS = 500_000


def judge_questions(
    submission: Submission, template: NotebookNode | None, options: Questions
) -> Finding:
    """Look for the headings of the template's questions."""
    if template is None:
        return undecided("The assignment has no template to compare with.")
    wanted = list(_titles(template, options))
    there = list(_titles(submission.notebook, options))
    places = _places(wanted, there)
    missing = [title for title, place in zip(wanted, places, strict=True) if place is None]
    if missing and submission.form == "module":
        return undecided("A module need not repeat the questions.")
    if 2 * len(missing) > len(wanted) and len(there) * 2 > len(wanted):
        return undecided(
            f"{len(missing)} of {len(wanted)} questions have other titles than in the template: "
            "is this another edition of the homework?"
        )
    moved = list(_moved(wanted, places, there))
    if missing or moved:
        return broken([*(f"The question {quoted(t)} is missing." for t in missing), *moved])
    return met(f"All {len(wanted)} questions are there, in their order.")


def _titles(notebook: NotebookNode, options: Questions) -> Iterator[str]:
    """Lines of text cells that head a question: headings, or lines all in bold."""
    found, left = 0, _MOST_CHARACTERS
    pattern = options.pattern.removeprefix("^")
    for cell in notebook.cells:
        if cell.cell_type != "markdown" or left < 0:
            continue
        if not re.search(pattern, _unmarked(cell.source), re.IGNORECASE):
            continue
        lines = read_markdown(cell.source)
        left -= sum(len(line.whole) for line in lines)
        for line in lines:
            # With a slip in it, `#Problem` or `** Problem **`, Markdown leaves it as it is.
            heads = line.bold or line.whole.startswith(("#", "**"))
            title = _unmarked(line.whole[:_LONGEST_TITLE])
            if not heads or not re.search(options.pattern, title, re.IGNORECASE):
                continue
            if options.but_not and re.search(options.but_not, title, re.IGNORECASE):
                continue
            found += 1
            if found <= _MOST_TITLES:
                yield title


def _unmarked(text: str) -> str:
    """The words of a text with single spaces, without tags and other marks."""
    return " ".join(re.sub(r"<[^<>]*>|[#*`$_]", " ", text).split())


def _places(wanted: list[str], there: list[str]) -> list[int | None]:
    """Where each title stands among those that are there; each place is used once."""
    free = dict(enumerate(map(_plain, there)))
    places: list[int | None] = []
    for title in wanted:
        plain = _plain(title)
        exact = [i for i, other in free.items() if other == plain]
        place = exact[0] if exact else _nearest(title, free, there)
        if place is not None:
            del free[place]
        places.append(place)
    return places


def _nearest(title: str, free: dict[int, str], there: list[str]) -> int | None:
    """The first title that names the same part in nearly the same words."""
    plain, label = _plain(title), read_label(title)
    for place, other in free.items():
        if label is not None and read_label(there[place]) != label:
            continue
        short = min(len(plain), len(other))
        if short > 3 and plain[:short] == other[:short]:
            return place  # somebody added or left out words at the end
        if difflib.SequenceMatcher(None, plain, other, autojunk=False).ratio() >= _ALIKE:
            return place
    return None


def _plain(title: str) -> str:
    return "".join(re.findall(r"\w", title.casefold()))


def _moved(wanted: list[str], places: list[int | None], there: list[str]) -> Iterator[str]:
    """Titles outside of the longest run that keeps the order."""
    found = [
        (place, title) for title, place in zip(wanted, places, strict=True) if place is not None
    ]
    kept = _increasing([place for place, _ in found])
    for place, title in found:
        if place not in kept:
            yield f"The question {quoted(title)} is not in its place."


def _increasing(numbers: list[int]) -> set[int]:
    """A longest increasing subsequence."""
    tails: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(tails, number)
        before[number] = tails[at - 1] if at else None
        tails[at : at + 1] = [number]
    kept: set[int] = set()
    step = tails[-1] if tails else None
    while step is not None:
        kept.add(step)
        step = before[step]
    return kept
