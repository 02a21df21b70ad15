"""Policy: the student's own code has comments."""

from __future__ import annotations

import functools
import io
import tokenize
from collections.abc import Iterator

from nbformat import NotebookNode

from grader.policy_entries import Comments
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, undecided
from grader.submission.source import as_python


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
    if len(comments) * options.one_in >= len(own):
        return met(f"{told}.")
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
            words = " ".join(text.strip("#- \t\"'rR").split())
            if any(character.isalpha() for character in words):
                yield words


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
