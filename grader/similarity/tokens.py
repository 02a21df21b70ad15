"""Code as a sequence of symbols that renaming, reformatting and comments do not change.

The tokens are those of Python's own `tokenize`, which a test compares with these. It is not used
itself: it takes a minute for a large class, stops at the first error, and its tokens, and what
it calls an error, differ between Python 3.11 and 3.12. One regular expression reads whatever
there is, in time linear in its length.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NAME, ATTRIBUTE, NUMBER, TEXT, OTHER = "name", ".name", "1", "''", "?"

# Spaces and a comment, then one token. Every character is matched, and nothing is tried twice: a
# string that does not end goes to the end of its line, or of the code where it has three quotes.
_TOKEN = re.compile(
    r"""[^\S\n]*(?:\#[^\n]*)?(
    [rRbBuUfFtT]{0,2}(?:
        \"{3}[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*(?:"{3})?
        |'{3}[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*(?:'{3})?
        |"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"?
        |'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'?)
    |[^\W\d]\w*
    |\.[^\S\n]*[^\W\d]\w*
    |0[xXoObB]\w+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[jJ]?
    |\*\*=?|//=?|>>=?|<<=?|!=|->|:=|\.\.\.|[-+*/%@&|^=<>]=?
    |\\\n|[\s\S]|\Z)""",
    re.VERBOSE,
)
_DOUBLES = ("**", "//", ">>", "<<")
_SIGNS = frozenset([*"-+*/%@&|^=<>~,:.", *_DOUBLES, "->", "..."]) | {
    f"{sign}=" for sign in (*"-+*/%@&|^=<>!:", *_DOUBLES)
}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_BRACKETS = frozenset("()[]{}")
_KEYWORDS = frozenset(keyword.kwlist)
# Tokens that need more than to be written down.
_SPECIAL = dict.fromkeys([*_BRACKETS, "\n", ";", "%", "!", "\\\n", ""], "")
_MAGIC = frozenset("%!")


@dataclass(frozen=True)
class Symbols:
    """Code without what a copier changes: its symbols, and the line (from 1) of each."""

    names: list[str]
    lines: list[int]


@cache
def known_attributes() -> frozenset[str]:
    """Names that say what is done where they follow a dot: those of numpy and torch."""
    text = Path(__file__).with_name("names.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split("\n") if line and not line.startswith("#"))


@cache
def known_names() -> frozenset[str]:
    """Names that say what is done where they stand alone: keywords and builtins."""
    return _KEYWORDS | {name for name in dir(builtins) if not name.startswith("_")}


@cache
def alphabet() -> tuple[str, ...]:
    """Every symbol that there is, in a fixed order."""
    attributes = (f".{name}" for name in known_attributes())
    fixed = {NAME, ATTRIBUTE, NUMBER, TEXT, OTHER}
    return tuple(sorted({*fixed, *_SIGNS, *_BRACKETS, *known_names(), *attributes}))


def read_symbols(source: str) -> Symbols:
    """Read code, whether or not it is Python.

    Comments, docstrings, magics, parentheses that only group and commas before a bracket are
    left out; a name is kept where it says what is done, and otherwise is a name, a number a
    number, a string a string. A method or an attribute is one symbol, with its dot.
    """
    return _Reader().read(source)


class _Table(dict[str, str]):
    """The symbol of each token, '' for those that need more; of new ones it is found out once.

    `called` are the tokens after which a parenthesis calls and does not group.
    """

    def __init__(self) -> None:
        super().__init__(_SPECIAL)
        self.called = {")", "]", "}"}

    def __missing__(self, token: str) -> str:
        self[token] = symbol = _symbol(token)
        if symbol.lstrip(".").isidentifier() and token not in _KEYWORDS:
            self.called.add(token)
        return symbol


def _symbol(token: str) -> str:
    first = token[0]
    if token in _SIGNS or token in known_names():
        return token
    if '"' in token or "'" in token:
        return ""
    if first == "." and not token[1:2].isdigit():
        name = token[1:].strip()
        return f".{name}" if name in known_attributes() else ATTRIBUTE
    if first.isdigit() or first == ".":
        return NUMBER
    return NAME if first.isidentifier() else OTHER


class _Reader:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.lines: list[int] = []
        self.closers: list[str] = []  # what closes each open bracket, '' where it only groups
        self.line = 1
        self.begin = 0  # where the statement begins

    def read(self, source: str) -> Symbols:
        table, before = _Table(), ""
        add, mark = self.names.append, self.lines.append  # this loop takes most of all time
        tokens = iter(_TOKEN.findall(source))
        for token in tokens:
            symbol = table[token]
            if not symbol:
                if token in _CLOSERS:
                    groups = token == "(" and before not in table.called
                    symbol = "" if groups else token
                    self.closers.append("" if groups else _CLOSERS[token])
                elif token in _BRACKETS:
                    symbol = self._close()
                elif token in _MAGIC:
                    symbol = self._read_sign(token, tokens)
                else:
                    self._read_other(token)
            if symbol:
                add(symbol)
                mark(self.line)
            before = token
        self._end_statement()
        return Symbols(self.names, self.lines)

    def _close(self) -> str:
        """What a closing bracket is written as; a comma before it says nothing."""
        if self.names and self.names[-1] == ",":
            self._drop_last()
        return self.closers.pop() if self.closers else ""

    def _read_sign(self, token: str, tokens: Iterator[str]) -> str:
        """What opens a statement with such a sign is a magic or a shell's, to the line's end."""
        if self.closers or len(self.names) > self.begin:
            return "%" if token == "%" else OTHER
        for skipped in tokens:
            self.line += skipped.count("\n")
            if skipped == "\n":
                break
        return ""

    def _read_other(self, token: str) -> None:
        """An end of a statement, a string, or a line that goes on."""
        if token in ("\n", ";") and not self.closers:
            self._end_statement()
        elif token.strip("\\;\n"):
            joined = len(self.names) > self.begin and self.names[-1] == TEXT
            if not joined:  # strings side by side are one
                self.names.append(TEXT)
                self.lines.append(self.line)
        self.line += token.count("\n")

    def _end_statement(self) -> None:
        """Leave out a statement that is only a string: it is a comment."""
        if len(self.names) == self.begin + 1 and self.names[-1] == TEXT:
            self._drop_last()
        self.begin = len(self.names)

    def _drop_last(self) -> None:
        self.names.pop()
        self.lines.pop()
