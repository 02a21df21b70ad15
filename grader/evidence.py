"""What a submission shows of one part: its cells, its own words, its pictures and outputs."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from grader.submission import PartMap, Submission, pictures, printed

_START = 16
# Bounded: else text that only opens brackets is searched to its end for each of them.
_PICTURE = re.compile(r"!\[[^\]]{0,500}\]\(|<img\b", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """One part as it was handed in, and what its cells print.

    `cells` are numbers of code cells from 1, `sources` their code. `text` is what the student
    wrote in the part's text cells: their lines without those of the template. `pictures`
    counts those in the text cells, `shown` those among the outputs that were handed in, and
    `executed` says whether any cell of the notebook was handed in with its outputs. `files`
    are the other files that came along, and `starts_of` gives their first bytes. `showed` says
    whether the cells may have shown more than text when they were run here, None where that is
    not known.
    """

    cells: tuple[int, ...]
    sources: tuple[str, ...]
    text: str = ""
    ran: Callable[[], str] = str
    pictures: int = 0
    shown: int = 0
    handed_in: str = ""
    executed: bool = False
    files: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    showed: Callable[[], bool | None] = lambda: None
    starts_of: Callable[[str], bytes] = lambda name: b""

    @cached_property
    def printed(self) -> str:
        """What the cells printed when they were run; in a kernel they are run again for it."""
        return self.ran()


def gather(
    part: str,
    submission: Submission,
    parts: PartMap,
    template: frozenset[str],
    *,
    number: Callable[[int], int],
    ran: Callable[[int], str],
    showed: Callable[[int], bool | None],
) -> Evidence:
    """Collect a part's evidence.

    `ran` gives what a cell printed here, `showed` whether it may have shown more, `template` the
    known lines.
    """
    notebook = submission.notebook
    cells = parts.cells.get(part, ())
    texts = parts.texts.get(part, ())
    outputs = [output for i in cells for output in notebook.cells[i].get("outputs", ())]
    sources = [parts.sections.get((i, part), notebook.cells[i].source) for i in texts]
    attached = sum(len(notebook.cells[i].get("attachments", {})) for i in texts)
    linked = sum(len(_PICTURE.findall(own_lines(source, template))) for source in sources)
    return Evidence(
        cells=tuple(number(i) for i in cells),
        sources=tuple(notebook.cells[i].source for i in cells),
        text="\n\n".join(filter(None, (own_lines(source, template) for source in sources))),
        ran=lambda: "\n".join(ran(i) for i in cells),
        pictures=max(attached, linked),
        shown=pictures(outputs),
        handed_in=printed(outputs),
        executed=any(c.get("outputs") for c in notebook.cells if c.cell_type == "code"),
        files=tuple(sorted(submission.extra)),
        showed=lambda: _any(showed(i) for i in cells),
        starts_of=lambda name: _first_bytes(submission.extra[name]),
        names=frozenset(name for i in cells for name in parts.defines[i]),
    )


def _first_bytes(path: Path) -> bytes:
    """What a file begins with, which tells its format; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_START)
    except OSError:
        return b""  # as of an empty file: no format that is known


def _any(told: Iterable[bool | None]) -> bool | None:
    """Whether one is true; None where none is and some are not known."""
    known = list(told)
    return True if True in known else None if None in known or not known else False


def own_lines(source: str, template: frozenset[str]) -> str:
    """A text cell's lines without those that the template has."""
    kept = [line for line in source.split("\n") if _squeezed(line) not in template]
    return "\n".join(kept).strip()


@functools.cache
def template_lines(path: Path | None) -> frozenset[str]:
    """Lines of the text cells of a template, to be told from a student's own."""
    if path is None or not path.is_file():
        return frozenset()
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return frozenset(_lines(cell.source for cell in cells))


def _lines(sources: Iterable[str]) -> Iterable[str]:
    return (_squeezed(line) for source in sources for line in source.split("\n"))


def _squeezed(line: str) -> str:
    return " ".join(line.split())
