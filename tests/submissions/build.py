"""Build the sample submissions of hw5 from its template, the perfect answers and lists of edits.

`rubrics/hw5/variants/` holds what each cell of the template becomes, and the light cells;
`hw5/<list>.yaml` holds single edits of those answers. Nothing here knows what an edit is worth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode

from grader.exam import notebooks

HW5 = Path(__file__).resolve().parent / "hw5"
ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "student_template" / "hw5" / "homework5.ipynb"
VARIANTS = ROOT / "rubrics" / "hw5" / "variants"

# What a cell prints that its code does not tell.
_PRINTS = {"4d": "AlexNet(\n  (features): Sequential(...)\n)\n"}


@dataclass(frozen=True)
class Case:
    """The perfect submission with one edit, the part that the edit concerns, and the reason."""

    name: str
    cell: str
    part: str
    why: str
    notebook: Callable[[], NotebookNode]


def template() -> NotebookNode:
    """Return the notebook that students get, without answers."""
    return deepcopy(_read_template())


def perfect() -> NotebookNode:
    """Return a submission in which every part is answered rightly, and every policy is met."""
    notebook = template()
    notebooks.fill(notebook, answers())
    return executed(notebook)


def executed(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook as one that was run from top to bottom looks in its file."""
    return notebooks.executed(notebook, _PRINTS)


def slim(notebook: NotebookNode, but_not: tuple[str, ...] = ()) -> NotebookNode:
    """Return the notebook without the cells that only draw or run pretrained models.

    For corpora: it runs in a few seconds, and each check sees what it sees in the whole one.
    The cells `but_not` stay as they are: those that were edited.
    """
    light = notebooks.read_light(VARIANTS / "light.py")
    return notebooks.lighten(notebook, light, but_not=but_not)


def with_edit(cell: str, old: str, new: str) -> NotebookNode:
    """Return the perfect submission with `old` replaced by `new` in the cell with that id.

    Raises UsageError unless `old` occurs there exactly once, and changing it changes something.
    """
    notebook = perfect()
    _edit(notebook, cell, old, new)
    return notebook


def with_mistakes(names: Iterable[str]) -> NotebookNode:
    """Return the perfect submission with all the mistakes of those names.

    Raises KeyError for an unknown name, and UsageError where one edit undoes another.
    """
    listed = {entry["case"]: entry for entry in _read_edits("mistakes")}
    notebook = perfect()
    for name in names:
        _edit(notebook, listed[name]["cell"], **listed[name]["replace"])
    return notebook


def _edit(notebook: NotebookNode, cell: str, old: str, new: str) -> None:
    edited = notebooks.find_cell(notebook, cell)
    edited.source = notebooks.replace_once(edited.source, old, new, cell)


def cases(name: str) -> list[Case]:
    """Read a list of edits of hw5: `mistakes`, those that samples are made with.

    Raises ValueError where two cases have the same name.
    """
    found = [_case(entry) for entry in _read_edits(name)]
    names = [case.name for case in found]
    if len(set(names)) != len(names):
        twice = sorted({case for case in names if names.count(case) > 1})
        raise ValueError(f"case names occur twice in {name}.yaml: {', '.join(twice)}")
    return found


def as_module(notebook: NotebookNode) -> str:
    """Return the notebook as a module in percent format, the other form of a submission."""
    return str(jupytext.writes(notebook, fmt="py:percent"))


@functools.cache
def answers() -> dict[str, str]:
    """Return what each answered cell holds, by the id of the cell."""
    return notebooks.read_cells(VARIANTS / "answers.py")


@functools.cache
def _read_template() -> NotebookNode:
    return notebooks.read_notebook(TEMPLATE)


def _read_edits(name: str) -> list[dict[str, Any]]:
    edits: list[dict[str, Any]] = yaml.safe_load((HW5 / f"{name}.yaml").read_text("utf-8"))
    return edits


def _case(entry: dict[str, Any]) -> Case:
    edit = functools.partial(with_edit, entry["cell"], **entry["replace"])
    return Case(entry["case"], entry["cell"], entry["part"], entry["why"], edit)
