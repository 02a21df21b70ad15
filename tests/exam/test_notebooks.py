"""Submissions of an exam: the template filled in, edited, executed and lightened."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from grader.errors import UsageError
from grader.exam.notebooks import executed, read_blank, replace_once
from grader.variants import Edit
from tests.exam.assignment import write_exam


def test_answers_fill_the_cells_of_their_titles(tmp_path: Path) -> None:
    notebook = read_blank(write_exam(tmp_path)).answered()
    assert [c.source for c in notebook.cells][1] == "v = np.array([1.0, 2.0, 3.0])"
    assert [c.execution_count for c in notebook.cells] == [1, 2, 3, 4, 5, 6]


def test_edit_changes_one_cell(tmp_path: Path) -> None:
    blank = read_blank(write_exam(tmp_path))
    changed = blank.edited(Edit(cell="1b", old="2 * x", new="x + 2"))
    sources = [c.source for c in blank.answered({"1b": changed}).cells]
    assert sources[2] == "def double(x):\n    return x + 2"
    assert sources[3] == blank.answers["1c"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("x", "y", "occurrences=2, but should be 1 ['x' in cell 1b]"),
        ("z", "y", "occurrences=0, but should be 1 ['z' in cell 1b]"),
        ("2", "2", "the edit changes nothing ['2' in cell 1b]"),
    ],
    ids=["twice", "never", "nothing"],
)
def test_edit_that_does_not_fit_is_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        replace_once("2 * x + x", old, new, "1b")
    assert str(caught.value) == told


def test_light_cells_replace_and_empty_ones_leave_out(tmp_path: Path) -> None:
    assignment = write_exam(tmp_path)
    light = '# %% 1d\nslope = 3.0\n\n# %% 1e\n\n# %% starts="# Imports"\nimport numpy as np\n'
    (assignment.folder / "variants" / "light.py").write_text(light)
    sources = [c.source for c in read_blank(assignment).answered().cells]
    assert sources[0] == "import numpy as np"
    assert sources[-1] == "slope = 3.0" and len(sources) == 5


def test_light_cells_of_answers_are_not_put_into_the_template(tmp_path: Path) -> None:
    assignment = write_exam(tmp_path)
    (assignment.folder / "variants" / "light.py").write_text("# %% 1d\nslope = 3.0\n")
    sources = [c.source for c in read_blank(assignment).unanswered().cells]
    assert sources[4] == "# Problem 1 (d)\n"


def test_answer_without_a_cell_is_wrong_use(tmp_path: Path) -> None:
    assignment = write_exam(tmp_path)
    (assignment.folder / "variants" / "answers.py").write_text("# %% 9z\nx = 1\n")
    with pytest.raises(UsageError, match="the template has no cell '9z'"):
        read_blank(assignment)


def test_assignment_without_answers_is_wrong_use(tmp_path: Path) -> None:
    assignment = write_exam(tmp_path)
    (assignment.folder / "variants" / "answers.py").unlink()
    with pytest.raises(UsageError, match=r"small has no model answers: write .*answers\.py"):
        read_blank(assignment)


def test_executed_cells_have_the_outputs_of_their_kinds() -> None:
    show = "def draw(x):\n    plt.plot(x)\n    plt.show()\n"
    sources = [show, "print('seen: ', 1)", "draw(1)", "y = 1"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    made = executed(nbformat.v4.new_notebook(cells=cells))
    kinds = [[output.output_type for output in cell.outputs] for cell in made.cells]
    assert kinds == [["display_data"], ["stream"], ["display_data"], []]
    assert made.cells[1].outputs[0].text == "seen\n"
