"""Submissions and templates of a few cells, for policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from grader.submission import Submission

Handed = Callable[..., Submission]


def book(cells: Sequence[str], **metadata: Any) -> NotebookNode:
    """A notebook: cells that start with `md:` are text, the others code."""
    made = [
        nbformat.v4.new_markdown_cell(cell.removeprefix("md:"))
        if cell.startswith("md:")
        else nbformat.v4.new_code_cell(cell)
        for cell in cells
    ]
    return nbformat.v4.new_notebook(cells=made)


def submission(notebook: NotebookNode, **fields: Any) -> Submission:
    """A submission of that notebook, alone unless the fields say something else."""
    told = {"id": "a", "student": "a", "source": "a.ipynb", "sha256": "0" * 64} | fields
    return Submission(notebook=notebook, **told)


@pytest.fixture
def handed() -> Handed:
    """`handed("md:# Problem 1", "x = 1", container="zip")`: a submission of these cells."""

    def make(*cells: str, **fields: Any) -> Submission:
        return submission(book(cells), **fields)

    return make
