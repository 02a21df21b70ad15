"""Sample submissions for the policies of hw5: the perfect one, with edits of its form.

`hw5/policies/POLICY.yaml` lists for each policy what keeps it, what breaks it, and what only a
person can decide. An entry's `edits` are made one after the other; `handed_in` names the files,
otherwise the notebook comes alone.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from tests.submissions.build import HW5, as_module, perfect, template

PDF = b"%PDF-1.4\n%%EOF\n"


@dataclass(frozen=True)
class PolicyCase:
    """A submission, the policy that it is about, and what is to be found."""

    name: str
    policy: str
    state: str
    why: str
    evidence: str
    entry: dict[str, Any]

    def notebook(self) -> NotebookNode:
        """The notebook with this case's edits."""
        notebook = template() if self.entry.get("start") == "template" else perfect()
        for edit in self.entry.get("edits", ()):
            ((kind, what),) = edit.items()
            _EDITS[kind](notebook, what)
        return notebook

    @property
    def submitted_at(self) -> datetime | None:
        """When the LMS got it, where it says so."""
        told = self.entry.get("submitted_at")
        return datetime.fromisoformat(told) if told else None

    def write(self, folder: Path) -> Path:
        """Write the submission's files; the path to hand to the grader."""
        handed_in = self.entry.get("handed_in", {"file": "homework5.ipynb"})
        return _write(folder, self.notebook(), handed_in)


def policy_cases() -> list[PolicyCase]:
    """Every case of every policy. Raises ValueError where two have the same name."""
    found = [
        PolicyCase(
            f"{path.stem}-{entry['case']}", path.stem, entry["state"], entry["why"],
            entry.get("evidence", ""), entry,
        )
        for path in sorted((HW5 / "policies").glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text("utf-8"))
    ]  # fmt: skip
    names = [case.name for case in found]
    if len(set(names)) != len(names):
        raise ValueError(f"case names occur twice: {sorted(names)}")
    return found


def _write(folder: Path, notebook: NotebookNode, handed_in: dict[str, Any]) -> Path:
    if "file" in handed_in:
        path = folder / handed_in["file"]
        text = as_module(notebook) if path.suffix == ".py" else nbformat.writes(notebook)
        path.write_text(text, encoding="utf-8")
        return path
    name = handed_in.get("zip") or handed_in["folder"]
    files = {handed_in["notebook"]: nbformat.writes(notebook).encode()}
    if "pdf" in handed_in:
        files[handed_in["pdf"]] = str(handed_in.get("pdf_holds", "")).encode() or PDF
    if "folder" in handed_in:
        for file, data in files.items():
            (folder / name).mkdir(exist_ok=True)
            (folder / name / file).write_bytes(data)
    else:
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file, data in files.items():
                archive.writestr(file, data)
    return folder / name


def _replace(notebook: NotebookNode, what: dict[str, Any]) -> None:
    """Replace a text in all cells of a kind, or in the one with that grader id."""
    cells = [cell for cell in notebook.cells if _is_meant(cell, what)]
    count = sum(cell.source.count(what["old"]) for cell in cells)
    if count == 0:
        raise ValueError(f"{what['old']!r} occurs nowhere")
    for cell in cells:
        cell.source = cell.source.replace(what["old"], what["new"])


def _is_meant(cell: NotebookNode, what: dict[str, Any]) -> bool:
    if "cell" in what:
        return bool(cell.metadata.get("grader", {}).get("id") == what["cell"])
    return bool(cell.cell_type == what.get("in", "markdown"))


def _find(notebook: NotebookNode, start: str) -> int:
    """The first cell whose grader id it is, or whose text starts so."""
    for index, cell in enumerate(notebook.cells):
        told = cell.metadata.get("grader", {}).get("id")
        if told == start or cell.source.startswith(start):
            return index
    raise ValueError(f"no cell starts with {start!r}")


def _drop(notebook: NotebookNode, start: str) -> None:
    del notebook.cells[_find(notebook, start)]


def _drop_kind(notebook: NotebookNode, kind: str) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != kind]


def _move(notebook: NotebookNode, what: dict[str, str]) -> None:
    cell = notebook.cells.pop(_find(notebook, what["cell"]))
    notebook.cells.insert(_find(notebook, what["before"]), cell)


def _split(notebook: NotebookNode, what: dict[str, str]) -> None:
    at = _find(notebook, what["cell"])
    head, found, tail = notebook.cells[at].source.partition(what["at"])
    if not found:
        raise ValueError(f"{what['at']!r} is not in cell {what['cell']}")
    notebook.cells[at].source = head
    count = notebook.cells[at].execution_count
    second = nbformat.v4.new_code_cell(found + tail, execution_count=count)
    notebook.cells.insert(at + 1, second)


def _merge(notebook: NotebookNode, what: dict[str, str]) -> None:
    second = notebook.cells.pop(_find(notebook, what["with"]))
    first = notebook.cells[_find(notebook, what["cell"])]
    first.source = f"{first.source}\n\n{second.source}"


def _insert(notebook: NotebookNode, what: dict[str, str]) -> None:
    make = nbformat.v4.new_markdown_cell if "text" in what else nbformat.v4.new_code_cell
    notebook.cells.insert(_find(notebook, what["before"]), make(what.get("text", what.get("code"))))


def _count(notebook: NotebookNode, what: dict[str, int | None]) -> None:
    for name, count in what.items():
        notebook.cells[_find(notebook, name)].execution_count = count


def _clear(notebook: NotebookNode, what: str) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code" and what in ("all", "outputs"):
            cell.outputs = []
        if cell.cell_type == "code" and what in ("all", "counts"):
            cell.execution_count = None


def _clear_cell(notebook: NotebookNode, name: str) -> None:
    notebook.cells[_find(notebook, name)].outputs = []


def _strip_comments(notebook: NotebookNode, _: object) -> None:
    """Take out the comments and docstrings of the answers."""
    import ast

    given = {cell.metadata.get("grader", {}).get("id"): cell.source for cell in template().cells}
    for cell in notebook.cells:
        told = cell.metadata.get("grader", {}).get("id")
        if cell.cell_type == "code" and given.get(told) != cell.source and "!" not in cell.source:
            cell.source = ast.unparse(ast.parse(cell.source))


_EDITS: dict[str, Callable[[NotebookNode, Any], None]] = {
    "replace": _replace,
    "drop": _drop,
    "drop_kind": _drop_kind,
    "move": _move,
    "split": _split,
    "merge": _merge,
    "insert": _insert,
    "count": _count,
    "clear": _clear,
    "clear_cell": _clear_cell,
    "strip_comments": _strip_comments,
}
