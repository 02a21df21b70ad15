"""Notebook files of any age are read, and nothing in them steers the runner."""

from __future__ import annotations

import copy
import json
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from grader.errors import SubmissionError
from grader.submission.notebook import read_notebook
from tests.submission.making import code_cell, notebook_file

FUZZ = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

STREAM = {"output_type": "stream", "name": "stdout", "text": "1\n"}


def _read(*cells: Any, **fields: Any) -> NotebookNode:
    return read_notebook(notebook_file(*cells, **fields), "hw.ipynb")


def _version_3() -> dict[str, Any]:
    shared = {"metadata": {}, "collapsed": False, "language": "python"}
    code = {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "outputs": [], **shared}
    heading = {"cell_type": "heading", "level": 2, "source": "Problem 1 (a)", "metadata": {}}
    sheets = [{"cells": [heading, {**code, "prompt_number": 3}], "metadata": {}}]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}


def _refusal(data: bytes) -> str:
    with pytest.raises(SubmissionError) as caught:
        read_notebook(data, "hw.ipynb")
    return str(caught.value)


@pytest.mark.parametrize("minor", range(8))
def test_any_minor_version_of_4_is_read(minor: int) -> None:
    notebook = _read(code_cell("a = 1"), code_cell("b = 2"), nbformat_minor=minor)
    assert [cell.source for cell in notebook.cells] == ["a = 1", "b = 2"]
    nbformat.validate(notebook)


def test_version_3_becomes_4_with_its_headings() -> None:
    notebook = read_notebook(json.dumps(_version_3()).encode(), "hw.ipynb")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
    assert notebook.cells[0].source == "## Problem 1 (a)"
    assert notebook.cells[1].source == "x = 1\ny = 2"
    nbformat.validate(notebook)


def test_each_cell_gets_an_id_of_its_own() -> None:
    notebook = _read(
        code_cell("a = 1"), code_cell("b = 2", id="same"), code_cell("c = 3", id="same")
    )
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("field", ["outputs", "execution_count", "metadata", "id"])
@pytest.mark.parametrize("change", ["null", "absent"])
def test_null_and_absent_fields_are_filled_in(field: str, change: str) -> None:
    cell = code_cell("a = 1", id="one")
    cell[field] = None
    if change == "absent":
        del cell[field]
    notebook = _read(cell)
    assert notebook.cells[0].source == "a = 1"
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("source", "text"),
    [(["a = 1\n", "b = 2"], "a = 1\nb = 2"), ("a = 1", "a = 1"), ("", ""), (None, ""), ([], "")],
    ids=["list", "text", "empty", "null", "empty-list"],
)
def test_source_may_be_a_list_or_null(source: Any, text: str) -> None:
    assert _read(code_cell(source), code_cell("z = 1")).cells[0].source == text


@pytest.mark.parametrize("metadata", [None, {}, {"kernelspec": None}], ids=str)
def test_metadata_of_the_file_may_be_null(metadata: Any) -> None:
    assert _read(code_cell("a = 1"), metadata=metadata).cells[0].source == "a = 1"


@pytest.mark.parametrize(
    "fields", [{"outputs": None}, {"metadata": None}, {"input": None}], ids=str
)
def test_null_fields_of_version_3_are_filled_in(fields: dict[str, Any]) -> None:
    content = _version_3()
    cells = content["worksheets"][0]["cells"]
    cells.append({**cells[1], **fields})
    assert len(read_notebook(json.dumps(content).encode(), "hw.ipynb").cells) == 3


@pytest.mark.parametrize(
    "broken",
    [{"output_type": "stream"}, {"output_type": "made up"}, {}, "text", 3, None],
    ids=["unfinished", "unknown", "empty", "text", "number", "null"],
)
def test_broken_outputs_go_and_whole_ones_stay(broken: Any) -> None:
    cell = _read(code_cell(outputs=[STREAM, broken], execution_count=7)).cells[0]
    assert [output.text for output in cell.outputs] == ["1\n"]
    assert cell.execution_count == 7


@pytest.mark.parametrize("count", [-1, "3", 2.5, True, [1]], ids=str)
def test_odd_execution_counts_are_dropped(count: Any) -> None:
    assert _read(code_cell(execution_count=count)).cells[0].execution_count is None


def test_byte_order_mark_is_read_over() -> None:
    data = b"\xef\xbb\xbf" + notebook_file(code_cell("a = 'ü'"))
    assert read_notebook(data, "hw.ipynb").cells[0].source == "a = 'ü'"


def test_half_a_character_does_not_stop_the_reading() -> None:
    data = notebook_file(code_cell("a = '@'")).replace(b"@", b"\\ud83d")
    assert read_notebook(data, "hw.ipynb").cells[0].source == "a = '?'"


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception", "remove-cell"])
def test_tags_that_steer_the_runner_are_stripped(tag: str) -> None:
    told = {"id": "1", "parts": ["1a"]}
    metadata = {"tags": [tag], "grader": told, "deletable": False, "nbclient": {"timeout": 0}}
    assert _read(code_cell(metadata=metadata)).cells[0].metadata == {"grader": told}


@pytest.mark.parametrize("told", ["1a", ["1a"], None, 3], ids=str)
def test_grader_metadata_of_another_form_is_stripped(told: Any) -> None:
    assert _read(code_cell(metadata={"grader": told})).cells[0].metadata == {}


