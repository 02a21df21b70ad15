"""Numbers that a student states in words: in markdown, in LaTeX or in what a cell printed.

`de/dw1 = -x1 f = -0.3 * 1.051 = -0.315`, `\\frac{\\partial e}{\\partial w_1} \\approx -0.315`,
`(ii) -0.315` and a row of a table all state the same. A text is cut into statements, chains of
equal terms; the number at the end of the chain is what is stated of the name at its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grader.checks.formulas import plain

_NUMBER = r"[-+]?\s{0,3}(?:\d{1,20}\.?\d{0,30}|\.\d{1,30})(?:e[-+]?\d{1,3})?"
# A number, and after it nothing that it is part of: words, or a remark in brackets.
_REMARK = (
    r"(?!exp|ln|log|sqrt|times|mal)[a-zA-Z]{2,}[^\d]*(?:\d+\s*(?:d\b|d\.|dec|dig|pla|sig)[^\d]*)?"
)
_STATED = re.compile(
    rf"\s*({_NUMBER})\s*(?:[.,;:!]*\s*|[.,;(]*\s*{_REMARK}|\([^()]*[a-zA-Z][^()]*\)\W*)$"
)
_LABEL = re.compile(
    r"^(?:\W*(?:so|thus|hence|then|and|also|finally)\b)?\W*\(?\s*(i{1,3}|iv|v|[a-h]|[1-9])"
    r"\s*[).:](?!\s?e\b)\s*",
    re.IGNORECASE,
)
_IS_LABEL = re.compile(r"\(?(?:i+|iv|v|[a-h]|\d)[).]?")
_ROMAN = r"\(\s*(i{1,3}|iv|v|[a-h])\s*\)"
# Behind a number, with nothing but an arrow or a word between.
_LABEL_BEHIND = re.compile(rf"(?<=\d)[\s<>←=#-]*(?:(?:answer|result|part|for)\s*)*{_ROMAN}\W*$")
# What follows tells what others are.
_GIVEN = re.compile(
    r"\b(?:with(?!\s+respect)|where|since|because|using|given|for|when|if|as|at|mit|wobei)\b"
)
# `x_1`, `Since f`: the name of something else.
_OTHER = re.compile(r"(?:[a-zA-Z]+\s+)*[a-zA-Z](?:_?\d+)?")
_LONGEST = 2000
# -0.315 is the value of de/dw1
_VALUE_OF = re.compile(rf"\W*?({_NUMBER})\s+is\s+(?:the\s+)?(?:[a-z]+\s+(?:of|for)\s+)?(.*)")


@dataclass(frozen=True)
class Stated:
    """What a text says of one name: numbers in their order, and whether it speaks of it at all.

    `passed` are the numbers that chains about the name hold before they go on to others.
    """

    numbers: tuple[float, ...]
    mentioned: bool
    passed: tuple[float, ...] = ()

    def settled(self, within: float) -> float | None:
        """The number stated, None where there is none or where they contradict each other."""
        if not self.numbers or max(self.numbers) - min(self.numbers) > within:
            return None
        return self.numbers[-1]


@dataclass(frozen=True)
class _Names:
    """The names by their plain forms, and by those that a term has to be as a whole."""

    within: Mapping[str, str]
    whole: Mapping[str, str]

    @classmethod
    def of(cls, names: Mapping[str, Sequence[str]]) -> _Names:
        forms = [
            (alias, name)
            for name in names
            for alias in (name, *names[name])
            if not _IS_LABEL.fullmatch(alias)
        ]
        within = {_squeeze(alias): name for alias, name in forms if alias[:1] != "="}
        whole = {_tighten(alias[1:]): name for alias, name in forms if alias[:1] == "="}
        return cls(within, whole)

    def get(self, term: str) -> str | None:
        """The name that a term is, and nothing else."""
        return self.within.get(_squeeze(term)) or self.whole.get(_tighten(term))

    def at_end(self, term: str) -> str | None:
        """The name that a term ends with, or is."""
        left, _, right = term.partition(":")
        told = _squeeze(left if right and _STATED.match(right) else term)
        fitting = [alias for alias in self.within if told.endswith(alias)]
        if fitting:
            return self.within[max(fitting, key=len)]
        if (whole := self.whole.get(_tighten(re.sub(r"^\W*\d+[.)]\s", "", term)))) is not None:
            return whole
        said = re.match(r"(.*?)\s+is\s+", term)
        return self.at_end(said[1]) if said else None


def read_numbers(text: str, names: Mapping[str, Sequence[str]]) -> dict[str, Stated]:
    """What `text` states of each name.

    `names` maps a name in plain form (`de/dw1`) to others that it goes by there: plain forms,
    labels such as `(ii)` at the start of a line, and `=e_w1`, which a term has to be as a whole.
    """
    reader = _Reader.of(names)
    for statement in _statements(text, reader.known):
        reader.take(statement)
    return {
        name: Stated(tuple(numbers), name in reader.mentioned, tuple(reader.passed[name]))
        for name, numbers in reader.found.items()
    }


@dataclass
class _Reader:
    """What was read so far, and which name the statements are about at present."""

    known: _Names
    labels: Mapping[str, str]
    found: dict[str, list[float]]
    passed: dict[str, list[float]]
    mentioned: set[str] = field(default_factory=set)
    _current: str | None = None
    # Whether it was a label that told the present name, and whether it has a line of its own.
    _under_label: bool = False
    _below_label: bool = False

    @classmethod
    def of(cls, names: Mapping[str, Sequence[str]]) -> _Reader:
        labels = {alias.strip("(). "): name for name in names for alias in names[name]
                  if _IS_LABEL.fullmatch(alias)}  # fmt: skip
        return cls(_Names.of(names), labels, {n: [] for n in names}, {n: [] for n in names})

    def take(self, statement: str) -> None:
        """Read one more statement."""
        if len(statement) > _LONGEST:
            return
        statement, labelled = self._without_label(statement)
        terms = _without_remark(statement.split("="))
        subject = self.known.at_end(terms[0]) or _named(terms[1:-1], self.known)
        if subject is not None:
            self._turn_to(subject, labelled)
        number = _final_number(terms, alone=subject is None)
        goes_on = _continues(terms, number)
        if subject is None and not (labelled or self._under_label or goes_on):
            self._current = None  # it is a chain, or a sentence, about something else
        if self._current is None:
            return
        found, passed = self.found[self._current], self.passed[self._current]
        passed += [n for term in terms if (n := _number(term)) is not None]
        if subject is None and len(terms) > 1 and _OTHER.fullmatch(terms[0].strip()):
            return  # it says what another one is
        # A bare number goes on with a chain that has none yet: others follow it in a list.
        is_bare = len(terms) == 1 and _STATED.fullmatch(terms[0]) is not None
        if number is None or not (subject or labelled or (goes_on and not (is_bare and found))):
            return
        found[:] = [number] if subject is None else [*found, number]

    def _without_label(self, statement: str) -> tuple[str, bool]:
        """The statement without its label, in front or behind, and whether it has one."""
        label = _LABEL.match(statement)
        if label is not None and label[1].lower() in self.labels:
            self._turn_to(self.labels[label[1].lower()], by_label=True)
            # What may be a minus or a dash is no number.
            rest = re.sub(r"^\s*-\s+(?=[\d.])", "? ", statement[label.end() :])
            self._below_label = not rest.strip()
            return rest, True
        above, self._below_label = self._below_label and label is None, False
        behind = _LABEL_BEHIND.search(statement)
        if above or behind is None or behind[1] not in self.labels:
            return statement, above
        rest = statement[: behind.start()]
        if self.known.at_end(rest.split("=")[0]) is None:
            self._turn_to(self.labels[behind[1]], by_label=False)
            return rest.rpartition("=")[2], True
        return rest, False

    def _turn_to(self, name: str, by_label: bool) -> None:
        self._current, self._under_label = name, by_label
        self.mentioned.add(name)


def _statements(text: str, names: _Names) -> Iterator[str]:
    def parted(match: re.Match[str]) -> str:
        begins = _squeeze(match[1]) in names.within and match[1][0] not in "*+-/"
        return "\n" + match[0].strip() if begins else match[0]

    # "de/df = 1  de/dw1 = -0.3": a number that another of the names follows ends its chain.
    lines = re.sub(r"(?<=\d)[^\S\n]+([^=\d\s][^=\n]{0,200})=", parted, plain(text))
    columns: list[str | None] = []
    below: list[str] = []
    for line in lines.split("\n"):
        if line.count("|") >= 2:  # a row of a table
            columns = _heads(line, names) or columns
            row = _of_row(line, names, columns)
            if not columns:
                yield from row
            elif not _heads(line, names):
                below = row  # the last row has the results
            continue
        yield from below
        columns, below = [], []
        yield from _tuples(line, names) or (_turned(piece, names) for piece in _pieces(line))
    yield from below


def _pieces(line: str) -> Iterator[str]:
    """The statements of a line: what stands between commas, and at labels in front of numbers."""
    if re.match(rf"\W*{_ROMAN}", line):
        line = re.sub(rf"(?<=\S)\s+(?={_ROMAN}\s*\S)", ";", line)
    for piece in re.split(r";|,\s+(?!\d)|,\s*(?=[a-zA-Z\\])|\.\s+(?=[A-Z(])|\band\b", line):
        cleaned = re.sub(r"^[\s>*+-]*(?<![\d])(?=[\s(a-zA-Z=])", "", piece).strip()
        if cleaned:
            yield cleaned


def _tuples(line: str, names: _Names) -> list[str]:
    """`(de/df, de/dw1) = (1, -0.3)` as two statements; empty where it is no such line."""
    left, *others = line.split("=")
    told = [names.get(term) for term in re.split("[,;]", left.strip(" ()[]"))]
    if len(told) < 2 or None in told or not others:
        return []
    listed = re.fullmatch(r"\s*[(\[]?([^()\[\]]*)[)\]]?[\s.]*", others[-1])
    values = re.split("[,;]", listed[1]) if listed else []
    if len(values) != len(told):
        return [" "]  # nothing can be said
    return [f"{name}={value}" for name, value in zip(told, values, strict=True)]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _heads(line: str, names: _Names) -> list[str | None]:
    """The names that columns have, None for others; empty where the row is no row of names."""
    cells = _cells(line)
    told = [names.get(cell) for cell in cells]
    known = [name for name in told if name is not None]
    is_head = 1 < len(known) == len(set(known)) and not any(re.search(r"\d\.", c) for c in cells)
    return told if is_head else []


def _of_row(line: str, names: _Names, columns: Sequence[str | None]) -> list[str]:
    """What a row of a table states: what its cells do by themselves, or else all in one chain.

    Below names of columns each cell speaks of the name of its column.
    """
    row = _cells(line)
    if columns:
        return [f"{name}={cell}" for name, cell in zip(columns, row, strict=False) if name]
    cells = [cell for cell in row if cell]
    own = [cell for cell in cells if _states_something(cell, names)]
    return own or ["=".join(cells)]


def _states_something(cell: str, names: _Names) -> bool:
    """Whether a cell has a name or label of its own, and a number for it."""
    label = re.match(rf"\W*{_ROMAN}\s*", cell)
    terms = cell[label.end() if label else 0 :].split("=")
    named = len(terms) > 1 and names.at_end(terms[0]) is not None
    return (label is not None or named) and _final_number(terms, alone=not named) is not None


def _turned(statement: str, names: _Names) -> str:
    """`-0.3 = de/dw1`, or `-0.3 is the value of de/dw1`, the other way round."""
    terms = statement.split("=")
    if len(terms) > 1 and _number(terms[0]) is not None and names.get(terms[-1]):
        return "=".join(reversed(terms))
    said = _VALUE_OF.fullmatch(statement)
    return f"{said[2]}={said[1]}" if said and names.get(said[2]) else statement


def _without_remark(terms: list[str]) -> list[str]:
    """The terms of a chain up to where it says with what values of others it was computed."""
    for number, term in enumerate(terms[1:], start=1):
        if (remark := _GIVEN.search(term)) is not None:
            return [*terms[:number], term[: remark.start()].rstrip(" ([,;")]
    return terms


def _named(terms: Sequence[str], names: _Names) -> str | None:
    """The name that one of the terms is, and nothing else."""
    return next((name for term in terms if (name := names.get(term))), None)


def _squeeze(term: str) -> str:
    return re.sub(r"[\s_()\[\]*{}:]", "", term).lower()


def _tighten(term: str) -> str:
    """A term without blanks, braces and bars before digits: `e_w1` of `e_{w_1}`."""
    return re.sub(r"_(?=\d)", "", re.sub(r"[\s{}\[\]*]", "", term)).lower()


def _continues(terms: Sequence[str], number: float | None) -> bool:
    """Whether a statement goes on with the chain before it: `= -0.315`, or a number alone."""
    return not terms[0].strip() or (len(terms) == 1 and number is not None)


def _final_number(terms: Sequence[str], *, alone: bool) -> float | None:
    """The number at the end of a chain; terms after it that hold no number explain it."""
    if len(terms) == 1:
        said = re.split(r"\bis\b|:", terms[0], maxsplit=1)
        if not alone and len(said) == 1:
            return None
        return _number(said[-1])
    for term in reversed(terms[1:]):
        if (number := _number(term)) is not None:
            return number
        if re.search(r"(?<![a-zA-Z])\d", term):
            return None
    return None


def _number(term: str) -> float | None:
    cleaned = re.sub(r"tensor|array", "", term).strip(" *`")
    if len(cleaned) > 200:
        return None
    while cleaned[:1] in "([" and cleaned[-1:] in ")]" and cleaned:
        cleaned = cleaned[1:-1].strip()
    match = _STATED.fullmatch(cleaned)
    return float("".join(match[1].split())) if match else None
