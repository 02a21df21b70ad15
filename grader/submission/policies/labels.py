"""Which part a heading names: `Solution to Problem 2 Part (c)`, `2c`, `Part (c) of Problem 2`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DASHES = str.maketrans("\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}", "---")
_LONGEST = 300
_NUMBER = re.compile(r"\d{1,3}")
# Letters and Roman numbers that stand alone; `to` and `-` between letters make a range.
_LETTERS = re.compile(
    r"[^\w:]*(?:parts?[^\w:]*)?((?:(?:[a-z]|[ivx]{2,4}|to|and|through)(?![a-z])|[^\w:])*)"
)
_LETTERS_FIRST = re.compile(r"parts?\W*((?:(?:[a-z]|[ivx]{2,4})(?![a-z])|[^\w:])+)")
_RANGE = re.compile(r"([a-z])\W*(?:-|to|through)\W*([a-z])(?![a-z])")


@dataclass(frozen=True)
class Label:
    """A problem's number and the letters of its part: `("5", "bi")`; `last` ends a range."""

    number: str
    letters: str = ""
    last: str = ""

    def covers(self, other: Label) -> bool:
        """Whether a heading with this label can stand where `other` is asked for."""
        if self.number != other.number:
            return False
        if self.letters == other.letters:
            return True
        # Of a range such as (a)-(e), one heading for each part is as good.
        first, last = other.letters[:1], other.last
        return bool(last and self.letters) and all(first <= c <= last for c in self.letters)


def read_label(text: str) -> Label | None:
    """The part that a text names, None where it names none."""
    plain = text[:_LONGEST].translate(_DASHES).casefold()
    number = _NUMBER.search(plain)
    if number is None:
        return None
    after = _LETTERS.match(plain, number.end())
    found = after[1] if after else ""
    if not re.search(r"[a-z]", found):
        before = _LETTERS_FIRST.search(plain, 0, number.start())
        found = before[1] if before else ""
    # "(b-i)" is part b, item i; "(a)-(e)" and "a to e" are ranges.
    spread = _RANGE.search(found) if re.search(r"\)\W*-|to|through", found) else None
    letters = "".join(re.findall(r"[a-z]", re.sub(r"to|and|through", " ", found)))
    return Label(str(int(number[0])), letters, spread[2] if spread else "")
