"""The small assignment with what an exam needs: a template, model answers, variants."""

from __future__ import annotations

from pathlib import Path

import nbformat

from grader.assignment import Assignment, load_assignment
from tests.small.assignment import ANSWERS, RUBRIC, write_assignment

MISTAKE = """\
- mistake: wrong-double
  part: 1b
  name: Two more
  say: Twice is not two more.
  edit: {cell: 1b, old: "2 * x", new: "x + 2"}
  oracles: ["def double(x): return x + 2"]
"""
HARMLESS = """\
- mistake: harmless
  part: 1b
  name: Nothing
  say: Nothing is wrong.
  edit: {cell: 1b, old: "2 * x", new: "x + x"}
"""
ACCEPTED = """\
- accepted: added
  part: 1b
  why: Twice is the sum of two.
  edit: {cell: 1b, old: "2 * x", new: "x + x"}
"""
REFUSED = """\
- accepted: subtracted
  part: 1c
  why: It is not.
  edit: {cell: 1c, old: "double(x).sum()", new: "-double(x).sum()"}
"""
# What the operators make of the model answers that no check can tell from them: the descent
# ends where it ends, with a step more or less.
EQUIVALENTS = """\
- part: 1d
  old: "for _ in range(200):"
  reason: A few steps more or less end in the same place.
- part: 1d
  old: slope = 0.0
  reason: The descent ends in the same place from wherever it starts.
- part: 1d
  old: "slope -= 0.1 * double(slope - 3.0)"
  reason: Steps of another length end in the same place.
- part: 1a
  old: "v = np.array([1.0, 2.0, 3.0])"
  new: ["v = [1.0, 2.0, 3.0]"]
  reason: A list of numbers is as good as an array.
"""


def write_exam(
    folder: Path, variants: str = MISTAKE + ACCEPTED, equivalents: str = EQUIVALENTS
) -> Assignment:
    """Write and load the assignment with these variants."""
    template = "template: ../../template.ipynb\nreference:"
    rubric = write_assignment(folder, rubric=RUBRIC.replace("reference:", template, 1))
    cells = [nbformat.v4.new_code_cell("# Imports\nimport numpy as np")]
    for name in ANSWERS:
        if name != "start":
            cell = nbformat.v4.new_code_cell(f"# Problem {name[0]} ({name[1]})\n")
            cell.metadata["grader"] = {"id": name, "parts": [name]}
            cells.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "template.ipynb")
    answers = [f"# %% {name}\n{text}\n" for name, text in ANSWERS.items() if name != "start"]
    files = {
        "answers.py": "\n".join(answers),
        "all.yaml": variants,
        "equivalents.yaml": equivalents,
    }
    (rubric / "variants").mkdir()
    for name, text in files.items():
        (rubric / "variants" / name).write_text(text, encoding="utf-8")
    return load_assignment(str(rubric))
