"""Submissions made from an assignment's template and its model answers.

`variants/answers.py` holds what each cell of the template becomes, a module in percent format
whose cells are titled by the ids that the template gives in its metadata. `variants/light.py`,
of the same form, says which cells the exam replaces or, where they are empty, leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.errors import UsageError
from grader.variants import Edit

# A function that shows pictures, found by its definition: its calls leave a picture behind.
_SHOWS = re.compile(r"^def (\w+)\(.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"print\(f?[\"'](?:\\n)?([^\"'{\\]*)")
# The smallest picture: a white pixel.
_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJg"
    "gg=="
)


@dataclass(frozen=True)
class LightCell:
    """A cell of the exam's notebook: which one it replaces, by id or by how that starts.

    `prints` is what the whole cell would have left in the file's outputs.
    """

    name: str
    starts: str
    source: str
    prints: str = ""

    def is_of(self, cell: NotebookNode) -> bool:
        """Whether it stands for that cell of the template."""
        if self.starts:
            return not cell_id(cell) and str(cell.source).startswith(self.starts)
        return cell_id(cell) == self.name


@dataclass(frozen=True)
class Blank:
    """What submissions are made from: the template, the model answers, the light cells."""

    template: NotebookNode
    answers: dict[str, str]
    light: tuple[LightCell, ...] = ()
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def given(self, name: str) -> str:
        """What the template holds in the cell with that id."""
        return str(find_cell(self.template, name).source)

    def answered(self, cells: Mapping[str, str] | None = None) -> NotebookNode:
        """The model submission, with other sources in some cells; light, and as if executed."""
        asked = {name: s for name, s in (cells or {}).items() if name in self.answers}
        given = {name: s for name, s in (cells or {}).items() if name not in self.answers}
        notebook = deepcopy(self.template)
        fill(notebook, {**self.answers, **asked})
        notebook = lighten(executed(notebook, self._prints), self.light)
        fill(notebook, given)
        for name in given:
            _show_only_what_is_called(find_cell(notebook, name))
        return notebook

    def unanswered(self) -> NotebookNode:
        """The template as it is, without the heavy cells that nobody has to answer."""
        notebook = executed(deepcopy(self.template), self._prints)
        return lighten(notebook, self.light, but_not=self.answers)

    def edited(self, edit: Edit) -> str:
        """The model answer of a cell, or the light cell in the place of a given one, edited once.

        Raises UsageError where the edit does not fit.
        """
        light = {cell.name: cell.source for cell in self.light if cell.source.strip()}
        source = self.answers.get(edit.cell) or light.get(edit.cell)
        if source is None:
            raise UsageError(f"the model answers have no cell {edit.cell!r}")
        return replace_once(source, edit.old, edit.new, edit.cell)

    def parts_from(self, name: str) -> tuple[str, ...]:
        """The parts of the cell with that id and of those below it, in their order."""
        names = list(self.parts)
        below = [part for cell in names[names.index(name) :] for part in self.parts[cell]]
        return tuple(dict.fromkeys(below))

    @property
    def given_parts(self) -> frozenset[str]:
        """Parts whose code the template holds already: running it is all there is to do."""
        code = [cell for cell in self.template.cells if cell.cell_type == "code"]
        asked = {part for cell in code if cell_id(cell) in self.answers for part in _parts(cell)}
        return frozenset(part for cell in code for part in _parts(cell)) - asked

    @property
    def _prints(self) -> dict[str, str]:
        return {cell.name: cell.prints for cell in self.light if cell.prints}


def read_blank(assignment: Assignment) -> Blank:
    """Read an assignment's template and model answers. Raises UsageError where one is missing."""
    template = read_template(assignment)
    folder = assignment.folder / "variants"
    if not (folder / "answers.py").is_file():
        raise UsageError(f"{assignment.name} has no model answers: write {folder / 'answers.py'}")
    answers = read_cells(folder / "answers.py")
    parts = {
        cell_id(cell): tuple(part for part in _parts(cell) if part in assignment.parts)
        for cell in template.cells
        if cell_id(cell)
    }
    unknown = [name for name in answers if name not in parts]
    if unknown:
        raise UsageError(f"{folder / 'answers.py'}: the template has no cell {unknown[0]!r}")
    return Blank(template, answers, read_light(folder / "light.py"), parts)


