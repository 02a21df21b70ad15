"""Numbers that a student states in words: in markdown, in LaTeX or in what a cell printed.

`de/dw1 = -x1 f = -0.3 * 1.051 = -0.315`, `\\frac{\\partial e}{\\partial w_1} \\approx -0.315`,
`(ii) -0.315` and a row of a table all state the same. A text is cut into statements, chains of
equal terms; the number at the end of the chain is what is stated of the name at its start.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_LONGEST = 20_000

_WORDS = {
    "partial": "d", "delta": "d", "cdot": "*", "times": "*", "approx": "=", "simeq": "=",
    "cong": "=", "equiv": "=", "doteq": "=", "to": "=", "rightarrow": "\n", "Rightarrow": "\n",
    "implies": "\n", "therefore": "\n", "newline": "\n", "par": "\n", "quad": " ", "qquad": " ",
    "left": "", "right": "", "displaystyle": "", "nonumber": "", "limits": "", "big": "",
    "star": "*", "ast": "*",
}  # fmt: skip
_SIGNS = str.maketrans({
    "∂": "d", "𝜕": "d", "δ": "d", "−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "≈": "=",
    "≃": "=", "≅": "=", "≡": "=", "→": "=", "⇒": "\n", "∴": "\n", "₀": "0", "₁": "1", "₂": "2",
    "₃": "3", "₄": "4", "₅": "5", "₆": "6", "₇": "7", "₈": "8", "₉": "9", "&": " ", "~": " ",
    "\u00a0": " ", "\u2009": " ", "`": "", "$": " ",
})  # fmt: skip
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))")
_WRAPPER = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|text|textbf|textit|boxed|underline|color|textcolor"
    r"|operatorname|bm|boldsymbol|hbox|mbox|fbox|tag)\s*\{([^{}]*)\}"
)
# What is written below or above something else explains it.
_BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_BRACED = re.compile(rf"\\(?:under|over)(?:brace|bracket)\s*{_BRACES}\s*[_^]\s*(?:{_BRACES}|\w)")
# The lines of a formula: what ends one of them is a double backslash, perhaps with a distance.
_FORMULA = re.compile(
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\begin\{(align|gather|equation|split|eqnarray)(ed)?\*?\}.+?\\end\{\1",
    re.DOTALL,
)
_DISTANCE = re.compile(r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|ex|em|mm|cm|in)\s*\]")
# A decimal comma of LaTeX; in 1{,}000 it may part thousands.
_LATEX_COMMA = re.compile(r"(?<![\d.,])(0|\d+(?=\{,\}(?!\d{3}(?!\d))))\{,\}(\d+)")
# 3.15 * 10^-1 as one number.
_POWER_OF_TEN = re.compile(r"(\d)\s*\*\s*10\s*\^\s*\(?\s*([-+]?\d+)\)?")
_NUMBER = r"[-+]?\s*(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
# A number, and after it nothing that it is part of: words, or a remark in brackets.
_REMARK = r"[a-zA-Z]{2,}[^\d]*(?:\d+\s*(?:d\b|d\.|dec|dig|pla|sig)[^\d]*)?"
_STATED = re.compile(rf"\s*({_NUMBER})\s*(?:[.,;:!]*\s*|[.,;(]*\s*{_REMARK}|\([^()]*\)\W*)$")
_LABEL = re.compile(r"^\W*\(?\s*(i{1,3}|iv|v|[a-h]|[1-9])\s*[).:]\s*", re.IGNORECASE)
# Behind a number, with nothing but an arrow between.
_LABEL_BEHIND = re.compile(r"(?<=\d)[\s*<>←=-]*\(\s*(i{1,3}|iv|v|[a-h])\s*\)\W*$")


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


def read_numbers(text: str, names: Mapping[str, Sequence[str]]) -> dict[str, Stated]:
    """What `text` states of each name.

    `names` maps a name in plain form (`de/dw1`) to others that it goes by there: plain forms,
    or labels such as `(ii)` at the start of a line.
    """
    found: dict[str, list[float]] = {name: [] for name in names}
    passed: dict[str, list[float]] = {name: [] for name in names}
    mentioned = set()
    plain_names = {_squeeze(alias): name for name in names for alias in (name, *names[name])}
    labels = {alias.strip("(). "): name for name in names for alias in names[name]
              if re.fullmatch(r"\(?(?:i+|iv|v|[a-h]|\d)[).]?", alias)}  # fmt: skip
    current: str | None = None
    under_label = False
    for statement in _statements(text, plain_names):
        label = _LABEL.match(statement)
        labelled = label is not None and label[1].lower() in labels
        if label is not None and labelled:
            current = labels[label[1].lower()]
            under_label = True
            mentioned.add(current)
            statement = statement[label.end() :]
        behind = None if labelled else _LABEL_BEHIND.search(statement)
        if behind is not None and behind[1] in labels:
            statement = statement[: behind.start()]
        terms = statement.split("=")
        subject = _subject(terms[0], plain_names) or _named(terms[1:-1], plain_names)
        if subject is None and behind is not None and behind[1] in labels:
            current, labelled = labels[behind[1]], True
            mentioned.add(current)
        if subject is not None:
            current, under_label = subject, labelled
            mentioned.add(subject)
        elif not (labelled or under_label or _continues(terms)):
            current = None  # what goes on is a chain about something else
        number = _final_number(terms, alone=subject is None)
        if current is not None:
            passed[current] += [n for term in terms if (n := _number(term)) is not None]
        if (
            current is not None
            and number is not None
            and (subject or labelled or _continues(terms))
        ):
            found[current] = [number] if subject is None else [*found[current], number]
    return {
        name: Stated(tuple(found[name]), name in mentioned, tuple(passed[name])) for name in names
    }


def plain(text: str) -> str:
    """Markdown and LaTeX as plain text, one statement or chain of them a line."""
    text = html.unescape(re.sub(r"<[^<>]*>", " ", text[:_LONGEST]))
    text = _FORMULA.sub(lambda formula: formula[0].replace("\n", " "), text).replace("$$", "\n")
    text = _DISTANCE.sub("\n", _BRACED.sub(r" \1 ", text))
    text = re.sub(r"\$\s+\$", "\n", text)
    text = _LATEX_COMMA.sub(r"\1.\2", text)
    text = text.replace("\\\\", "\n").replace("**", " ").replace("\\[", "\n").replace("\\]", "\n")
    text = re.sub(r"\\(?:begin|end)\s*\{[^{}]*\}", "\n", text)
    text = re.sub(r"\\color\s*\{[^{}]*\}", "", text)
    before = None
    while before != text:  # innermost braces first
        before = text
        text = _WRAPPER.sub(r" \1 ", text)
        text = _FRACTION.sub(_quotient, text)
        text = re.sub(r"([_^])\{([^{}\\]*)\}", r"\1\2", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda m: _WORDS.get(m[1], " "), text)
    text = re.sub(r"\\[,;:! ]", " ", text).translate(_SIGNS)
    text = re.sub(r"(?<![\d.])(0|\d+(?=,\d{4})),(\d{2,})", r"\1.\2", text)  # a decimal comma
    text = re.sub(r"[{}]", "", text)
    return _POWER_OF_TEN.sub(r"\1e\2", text)


def _quotient(match: re.Match[str]) -> str:
    top, bottom = (match[1] or match[2] or "").strip(), (match[3] or match[4] or "").strip()
    if re.search(r"[-+*/]", top):
        top = f"({top})"
    if re.search(r"[-+*/]", bottom):
        bottom = f"({bottom})"
    return f" {top}/{bottom} "


def _statements(text: str, names: Mapping[str, str]) -> Iterator[str]:
    def parted(match: re.Match[str]) -> str:
        begins = _squeeze(match[1]) in names and match[1][0] not in "*+-/"
        return "\n" + match[0].strip() if begins else match[0]

    # "de/df = 1  de/dw1 = -0.3": a number that another of the names follows ends its chain.
    lines = re.sub(r"(?<=\d)\s+([^=\d\s][^=\n]*?)\s*=", parted, plain(text))
    for line in lines.split("\n"):
        if line.count("|") >= 2:  # a row of a table
            yield from _of_row(line, names)
            continue
        for piece in re.split(r";|,\s+(?!\d)|,\s*(?=[a-zA-Z\\])|\.\s+(?=[A-Z(])|\band\b", line):
            cleaned = re.sub(r"^[\s>*+-]*(?<![\d])(?=[\s(a-zA-Z=])", "", piece).strip()
            if cleaned:
                yield cleaned


def _of_row(line: str, names: Mapping[str, str]) -> Iterator[str]:
    """What a row of a table states: what its cells do by themselves, or else all in one chain."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip()]
    own = [cell for cell in cells if _states_something(cell, names)]
    yield from own or ["=".join(cells)]