def test_kernel_that_the_file_asks_for_is_forgotten() -> None:
    metadata = {"kernelspec": {"name": "ir", "display_name": "R"}, "execution": {"timeout": 1}}
    assert _read(code_cell(), metadata=metadata).metadata == {}


def test_markdown_and_raw_cells_keep_their_kind() -> None:
    kinds = ["markdown", "raw", "code"]
    cells = [{"cell_type": kind, "source": "1", "metadata": {}} for kind in kinds]
    assert [cell.cell_type for cell in _read(*cells).cells] == kinds


@pytest.mark.parametrize("data", [b"", b"  \n\t", b"\xef\xbb\xbf"], ids=["none", "blank", "mark"])
def test_empty_file_says_to_save_again(data: bytes) -> None:
    assert _refusal(data) == "hw.ipynb is empty: save the notebook again and hand that in."


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"{", " (line 1)"), (b'{\n"cells": [}', " (line 2)")],
    ids=["cut", "second-line"],
)
def test_broken_json_says_where_and_what_to_do(data: bytes, line: str) -> None:
    message = f"hw.ipynb is not a notebook: its JSON is broken{line}. Download the .ipynb again."
    assert _refusal(data) == message


@pytest.mark.parametrize("data", [b"3", b"[]", b'"cells"', b"{}", b'{"metadata": {}}', b"null"])
def test_json_of_something_else_is_no_notebook(data: bytes) -> None:
    assert _refusal(data) == "hw.ipynb is JSON but not a notebook: it has no cells."


@pytest.mark.parametrize(
    "cells",
    [[], [{"cell_type": "markdown", "source": "# 1", "metadata": {}}], [code_cell(" \n")]],
    ids=["none", "text-only", "blank"],
)
def test_notebook_without_code_is_refused(cells: list[dict[str, Any]]) -> None:
    assert _refusal(notebook_file(*cells)) == "hw.ipynb has no code cell with anything in it."


@pytest.mark.parametrize("cells", [None, 3, "x = 1", {}], ids=str)
def test_cells_that_are_no_list_are_refused(cells: Any) -> None:
    assert "hw.ipynb" in _refusal(notebook_file(cells=cells))


def test_other_encodings_are_refused_with_the_byte() -> None:
    data = notebook_file(code_cell("a = '@'")).replace(b"@", "ü".encode("latin-1"))
    place = f"(byte {data.index(0xFC)})"
    assert _refusal(data) == f"hw.ipynb is not UTF-8 text {place}: save it again as UTF-8."


def test_thousands_of_cells_are_refused() -> None:
    assert (
        _refusal(notebook_file(*[code_cell()] * 2001))
        == "hw.ipynb has 2001 cells; 2000 are allowed."
    )
    assert len(_read(*[code_cell()] * 2000).cells) == 2000


@pytest.mark.parametrize("version", [0, 99, -1, "4", None, 1.5], ids=str)
def test_unknown_versions_are_read_or_refused(version: Any) -> None:
    _read_or_refuse(notebook_file(code_cell(), nbformat=version))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def _read_or_refuse(data: bytes) -> None:
    """Read: what comes out is a notebook that can be saved and holds no instructions."""
    try:
        notebook = read_notebook(data, "hw.ipynb")
    except SubmissionError as error:
        assert str(error).startswith("hw.ipynb ") and len(str(error).splitlines()) == 1
        return
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert all(set(cell.metadata) <= {"grader"} for cell in notebook.cells)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON tree with each of its keys."""
    if isinstance(tree, dict):
        return [(tree, k) for k in tree] + [p for v in tree.values() for p in _places(v)]
    if isinstance(tree, list):
        return [(tree, k) for k in range(len(tree))] + [p for v in tree for p in _places(v)]
    return []


@st.composite
def mutated_notebooks(draw: st.DrawFn) -> dict[str, Any]:
    """Notebooks of which up to three values are replaced or removed."""
    markdown = {"cell_type": "markdown", "source": "# 1", "metadata": {}}
    cells = [markdown, code_cell(outputs=[STREAM], id="a", metadata={"grader": {"parts": ["1"]}})]
    whole = json.loads(notebook_file(*cells, code_cell()))
    tree = copy.deepcopy(draw(st.sampled_from([whole, _version_3()])))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(_places(tree) or [({}, None)]))
        if isinstance(container, dict) and key in container and draw(st.booleans()):
            del container[key]
        else:
            container[key] = draw(JSON)
    return tree


@FUZZ
@given(mutated_notebooks())
def test_changed_notebooks_are_read_or_refused(tree: dict[str, Any]) -> None:
    _read_or_refuse(json.dumps(tree).encode())


@FUZZ
@given(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3))
def test_changed_bytes_are_read_or_refused(start: int, new: bytes, cut: int) -> None:
    data = notebook_file(code_cell("a = '\\u00fc'", outputs=[STREAM]))
    _read_or_refuse(data[:start] + new + data[start + cut :])


@FUZZ
@given(JSON, JSON)
def test_any_cells_are_read_or_refused(cells: Any, more: Any) -> None:
    _read_or_refuse(json.dumps({"cells": cells, "metadata": more}).encode())
