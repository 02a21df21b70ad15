"""The cells that one cell needs: those that last bound a name which it uses, and what they need.

Grading a mutant in such an excerpt takes a fraction of the time that the whole notebook takes.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbformat import NotebookNode

from grader.exam.notebooks import cell_id
from grader.submission.source import as_python, bound_names, parse_python


def excerpt(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook without the code that the parts of the cell with that id do not need."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    parts = {p for c in code if cell_id(c) == name for p in _parts(c)}
    waiting = [i for i, c in enumerate(code) if cell_id(c) == name or parts & set(_parts(c))]
    needed: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            waiting += _suppliers(code, index)
    kept = {id(code[i]) for i in needed}
    notebook.cells = [c for c in notebook.cells if c.cell_type != "code" or id(c) in kept]
    return notebook


def _parts(cell: NotebookNode) -> list[str]:
    return [str(part) for part in cell.metadata.get("grader", {}).get("parts", ())]


def _suppliers(code: Sequence[NotebookNode], index: int) -> list[int]:
    """For each name that a cell takes from above, the last cell that binds it."""
    found = []
    for name in _taken(code[index].source):
        above = [i for i in range(index) if name in _bound(code[i].source)]
        found += above[-1:]
    return found


def _bound(source: str) -> frozenset[str]:
    tree = parse_python(as_python(source))
    return frozenset(bound_names(tree.body)) if tree is not None else frozenset()


def _taken(source: str) -> frozenset[str]:
    """Names that a cell uses and has not bound before, in the statements of its top level."""
    tree = parse_python(as_python(source))
    taken: set[str] = set()
    bound: set[str] = set()
    for statement in tree.body if tree is not None else ():
        used = {n.id for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}  # fmt: skip
        taken |= used - bound
        bound |= set(bound_names([statement]))
    return frozenset(taken)
