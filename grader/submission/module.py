"""Python modules as notebooks: percent format by jupytext, plain files cut into cells.

A plain file is cut before each top-level definition and each comment line that starts a
block, so that an error in one part leaves the others standing, as in a notebook.
"""

from __future__ import annotations

import re

import jupytext
import nbformat
from nbformat import NotebookNode

from grader.errors import SubmissionError
from grader.submission.files import printable
from grader.submission.notebook import check_code, kept_metadata
from grader.submission.source import parse_python

_CELL_LIMIT = 2000
_MOST_TRIES = 2000  # of joining blocks that do not parse
_PERCENT = re.compile(r"^#[ \t]*%%", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async\s+def|def|class|@)\b|@")


def read_module(data: bytes, name: str) -> NotebookNode:
    """Parse a module. Raises SubmissionError where there is nothing to run in it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            f"{name} is not UTF-8 text (byte {error.start}): save it again as UTF-8."
        ) from error
    check_code([text], name)
    if not any(line.strip() and not line.strip().startswith("#") for line in text.splitlines()):
        raise SubmissionError(f"{name} holds no code.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if marks := _PERCENT.findall(text):
        _check_count(len(marks), name)
        cells = [_plain_cell(cell) for cell in _percent_cells(text, name)]
    else:
        cells = [nbformat.v4.new_code_cell(block) for block in _blocks(text, name)]
    return nbformat.v4.new_notebook(cells=cells)


def _percent_cells(text: str, name: str) -> list[NotebookNode]:
    try:
        cells: list[NotebookNode] = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:
        # jupytext raises whatever its YAML header makes it stumble over.
        told = printable(str(error))[:200]
        raise SubmissionError(f"{name} is not in percent format: {told}") from error
    return cells


def _check_count(count: int, name: str) -> None:
    if count > _CELL_LIMIT:
        raise SubmissionError(f"{name} falls into {count} cells; {_CELL_LIMIT} are allowed.")


def _plain_cell(cell: NotebookNode) -> NotebookNode:
    metadata = kept_metadata(cell.metadata)
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(cell.source, metadata=metadata)
    return nbformat.v4.new_markdown_cell(cell.source, metadata=metadata)


def _blocks(text: str, name: str) -> list[str]:
    """Runs of lines that belong together. Works on files that do not parse, too.

    A line in column 0 opens a block where it starts a definition or a comment after code, or
    follows the body of a definition. A line inside of a statement opens none; where the file
    does not parse, a block that does not either is joined with its neighbours while that helps.
    """
    blocks: list[list[str]] = [[]]
    in_definition = False
    inside = _inside_statements(text)
    for number, line in enumerate(text.split("\n")):
        starts = bool(line) and not line[0].isspace() and line[0] not in ")]}"
        decorated = bool(blocks[-1]) and blocks[-1][-1].startswith("@")
        if starts and not decorated and number not in inside:
            definition = bool(_DEFINITION.match(line))
            comment = line.startswith("#") and _has_code(blocks[-1])
            if definition or in_definition or comment:
                blocks.append([])
            in_definition = definition
        blocks[-1].append(line)
    joined = ["\n".join(block).strip("\n") for block in blocks]
    filled = [block for block in joined if block.strip()]
    _check_count(len(filled), name)
    return _join_broken(filled)


def _inside_statements(text: str) -> set[int]:
    """Numbers, from 0, of the lines that go on with a statement; none where the text is broken."""
    tree = parse_python(text)
    inside: set[int] = set()
    for statement in tree.body if tree else ():
        decorators = getattr(statement, "decorator_list", [])
        first = min(node.lineno for node in (statement, *decorators))
        inside.update(range(first, statement.end_lineno or first))
    return inside


def _has_code(lines: list[str]) -> bool:
    return any(line.strip() and not line.startswith("#") for line in lines)


def _join_broken(blocks: list[str], reach: int = 20) -> list[str]:
    """Join blocks that do not parse with their neighbours, while the tries last."""
    tries = _MOST_TRIES
    result: list[str] = []
    at = 0
    while at < len(blocks):
        end = at + 1
        if not _parses(blocks[at]):
            if result and _parses(result[-1] + "\n" + blocks[at]):  # an `else` after a comment
                result[-1] += "\n" + blocks[at]
                at += 1
                continue
            for stop in range(at + 2, min(at + reach, len(blocks)) + 1 if tries > 0 else 0):
                tries -= 1
                if _parses("\n".join(blocks[at:stop])):
                    end = stop
                    break
        result.append("\n".join(blocks[at:end]))
        at = end
    return result


def _parses(source: str) -> bool:
    return parse_python(source) is not None
