"""Where a cell's lines stand in its file, whoever wrote the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.submission import read_submission
from grader.submission.lines import cell_lines
from tests.submission.making import code_cell, notebook_file

TEMPLATE = Path(__file__).resolve().parents[2] / "student_template" / "hw5"
MAGIC = re.compile(r"^# (?=[%!])")  # which the percent format writes as comments
CELLS = ["import numpy as np", "# one\n\ndef f(x):\n    return x", "   \n", "\n\nf(1)\n"]


def filled(path: Path) -> list[str]:
    """The sources of the code cells that reports count."""
    cells = read_submission(path).notebook.cells
    return [c.source for c in cells if c.cell_type == "code" and c.source.strip()]


def written(path: Path, line: int) -> str:
    """What stands at a line of a notebook as nbformat writes it: a line of code in quotes."""
    text = path.read_text(encoding="utf-8").split("\n")[line - 1]
    return str(json.loads(text.strip().rstrip(","))) if path.suffix == ".ipynb" else text


def save(path: Path, *sources: str) -> Path:
    """A notebook with text between its code cells, as nbformat writes it."""
    cells = [nbformat.v4.new_markdown_cell('# "source": [')]
    for source in sources:
        cells += [nbformat.v4.new_code_cell(source), nbformat.v4.new_markdown_cell("text\n" * 3)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_every_line_of_a_notebook_is_found_where_nbformat_wrote_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.ipynb", *CELLS)
    found = cell_lines(path)
    assert [len(lines) for lines in found.values()] == [1, 4, 2]
    assert written(path, found[2][2]) == "def f(x):\n"
    assert written(path, found[3][0]) == "f(1)\n"


@pytest.mark.parametrize("name", ["homework5.ipynb", "homework5.py"])
def test_every_line_of_the_template_is_found(name: str) -> None:
    path = TEMPLATE / name
    found, sources = cell_lines(path), filled(path)
    assert list(found) == list(range(1, len(sources) + 1))
    for number, source in enumerate(sources, 1):
        there = [MAGIC.sub("", written(path, line)).rstrip() for line in found[number]]
        assert there == [line.rstrip() for line in source.split("\n")]


@pytest.mark.parametrize(
    ("indent", "source", "expected"),
    [
        (None, CELLS[1], {1: (1, 1, 1, 1)}),
        (None, CELLS[1].splitlines(keepends=True), {1: (1, 1, 1, 1)}),
        (1, CELLS[1], {1: (8, 8, 8, 8)}),
        (1, ["\n", "a = 1\n", "b =", " 2\nc = 3"], {1: (10, 11, 12)}),
        (1, ["\ud800 = 1\n", "b = 2"], {1: (9, 10)}),
    ],
    ids=["minified", "minified list", "one string", "odd pieces", "half a character"],
)
def test_lines_are_those_of_the_pieces_that_the_file_has(
    tmp_path: Path, indent: int | None, source: Any, expected: dict[int, tuple[int, ...]]
) -> None:
    content = json.loads(notebook_file(code_cell(source)))
    (tmp_path / "a.ipynb").write_text(json.dumps(content, indent=indent))
    assert cell_lines(tmp_path / "a.ipynb") == expected


def test_cells_of_old_notebooks_are_found(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "language": "python", "input": ["a = 1\n", "b"], "outputs": []}
    sheets = [{"cells": [cell, {"cell_type": "markdown", "source": "a = 1\nb"}]}, {"cells": [cell]}]
    content = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}
    (tmp_path / "a.ipynb").write_text(json.dumps(content, indent=1))
    found = cell_lines(tmp_path / "a.ipynb")
    assert [written(tmp_path / "a.ipynb", lines[0]) for lines in found.values()] == ["a = 1\n"] * 2
    assert found[1][1] == found[1][0] + 1 and found[2][0] > found[1][1]


def test_what_only_looks_like_a_cell_is_none(tmp_path: Path) -> None:
    fake = {"cell_type": "code", "source": "x = 1"}
    cells = [code_cell("x = 1", metadata={"cells": [fake]}, outputs=[{"cells": [fake]}])]
    content = json.loads(notebook_file(*cells, first={"cells": [fake, [fake]]}))
    (tmp_path / "a.ipynb").write_text(json.dumps(content, indent=1, sort_keys=True))
    ((line,),) = cell_lines(tmp_path / "a.ipynb").values()
    text = (tmp_path / "a.ipynb").read_text().split("\n")[line - 1]
    assert text == '   "source": "x = 1"'


PLAIN = """\
'''A module.'''
import numpy as np

v = 1

def f(x):

    return x


# a comment
if v:
    a = 1

# in between
else:
    a = 2
"""


def test_lines_of_a_plain_module_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(PLAIN)
    lines = PLAIN.split("\n")
    found = cell_lines(tmp_path / "a.py")
    told = [[lines[line - 1] for line in cell] for cell in found.values()]
    assert told == [source.split("\n") for source in filled(tmp_path / "a.py")]
    assert [cell[0] for cell in found.values()] == [1, 6, 11]


def test_lines_of_a_percent_module_are_found_beside_text_that_is_alike(tmp_path: Path) -> None:
    text = (
        "# %% [markdown]\n# one\n# two\n\n# %%\n# one\n# %matplotlib inline\na = 1\n\n# %%\na = 1"
    )
    (tmp_path / "a.py").write_text(text)
    assert cell_lines(tmp_path / "a.py") == {1: (6, 7, 8), 2: (11,)}


def test_a_file_with_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfa = 1\r\n\r\ndef f():\r\n    return 1\r\n")
    assert cell_lines(tmp_path / "a.py") == {1: (1,), 2: (3, 4)}
