"""Excerpts: a cell keeps the cells that it needs, and no other."""

from __future__ import annotations

import nbformat

from grader.exam.excerpt import excerpt


def kept(*sources: str, parts: tuple[str, ...] = ()) -> list[str]:
    """What an excerpt for the last of the cells keeps."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell, part in zip(cells, parts, strict=False):
        cell.metadata["grader"] = {"id": f"{part}-before", "parts": [part]}
    cells[-1].metadata["grader"] = {"id": "last", "parts": ["p"]}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# P"), *cells])
    return [cell.source for cell in excerpt(notebook, "last").cells[1:]]


def test_cells_that_bind_a_used_name_are_kept_with_what_they_need() -> None:
    assert kept("a = 1", "b = a", "c = 2", "d = b") == ["a = 1", "b = a", "d = b"]


def test_last_cell_that_binds_a_name_counts() -> None:
    assert kept("a = 1", "a = 2", "b = a") == ["a = 2", "b = a"]
    assert kept("a = 1", "a = a + 1", "b = a") == ["a = 1", "a = a + 1", "b = a"]


def test_names_that_the_cell_binds_first_need_no_other() -> None:
    assert kept("import os", "import os\nos.getcwd()") == ["import os\nos.getcwd()"]


def test_names_inside_functions_count() -> None:
    assert kept("a = 1", "def f(x):\n    return a + x")[0] == "a = 1"


def test_cells_of_the_same_part_are_kept() -> None:
    assert kept("a = 1", "b = 2", "c = 3", parts=("p", "q")) == ["a = 1", "c = 3"]