def read_template(assignment: Assignment) -> NotebookNode:
    """The notebook that students get. Raises UsageError where the assignment has none."""
    path = assignment.template
    if path is None or not path.is_file():
        raise UsageError(f"{assignment.name} has no template: name one in rubric.yaml")
    return read_notebook(path)


def read_notebook(path: Path) -> NotebookNode:
    """A notebook of ours."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def read_cells(path: Path) -> dict[str, str]:
    """Cells of a module in percent format, by their titles."""
    cells = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells
    return {cell.metadata["title"]: cell.source for cell in cells if "title" in cell.metadata}


def read_light(path: Path) -> tuple[LightCell, ...]:
    """The light cells of an assignment; none where it has no such file."""
    if not path.is_file():
        return ()
    cells = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells
    return tuple(
        LightCell(
            name=cell.metadata.get("title", ""),
            starts=cell.metadata.get("starts", ""),
            source=cell.source,
            prints=cell.metadata.get("prints", ""),
        )
        for cell in cells
        if "title" in cell.metadata or "starts" in cell.metadata
    )


def cell_id(cell: NotebookNode) -> str:
    """The id that the template gives a cell; empty for a cell that is not to be answered."""
    return str(cell.metadata.get("grader", {}).get("id", ""))


def _parts(cell: NotebookNode) -> tuple[str, ...]:
    return tuple(map(str, cell.metadata.get("grader", {}).get("parts", ())))


def find_cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with that id. Raises UsageError where there is none."""
    for cell in notebook.cells:
        if cell_id(cell) == name:
            found: NotebookNode = cell
            return found
    raise UsageError(f"the template has no cell with the grader id {name!r}")


def fill(notebook: NotebookNode, cells: Mapping[str, str]) -> None:
    """Put sources into the cells with those ids."""
    for name, source in cells.items():
        find_cell(notebook, name).source = source


def replace_once(source: str, old: str, new: str, cell: str) -> str:
    """The source with one edit. Raises UsageError unless `old` occurs once, and changes."""
    count = source.count(old)
    if count != 1:
        raise UsageError(f"occurrences={count}, but should be 1 [{old!r} in cell {cell}]")
    if old == new:
        raise UsageError(f"the edit changes nothing [{old!r} in cell {cell}]")
    return source.replace(old, new)


def executed(notebook: NotebookNode, prints: Mapping[str, str] | None = None) -> NotebookNode:
    """Return the notebook as one that was run from top to bottom looks in its file.

    The outputs are of the kinds that the cells give, but nobody has computed them. `prints`
    says what a cell prints where its code does not tell.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shows = _showing(code)
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.outputs = []
        if "print(" in cell.source:
            text = (prints or {}).get(cell_id(cell)) or _printed(cell.source)
            cell.outputs.append(nbformat.v4.new_output("stream", text=text))
        if any(word in cell.source for word in shows):
            shown = {"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": _PIXEL}
            cell.outputs.append(nbformat.v4.new_output("display_data", data=shown))
    return notebook


def _showing(cells: Sequence[NotebookNode]) -> list[str]:
    """Calls that show a picture: of matplotlib's own function, and of those that call it."""
    bodies = [match for cell in cells for match in _SHOWS.finditer(cell.source)]
    named = [m[1] for m in bodies if "plt.show()" in m[0] or "display(" in m[0]]
    return ["plt.show()", *(f"{name}(" for name in named)]


def _show_only_what_is_called(cell: NotebookNode) -> None:
    """Leave no picture with a cell whose own lines call nothing that shows one."""
    lines = [line for line in cell.source.split("\n") if line[:1].strip() and line[:4] != "def "]
    if not any(word in line for word in _showing([cell]) for line in lines):
        cell.outputs = [
            one for one in cell.get("outputs", []) if "image/png" not in one.get("data", {})
        ]


def _printed(source: str) -> str:
    """A line for each text that a cell prints."""
    told = _PRINTED.findall(source)
    return "".join(f"{text.strip(': ') or 'tensor(1.)'}\n" for text in told) or "1.0\n"


def lighten(
    notebook: NotebookNode, light: Sequence[LightCell], but_not: Collection[str] = ()
) -> NotebookNode:
    """Return the notebook with the light cells in place; empty ones are left out."""
    kept = []
    for cell in notebook.cells:
        found = next((c for c in light if c.is_of(cell)), None)
        if found is None or found.name in but_not:
            kept.append(cell)
        elif found.source.strip():
            cell.source = found.source
            kept.append(cell)
    notebook.cells = kept
    return notebook
