"""Policy: the cells were run from top to bottom, and their outputs are in the file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from grader.policy_entries import Executed
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, undecided
from grader.submission.source import as_python, parse_python

# What takes output away, or has it go elsewhere.
_ELSEWHERE = re.compile(r"clear_output|redirect_std|\bstdout\b|\bprint\s*=[^=]|def print\b")


def judge_executed(
    submission: Submission, template: NotebookNode | None, options: Executed
) -> Finding:
    """Look at the execution counts and outputs that the file came with."""
    if submission.form == "module":
        return undecided("A module has no outputs: look at the PDF.")
    numbered = [c for c in submission.notebook.cells if c.cell_type == "code" and c.source.strip()]
    cells = {n: cell for n, cell in enumerate(numbered, start=1) if _does_something(cell)}
    if not any(c.execution_count is not None for c in cells.values()):
        return _without_counts(cells, options)
    problems = [
        *(
            f"Code cell {n} was not run."
            for n, c in cells.items()
            if c.execution_count is None and not c.outputs
        ),
        *_out_of_order(cells),
        *_silent(cells),
    ]
    if problems:
        return broken(problems)
    doubts = [
        *(
            f"Code cell {n} has outputs, but no execution count: when did it run?"
            for n, c in cells.items()
            if c.execution_count is None and c.outputs
        ),
        *_undrawn(cells),
    ]
    return undecided(*doubts) if doubts else met(f"All {len(cells)} code cells were run in order.")


def _without_counts(cells: dict[int, NotebookNode], options: Executed) -> Finding:
    if any(cell.outputs for cell in cells.values()):
        return undecided("There are outputs, but no execution counts: in which order did it run?")
    told = f"None of the {len(cells)} code cells was run, or all outputs were cleared."
    return broken([told]) if options.never_run == "broken" else undecided(told)


def _does_something(cell: NotebookNode) -> bool:
    """Whether there is code in the cell, and not only comments."""
    tree = parse_python(as_python(cell.source))
    return tree is None or bool(tree.body)


def _out_of_order(cells: dict[int, NotebookNode]) -> Iterator[str]:
    """Cells that were run before one that stands above them."""
    latest, above = 0, 0
    for number, cell in cells.items():
        count = cell.execution_count
        if count is None:
            continue
        if count <= latest:
            yield (
                f"Code cell {number} was run before code cell {above}, which stands above it: "
                f"[{count}] after [{latest}]."
            )
        else:
            latest, above = count, number


def _silent(cells: dict[int, NotebookNode]) -> Iterator[str]:
    """Cells that were run and must have printed something, of which nothing is left."""
    for number, cell in cells.items():
        if cell.execution_count is not None and not cell.outputs and _surely_prints(cell.source):
            yield f"Code cell {number} prints something, but has no output."


def _surely_prints(source: str) -> bool:
    """Whether the cell has a `print(…)` that always runs."""
    if source.lstrip().startswith("%%") or _ELSEWHERE.search(source):  # `%%capture` and the like
        return False
    tree = parse_python(as_python(source))
    return tree is not None and _prints(tree.body)


def _prints(statements: list[ast.stmt]) -> bool:
    """Whether one of them prints, whichever way it goes; what ends the cell is an output too."""
    for statement in statements:
        if isinstance(statement, ast.Expr) and _is_print(statement.value):
            return True
        if isinstance(statement, ast.If) and _prints(statement.body) and _prints(statement.orelse):
            return True
        if isinstance(statement, ast.Try) and (
            _prints(statement.finalbody)
            or (
                _prints(statement.body)
                and all(_prints(handler.body) for handler in statement.handlers)
            )
        ):
            return True
    return False


def _undrawn(cells: dict[int, NotebookNode]) -> Iterator[str]:
    """Cells that were run and seem to draw a figure, of which nothing is left."""
    for number, cell in cells.items():
        if cell.execution_count is None or cell.outputs or cell.source.lstrip().startswith("%%"):
            continue
        tree = parse_python(as_python(cell.source))
        called = {_of_pyplot(s) for s in (tree.body if tree else ())}
        if "show" in called and called & {"subplots", "figure"}:
            yield f"Code cell {number} seems to draw a figure, but has no output."


def _of_pyplot(statement: ast.stmt) -> str:
    """The function of `plt` that a statement calls, with or without a name for its value."""
    call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id == "plt" else ""
    return ""


def _is_print(value: ast.expr) -> bool:
    """Whether it prints something here: with a keyword it may go elsewhere, or be nothing."""
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "print"
        and bool(value.args)
        and not value.keywords
    )
