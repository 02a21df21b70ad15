"""Where the code of a submission stands in its file: for who points at a line of it."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from nbformat import NotebookNode

from grader.submission.files import printable, read_whole
from grader.submission.ingest import SOURCE_BYTES
from grader.submission.module import read_module
from grader.submission.notebook import read_notebook

# What of JSON tells where in it a string stands.
_MARK = re.compile(r'["{}\[\],]')
# worksheets, number, cells, number, input, number: what lies deeper is no cell's code.
_DEEPEST = 6
# The percent format has magics and shell lines as comments.
_COMMENT = re.compile(r"^(\s*)# ?(?=[%!?])")

Place = tuple["str | int | None", ...]
Piece = tuple[str, int]  # a text, and the line at which it stands


def cell_lines(path: Path) -> dict[int, tuple[int, ...]]:
    """Return for each code cell the lines of the file at which its own lines stand, from 1.

    Cells are counted as reports count them: from 1, without those that are blank. Of a notebook
    these are lines of its JSON; where a cell's source is one string, all its lines stand at one.
    A cell that is not found is left out. Raises SubmissionError where the file cannot be read.
    """
    name = printable(path.name)
    data = read_whole(path, name, SOURCE_BYTES)
    module = path.suffix.lower() == ".py"
    sources = _sources(read_module(data, name) if module else read_notebook(data, name))
    text = data.decode("utf-8-sig")
    found = _in_module(sources, text) if module else _in_notebook(sources, text)
    return {number: lines for number, lines in enumerate(found, 1) if lines}


def _sources(notebook: NotebookNode) -> list[str]:
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [cell.source for cell in cells if cell.source.strip()]


def _in_module(sources: Sequence[str], text: str) -> Iterator[tuple[int, ...]]:
    file = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    begins: dict[str, list[int]] = {}
    for index, line in enumerate(file):
        for form in _forms(line):
            begins.setdefault(form, []).append(index)
    at = 0
    for source in sources:
        cell = source.split("\n")
        alike = begins.get(cell[0].rstrip(), [])
        tries = (_followed(cell, file, start) for start in alike[bisect_left(alike, at) :])
        lines = next(filter(None, tries), ())
        at = lines[-1] if lines else at
        yield lines


def _followed(cell: Sequence[str], file: Sequence[str], at: int) -> tuple[int, ...]:
    """The lines of a cell that begins at the index `at`, if it does; blank ones may be left out."""
    found: list[int] = []
    for line in cell:
        while found and line.strip() and at < len(file) and not file[at].strip():
            at += 1
        if at == len(file) or line.rstrip() not in _forms(file[at]):
            return ()
        at += 1
        found.append(at)
    return tuple(found)


def _forms(line: str) -> set[str]:
    """What a line of a file may be in its cell."""
    return {line.rstrip(), _COMMENT.sub(r"\1", line).rstrip()}


def _in_notebook(sources: Sequence[str], text: str) -> Iterator[tuple[int, ...]]:
    cells = iter(_code_cells(text))
    for source in sources:
        # Blank cells are passed over, and blank lines at the start of others.
        pieces = next((cell for cell in cells if _whole(cell).endswith(source)), None)
        yield _lines_of(source, pieces) if pieces is not None else ()


def _whole(pieces: Sequence[Piece]) -> str:
    # Escapes can spell half of a character, in whose place reading puts a question mark.
    joined = "".join(text for text, _ in pieces)
    return joined.encode("utf-8", "replace").decode("utf-8")


def _lines_of(source: str, pieces: Sequence[Piece]) -> tuple[int, ...]:
    """The line of the piece in which each line of the source begins."""
    ends = list(accumulate(len(text) for text, _ in pieces))
    start = ends[-1] - len(source)
    begins = [start, *(start + match.end() for match in re.finditer("\n", source))]
    return tuple(pieces[min(bisect_right(ends, at), len(ends) - 1)][1] for at in begins)


def _code_cells(text: str) -> list[list[Piece]]:
    """The pieces of each code cell's source, in the order of the file."""
    kinds: dict[Place, str] = {}
    pieces: dict[Place, dict[str, list[Piece]]] = {}
    for place, value, line in _strings(text):
        cell, key = _cell_of(place)
        if key == "cell_type":
            kinds[cell] = value
        elif key in ("source", "input"):
            known = pieces.setdefault(cell, {})
            if place[-1] == key or place[-1] == 0:
                known[key] = []  # where a key stands twice, the last one counts
            known[key].append((value, line))
    # Until version 3 of the format the code was the cell's input.
    found = (known.get("input") or known.get("source") for known in
             (pieces[cell] for cell in pieces if kinds.get(cell) == "code"))  # fmt: skip
    return [cell for cell in found if cell]


def _cell_of(place: Place) -> tuple[Place, str]:
    """The place of the cell that a string belongs to, and the string's key in it."""
    start = 2 if place[:1] == ("worksheets",) else 0
    inside = place[start:]
    is_cell = inside[:1] == ("cells",) and len(inside) in (3, 4)
    return place[: start + 2], str(inside[2]) if is_cell else ""


def _strings(text: str) -> Iterator[tuple[Place, str, int]]:
    """The strings of valid JSON that are no keys, with their places and lines."""
    decode = json.JSONDecoder().raw_decode
    place: list[str | int | None] = []  # the key or number of each level; None awaits a key
    at, line, counted = 0, 1, 0
    while token := _MARK.search(text, at):
        mark, at = token[0], token.end()
        if mark in "{[":
            place.append(None if mark == "{" else 0)
        elif mark in "}]":
            place.pop()
        elif mark == ",":
            place[-1] = place[-1] + 1 if isinstance(place[-1], int) else None
        else:
            value, at = decode(text, token.start())
            if place and place[-1] is None:
                place[-1] = value
            elif len(place) <= _DEEPEST:
                line += text.count("\n", counted, token.start())
                counted = token.start()
                yield tuple(place), value, line