def _states_something(cell: str, names: Mapping[str, str]) -> bool:
    """Whether a cell has a name or label of its own, and a number for it."""
    label = re.match(r"\W*\(\s*(?:i{1,3}|iv|v|[a-h])\s*\)\s*", cell)
    terms = cell[label.end() if label else 0 :].split("=")
    named = len(terms) > 1 and _subject(terms[0], names) is not None
    return (label is not None or named) and _final_number(terms, alone=not named) is not None


def _subject(term: str, names: Mapping[str, str]) -> str | None:
    """The name that a chain's first term ends with."""
    left, _, right = term.partition(":")
    told = _squeeze(left if right and _STATED.match(right) else term)
    fitting = [alias for alias in names if told.endswith(alias)]
    if fitting:
        return names[max(fitting, key=len)]
    said = re.match(r"(.*?)\s+is\s+", term)
    return _subject(said[1], names) if said else None


def _named(terms: Sequence[str], names: Mapping[str, str]) -> str | None:
    """The name that one of the terms is, and nothing else."""
    return next((names[_squeeze(term)] for term in terms if _squeeze(term) in names), None)


def _squeeze(term: str) -> str:
    return re.sub(r"[\s_()\[\]*{}:]", "", term).lower()


def _continues(terms: Sequence[str]) -> bool:
    """Whether a statement goes on with the chain before it: `= -0.315`, or a number alone."""
    return not terms[0].strip() or len(terms) == 1


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
    while cleaned[:1] in "([" and cleaned[-1:] in ")]" and cleaned:
        cleaned = cleaned[1:-1].strip()
    match = _STATED.fullmatch(cleaned)
    return float(match[1].replace(" ", "")) if match else None
