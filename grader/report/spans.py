"""CSV text as cells that know where they stand, so that one can change and no other byte does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import UsageError

_NEEDS_QUOTES = re.compile(r'[",;\r\n]')


@dataclass(frozen=True)
class Cell:
    """A cell: its value, and the span of the text that it was read from, quotes included."""

    value: str
    start: int
    end: int
    quoted: bool


@dataclass(frozen=True)
class Line:
    """A row of cells; `number` is the line of the text that it begins on, counted from 1."""

    number: int
    cells: tuple[Cell, ...]

    def value(self, place: int | None) -> str:
        """Return the value of a cell without blanks around it; empty where there is no cell."""
        if place is None or place >= len(self.cells):
            return ""
        return self.cells[place].value.strip()


def read_lines(text: str, separator: str, start: int = 0) -> tuple[Line, ...]:
    """Read RFC 4180 from `start` on, with line ends of any kind.

    Raises UsageError, with the line, where a quote stands in the middle of a cell or is not
    closed: readers differ in what they make of it.
    """
    lines, cells, number, begins = [], [], 1, 1
    for cell, ending in _cells(text, separator, start):
        cells.append(cell)
        number += _breaks(text[cell.start : cell.end])
        if ending == separator:
            continue
        # What follows the last line end is no row.
        if ending or len(cells) > 1 or cell.end > cell.start:
            lines.append(Line(begins, tuple(cells)))
        cells, number = [], number + 1
        begins = number
    return tuple(lines)


def replaced(text: str, values: dict[Cell, str]) -> str:
    """Return the text with other values in some cells.

    A cell in quotes keeps them, and a value that needs some gets them.
    """
    pieces, at = [], 0
    for cell in sorted(values, key=lambda cell: cell.start):
        value = values[cell]
        in_quotes = cell.quoted or _NEEDS_QUOTES.search(value)
        quoted = '"{}"'.format(value.replace('"', '""'))
        pieces += [text[at : cell.start], quoted if in_quotes else value]
        at = cell.end
    return "".join([*pieces, text[at:]])


def _cells(text: str, separator: str, start: int) -> Iterator[tuple[Cell, str]]:
    """Each cell with what ends it: the separator, a line end, or nothing at the end."""
    ends = re.escape(separator)
    quoted = r'"(?P<quoted>[^"]*(?:""[^"]*)*)"'
    shape = re.compile(rf'(?:{quoted}|(?P<plain>[^"\r\n{ends}]*))(?P<ending>{ends}|\r\n|\n|\r|\Z)')
    at, ending = start, separator
    while ending:
        match = shape.match(text, at)
        if match is None:
            line = 1 + _breaks(text[start:at])
            raise UsageError(
                f"Line {line} of the CSV: a quotation mark stands where none can. "
                "Export the file again, and change it with nothing but a spreadsheet."
            )
        ending, inner = match["ending"], match["quoted"]
        value = match["plain"] if inner is None else inner.replace('""', '"')
        yield Cell(value, at, match.start("ending"), inner is not None), ending
        at = match.end()


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n|\n|\r", text))
