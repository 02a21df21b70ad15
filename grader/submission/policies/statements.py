"""Statements compared by what they mean: layout, comments, quotes and docstrings say nothing.

A template's statement that the student may change in part (the marker line stands inside of it)
is compared in the parts that are protected.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Fingerprint = tuple[Any, ...]

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
# Fields that the parser fills in by how something is written, and not by what it does.
_SILENT_FIELDS = {"kind", "type_comment", "type_ignores", "ctx"}


def fingerprint(node: ast.AST, *, header: bool = False) -> Fingerprint:
    """What a node means, as a flat tuple: two nodes mean the same where theirs are equal.

    With `header` the blocks of a compound statement are left out. The tree is walked without
    recursion: a student's expression may be nested deeper than Python's stack.
    """
    told: list[Any] = []
    waiting: list[Any] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.AST):
            told.append(type(item).__name__)
            for name, value in reversed(list(ast.iter_fields(item))):
                if name in _SILENT_FIELDS or (header and item is node and name in _BLOCKS):
                    continue
                if name == "body" and isinstance(item, _DOCUMENTED):
                    value = without_docstring(value)
                waiting.append(value)
        elif isinstance(item, list):
            told.append(("list", len(item)))
            waiting += reversed(item)
        else:
            told.append((type(item).__name__, item))
    return tuple(told)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a block, without a string that documents it."""
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if is_text and isinstance(first.value.value, str) else body  # type: ignore[union-attr]  # by is_text


@dataclass(frozen=True)
class Whole:
    """A statement that is protected from its first line to its last."""

    meaning: Fingerprint
    text: str

    @property
    def is_import(self) -> bool:
        """Whether it does nothing but import."""
        return self.meaning[0] in ("Import", "ImportFrom")

    def agrees(self, statement: ast.stmt) -> bool:
        """Whether a student's statement means the same."""
        same_kind = type(statement).__name__ == self.meaning[0]
        return same_kind and fingerprint(statement) == self.meaning


@dataclass(frozen=True)
class Open:
    """A compound statement of which the header is protected, and the ends of its body.

    `head` are protected statements at the start of the body, `tail` those at its end; what the
    student writes stands between them.
    """

    meaning: Fingerprint
    text: str
    head: tuple[Piece, ...] = ()
    tail: tuple[Piece, ...] = ()

    def agrees(self, statement: ast.stmt) -> bool:
        """Whether a student's statement has the same header and keeps both ends."""
        body = getattr(statement, "body", None)
        if not isinstance(body, list) or fingerprint(statement, header=True) != self.meaning:
            return False
        inner = without_docstring(body) if isinstance(statement, _DOCUMENTED) else body
        if len(inner) < len(self.head) + len(self.tail):
            return False
        ends = [*zip(self.head, inner, strict=False)]
        if self.tail:
            ends += zip(self.tail, inner[-len(self.tail) :], strict=True)
        return all(piece.agrees(own) for piece, own in ends)


Piece = Whole | Open


def pieces(
    statements: Iterable[ast.stmt], lines: list[str], *, above: int = 0, below: int = 0
) -> list[Piece]:
    """The protected pieces of a cell's statements.

    Protected is what ends before line `above`, or begins after line `below`; 0 protects nothing.
    """
    found: list[Piece] = []
    for statement in statements:
        first, last = first_line(statement), statement.end_lineno or statement.lineno
        text = lines[statement.lineno - 1].strip()[:200] if statement.lineno <= len(lines) else ""
        if (above and last < above) or (below and first > below):
            found.append(Whole(fingerprint(statement), text))
            continue
        marks = [mark for mark in (above, below) if first < mark <= last]
        body = getattr(statement, "body", None)
        if marks and isinstance(body, list):
            inner = without_docstring(body) if isinstance(statement, _DOCUMENTED) else body
            head = pieces(inner, lines, above=above if above in marks else 0)
            tail = pieces(inner, lines, below=below if below in marks else 0)
            meaning = fingerprint(statement, header=True)
            found.append(Open(meaning, text, tuple(head), tuple(tail)))
    return found


def first_line(statement: ast.stmt) -> int:
    """The line on which a statement begins, decorators among it."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])
