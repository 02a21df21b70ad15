"""The template that students get is the one that its source makes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from grader.assignment import Assignment

FOLDER = Path(__file__).resolve().parents[1] / "student_template" / "hw5"


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    """`student_template/hw5/build_notebook.py`, which lies in no package."""
    spec = importlib.util.spec_from_file_location("build_notebook", FOLDER / "build_notebook.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_notebook_is_what_its_source_makes(builder: ModuleType, tmp_path: Path) -> None:
    builder.write(builder.build(FOLDER / "homework5.py"), tmp_path / "made.ipynb")
    made = (tmp_path / "made.ipynb").read_bytes()
    assert made == (FOLDER / "homework5.ipynb").read_bytes(), "run build_notebook.py again"


def test_notebook_comes_without_outputs_and_with_unique_ids() -> None:
    notebook = nbformat.read(FOLDER / "homework5.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_every_part_of_the_rubric_has_a_cell_of_its_own(hw5: Assignment) -> None:
    notebook = nbformat.read(FOLDER / "homework5.ipynb", as_version=4)
    told = [
        part for cell in notebook.cells for part in cell.metadata.get("grader", {}).get("parts", [])
    ]
    assert set(told) <= set(hw5.parts)
    assert [part.id for part in hw5.rubric.parts if part.checks and part.id not in told] == []
