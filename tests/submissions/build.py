"""Build the sample submissions of hw5 from its template, the perfect answers and lists of edits.

`rubrics/hw5/variants/answers.py` holds what each cell of the template becomes; `hw5/<list>.yaml` holds
single edits of those answers. Nothing here knows what an edit is worth: the lists do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode

HW5 = Path(__file__).resolve().parent / "hw5"
ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "student_template" / "hw5" / "homework5.ipynb"
ANSWERS = ROOT / "rubrics" / "hw5" / "variants" / "answers.py"

# Calls that show a picture, and the smallest one: a white pixel.
_SHOWS = ("plt.show()", "vis_img_label(", "draw_graph(")
_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJg"
    "gg=="
)


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
    for name, source in answers().items():
        _cell(notebook, name).source = source
    return executed(notebook)


def executed(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook as one that was run from top to bottom looks in its file.

    The outputs are of the kinds that the cells give, but nobody has computed them.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        cell.outputs = []
        if "print(" in cell.source:
            cell.outputs.append(nbformat.v4.new_output("stream", text=_printed(cell.source)))
        if any(word in cell.source for word in _SHOWS):
            shown = {"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": _PIXEL}
            cell.outputs.append(nbformat.v4.new_output("display_data", data=shown))
    return notebook


def _printed(source: str) -> str:
    """Return a line for each text that a cell prints."""
    if "print(alexnet)" in source:
        return "AlexNet(\n  (features): Sequential(...)\n)\n"
    told = re.findall(r"print\(f?[\"'](?:\\n)?([^\"'{\\]*)", source)
    return "".join(f"{text.strip(': ') or 'tensor(1.)'}\n" for text in told) or "1.0\n"


def with_edit(cell: str, old: str, new: str) -> NotebookNode:
    """Return the perfect submission with `old` replaced by `new` in the cell with that id.

    Raises ValueError unless `old` occurs there exactly once, and changing it changes something.
    """
    notebook = perfect()
    _edit(notebook, cell, old, new)
    return notebook


def with_mistakes(names: Iterable[str]) -> NotebookNode:
    """Return the perfect submission with all the mistakes of those names.

    Raises KeyError for an unknown name, and ValueError where one edit undoes another.
    """
    listed = {entry["case"]: entry for entry in _read_edits("mistakes")}
    notebook = perfect()
    for name in names:
        _edit(notebook, listed[name]["cell"], **listed[name]["replace"])
    return notebook


def _edit(notebook: NotebookNode, cell: str, old: str, new: str) -> None:
    edited = _cell(notebook, cell)
    count = edited.source.count(old)
    if count != 1:
        raise ValueError(f"occurrences={count}, but should be 1 [{old!r} in cell {cell}]")
    if old == new:
        raise ValueError(f"the edit changes nothing [{old!r} in cell {cell}]")
    edited.source = edited.source.replace(old, new)


def cases(name: str) -> list[Case]:
    """Read a list of edits of hw5, `mistakes` or `accepted`.

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
    text = ANSWERS.read_text(encoding="utf-8")
    cells = jupytext.reads(text, fmt="py:percent").cells
    return {cell.metadata["title"]: cell.source for cell in cells}


@functools.cache
def _read_template() -> NotebookNode:
    notebook: NotebookNode = nbformat.read(  # type: ignore[no-untyped-call]  # nbformat lacks types
        TEMPLATE, as_version=4
    )
    return notebook


def _read_edits(name: str) -> list[dict[str, Any]]:
    edits: list[dict[str, Any]] = yaml.safe_load((HW5 / f"{name}.yaml").read_text("utf-8"))
    return edits


def _case(entry: dict[str, Any]) -> Case:
    edit = functools.partial(with_edit, entry["cell"], **entry["replace"])
    return Case(entry["case"], entry["cell"], entry["part"], entry["why"], edit)


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Find the cell whose grader id is `name`."""
    for cell in notebook.cells:
        if cell.metadata.get("grader", {}).get("id") == name:
            found: NotebookNode = cell
            return found
    raise ValueError(f"the template has no cell with the grader id {name!r}")


# Cells that only draw or train for long, and that no check of the engine's own reads.
_HEAVY_CELLS = ("3e", "5d-train")
_LIGHT_MODEL = """\
import torch, torchvision
with torch.device('meta'):
    {0} = torchvision.models.{0}()
"""
_SMALL_IMAGES = "from PIL import Image\nimage_list = [Image.new('RGB', (8, 8))] * 3\n"
_MODELS = {"4d": "alexnet", "4f-vgg16": "vgg16", "4f-resnet18": "resnet18"}
_DRAWING = ("imshow", "ax[0]", "axes[0]")


def slim(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without the cells that only draw or run pretrained models.

    For corpora: it runs in about a second, and each check sees what it sees in the whole one.
    Models come without their weights.
    """
    kept = []
    for cell in notebook.cells:
        told = cell.metadata.get("grader", {}).get("id")
        draws = told is None and any(word in cell.source for word in _DRAWING)
        if cell.cell_type == "code" and (told in _HEAVY_CELLS or draws):
            continue
        if told == "4e":
            cell.source = cell.source.split("\ntry:\n    predictions_alexnet")[0]
        if told == "4b":
            cell.source = _SMALL_IMAGES
        if told in _MODELS:
            cell.source = _LIGHT_MODEL.format(_MODELS[told])
        kept.append(cell)
    notebook.cells = kept
    return notebook
