"""Policy: the student's own code has comments."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator

from nbformat import NotebookNode

from grader.policy_entries import Comments
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, undecided
from grader.submission.source import as_python, parse_python

# What is said to tools, or by them, and not to a reader.
_TO_TOOLS = re.compile(
    r"(pylint|pyright|mypy|ruff|flake8|fmt|yapf|isort|pragma)\s*:|(noqa|nosec)\b|type:\s*ignore"
    r"|coding[:=]|-?\*-|!/|!pip\b|@(title|param|markdown)\b|%%|(In|Out)\s*\[[\d *]*\]:?$"
    r"|(end)?region$",
    re.IGNORECASE,
)
# Statements that stand in a comment because somebody switched them off. `Shape: (N, C)` is none.
_CODE = (ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Return)


def judge_comments(
    submission: Submission, template: NotebookNode | None, options: Comments
) -> Finding:
    """Count lines of code and comments that are not the template's."""
    given = set(_lines(template)) if template is not None else set()
    given_comments = set(_comments(template)) if template is not None else set()
    own = [line for line in _lines(submission.notebook) if line not in given]
    comments = [text for text in _comments(submission.notebook) if text not in given_comments]
    told = f"{len(comments)} comments on {len(own)} lines of own code"
    if len(own) < options.from_lines:
        return undecided(f"{told}: too few to judge.")
    words = [text for text in comments if not _is_code(text)]
    if len(words) * options.one_in >= len(own):
        return met(f"{told}.")
    if len(comments) * options.one_in >= len(own):
        return undecided(f"{told}, most of which look like code: do they explain something?")
    return broken([f"{told}, but should be at least one for {options.one_in} lines."])


def _code(notebook: NotebookNode) -> Iterator[str]:
    yield from (as_python(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def _lines(notebook: NotebookNode) -> Iterator[str]:
    """Lines with code in them, without their comments' and outer spaces."""
    for source in _code(notebook):
        for line in source.split("\n"):
            text = "".join(line.partition("#")[0].split())
            if text:
                yield text


def _comments(notebook: NotebookNode) -> Iterator[str]:
    """Comments with a word in them; docstrings count, for they say what code is for."""
    for source in _code(notebook):
        for text in _comment_tokens(source):
            words = " ".join(text.strip("#- \t\"'").split())
            if any(character.isalpha() for character in words) and not _TO_TOOLS.match(words):
                yield words


def _is_code(words: str) -> bool:
    """Whether a comment reads as a statement of Python, or as the head of one."""
    tree = parse_python(f"{words} pass" if words.endswith(":") else words)
    return tree is not None and all(
        isinstance(statement, _CODE)
        or hasattr(statement, "body")
        or (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and re.search(r"\w\(", words) is not None
        )
        for statement in tree.body
    )


@functools.lru_cache(maxsize=512)  # most cells of a class begin as the template's own
def _comment_tokens(source: str) -> tuple[str, ...]:
    found = []
    before = tokenize.NEWLINE
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            opens = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and opens):
                found.append(token.string)
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                before = token.type
    except (tokenize.TokenError, SyntaxError):
        pass  # a cell that breaks off in a statement keeps the comments that were read so far
    return tuple(found)
