"""Any text in GitHub's markdown, as text: no link, image, HTML, table cell or mention of its own.

`inline` is for texts of the rubric, which read better as prose. What a student wrote goes into
code (`code_span`, `fenced`): there GitHub looks for neither mentions nor addresses.
"""

from __future__ import annotations

import re
from itertools import pairwise

from grader.report.escape import visible

_ACTIVE = re.compile(r"[\\`*_{}\[\]<>&|~@#!$^:]")
# GitHub looks for these once more after markdown is done, when `&#64;` is an @ again: mentions,
# issues, addresses, names of emoji. A space of no width parts them, and no reader sees it.
_LINKING = re.compile(r"(?<=[@#:])(?=\S)|(?<=www)(?=\.)|(?<=gh-)(?=\d)", re.IGNORECASE)
_APART = "&#8203;"
_CODE_SPAN = re.compile(r"`([^`]+)`")
_BACKTICKS = re.compile("`+")


def inline(text: str) -> str:
    """Return `text` on one line, for a table cell, for HTML, or after a word of ours.

    Its `code spans` are set in the type of code; all other markup is shown as it is.
    """
    pieces = _CODE_SPAN.split(_one_line(text))
    return "".join(
        f"<code>{_escaped(piece)}</code>" if place % 2 else _escaped(piece)
        for place, piece in enumerate(pieces)
    )


def _escaped(text: str) -> str:
    links = [match.start() for match in _LINKING.finditer(text)]
    cuts = [0, *links, len(text)]
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    return _APART.join(
        _ACTIVE.sub(lambda match: f"&#{ord(match.group())};", piece) for piece in pieces
    )


def code_span(text: str, most: int = 300) -> str:
    """Return `text` on one line as code, cut after `most` characters; not for a table cell."""
    line = _one_line(text)
    line = line if len(line) <= most else f"{line[:most]}…"
    fence = "`" * (_longest_run(line) + 1)
    return f"{fence} {line or '…'} {fence}"


def fenced(text: str, most: int = 4000) -> str:
    """Return `text` as a block of code, cut after `most` characters."""
    shown = visible(text)
    shown = shown if len(shown) <= most else f"{shown[:most]}\n…"
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
