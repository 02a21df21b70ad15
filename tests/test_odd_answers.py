"""No answer, however odd, is booked as a fault of the grader, and none of them is right."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.model import GradeReport, Status
from tests.submissions.build import perfect, slim

_EVERYTHING = """type('Everything', (), {
    '__init__': lambda self, *args, **kwargs: None,
    '__len__': lambda self: -1,
    '__getitem__': lambda self, index: 'item',
    '__call__': lambda self, *args: None,
    '__getattr__': lambda self, name: name,
    'to': lambda self, *args: self,
    'eval': lambda self: self,
    'train': lambda self, *args, **kwargs: None,
    'state_dict': lambda self: {1: 2},
    'weights': %s,
    'train_loss': %s,
    'predict': lambda self, *args: 'predicted',
})"""

_NUMBERS = [
    "None", "3.5", "10**400", "float('nan')", "1j", "'text'", "[]", "{}", "object()", "...",
    "[1, 'a', None]", "[[1, 2], [3]]", "np.array(['a'])", "np.zeros((0, 3))", "np.ma.masked",
    "np.array([None, object()], dtype=object)", "torch.tensor([])", "torch.zeros(2, 2).to('meta')",
    "torch.sparse_coo_tensor([[0], [0]], [1.0], (2, 2))", "torch.ones(2).bfloat16()",
    "np.array(['2020-01-01'], dtype='datetime64[D]')", "torch.tensor(1.0546875).bfloat16()",
    "torch.complex(torch.ones(()), torch.ones(()))",
]  # fmt: skip

ODD = {
    **{value: value for value in _NUMBERS},
    **{f"gives {value}": f"lambda *args, **kwargs: {value}" for value in _NUMBERS},
    "gives its arguments": "lambda *args, **kwargs: args",
    "gives a pair": "lambda *args, **kwargs: (None, None)",
    "ends the process": "lambda *args, **kwargs: os._exit(0)",
    "raises an exit": "lambda *args, **kwargs: exit()",
    "an empty class": "type('Empty', (), {})",
    "a class with everything": _EVERYTHING % ("None", "'loss'"),
    "a class with odd weights": _EVERYTHING % ("[np.zeros((2, 3)), 'x']", "[[1], [1, 2]]"),
    "a class with flat weights": _EVERYTHING % ("[np.zeros(3)] * 2", "[1, None]"),
    "a module": "type('Net', (torch.nn.Module,), {'forward': lambda self, x: x})",
}


# Parts whose answers may be drawn or printed as well: what the perfect cell shows is right.
TOLD_OTHERWISE = {"2a", "2b"}


def odd_notebook(hw5: Assignment, start: int) -> tuple[NotebookNode, set[str]]:
    """The perfect notebook where, after each part's cell, most of its names hold odd values.

    With it the parts all of whose names do.
    """
    rng = random.Random(start)
    notebook = slim(perfect())
    cells, odd = [], set()
    for cell in notebook.cells:
        cells.append(cell)
        ids = cell.metadata.get("grader", {}).get("parts", [])
        names = sorted({name for part in ids for name in hw5.parts[part].names})
        if cell.cell_type == "code" and names:
            chosen = {n: rng.choice(list(ODD.values())) for n in names if rng.random() < 0.9}
            lines = [f"{name} = {value}" for name, value in chosen.items()]
            source = "\n".join(["import os, numpy as np, torch", *lines])
            metadata = {"grader": {"id": f"{ids[0]}-odd", "parts": ids}}
            cells.append(nbformat.v4.new_code_cell(source, metadata=metadata))
            odd |= {part for part in ids if set(hw5.parts[part].names) <= set(chosen)}
    notebook.cells = cells
    return notebook, odd - TOLD_OTHERWISE


@pytest.mark.parametrize("start", range(9))
def test_odd_answers_are_never_right_and_never_a_fault(
    hw5: Assignment, graded: Callable[..., GradeReport], start: int
) -> None:
    notebook, odd = odd_notebook(hw5, start)
    report = graded(notebook, examples=3)
    right = {p.id for p in report.parts if p.checks and p.status is Status.PASSED}
    assert not right & odd
    checks = [check for part in report.parts for check in part.checks]
    assert [c.id for c in checks if c.score < c.max_score and not c.message] == []


# Finds what the scaffold keeps about the loop, and changes it when the loop is left.
_FORGERY = """
import gc, torch
try:
{loop}
finally:
    for _kept in gc.get_objects():
        if isinstance(_kept, dict) and "dirty" in _kept and "losses" in _kept:
            _kept["{field}"] = {value}
"""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("losses", "'text'"),
        ("batches", "[(torch.zeros(2, 3), torch.zeros(2, 10), 1.0)]"),
        ("rates", "[None]"),
        ("steps", "-1"),
    ],
)
def test_forged_report_of_a_training_loop_goes_to_a_person(
    graded: Callable[..., GradeReport], field: str, value: str
) -> None:
    notebook = slim(perfect())
    for cell in notebook.cells:
        if cell.cell_type == "code" and "3d" in cell.metadata.get("grader", {}).get("parts", []):
            loop = textwrap.indent(cell.source, "    ")
            cell.source = _FORGERY.format(loop=loop, field=field, value=value)
    report = graded(notebook, parts=("3a", "3b", "3c", "3d"))
    (part,) = [p for p in report.parts if p.id == "3d"]
    watched = {c.id: c.status for c in part.checks if c.id != "network_has_learned"}
    assert set(watched.values()) <= {Status.NEEDS_REVIEW, Status.PASSED}
    assert Status.NEEDS_REVIEW in watched.values()
