"""The catalogue of attacks on the grader: a small submission of hw5, with one attack in it.

`hw5/hostile/SECTION.yaml` lists them. An entry's `cell` is the answer that carries the attack;
it is changed by `before`, `after` or `replace`, or `notebook` makes other changes. `files` lie
beside the notebook. `@name@` in a text stands for what the test has planted, such as the path
of a secret file or the grader's process id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from grader.exam import notebooks
from tests.submissions.build import HW5, perfect

FOLDER = HW5 / "hostile"
# What the notebook holds: most attacks are in the second cell, and the third comes after it.
_CELLS = ("1", "5c-i", "5b-i")
# What the attacks share: `tried` makes an answer that tells which attempts were not refused.
_TOOLS = """
import ctypes, gc, json, os, signal, socket, sys, threading, time
import numpy as np

libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def system(number, *args):
    return checked(libc.syscall(number, *args))

def tried(**attempts):
    found = {}
    for name, attempt in attempts.items():
        try:
            found[name] = str(attempt())[:100]
        except BaseException:
            pass
    def answer(*args):
        raise RuntimeError(f"found {found}")
    return answer
"""
# Expressions that are as deep as they are long: `@sum@` in a text stands for one of them.
_DEEP = {
    "sum": "1" + " + 1" * 20_000,
    "zeros": "0" + " + 0" * 900,
    "negation": "-" * 20_000 + "1",
    "parentheses": "(" * 20_000 + ")" * 20_000,
}
_PLANTED = re.compile(r"@(\w+)@")


@dataclass(frozen=True)
class Attack:
    """One attack, what it is to cost, and why.

    `expect` is `costs` (no point for the part), `harmless` (every point), or `review` (a person
    decides). `says` has to be in what the report says about the part. `spoils` are other parts
    that lose theirs, since the attack ruins the notebook that they are in. `layer` is one that
    not every system grants, and that alone holds this attack.
    """

    name: str
    section: str
    part: str
    expect: str
    says: str
    why: str
    spoils: tuple[str, ...]
    hides: tuple[str, ...]
    limits: dict[str, float]
    within_s: float
    twice: bool
    machine: str
    layer: str
    found: str
    entry: dict[str, Any]

    def write(self, folder: Path, planted: Mapping[str, object]) -> Path:
        """Write the submission's files; the path to hand to the grader."""
        text = nbformat.writes(self._notebook(planted))
        file = self.entry.get("file", "submission.ipynb")
        files = self.entry.get("files", {})
        folder = folder / "handed_in" if files else folder
        for name, content in {**files, file: text}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(content, planted) if name in files else content, "utf-8")
        return folder if files else folder / file

    def _notebook(self, planted: Mapping[str, object]) -> NotebookNode:
        notebook = innocent(self.entry["cell"])
        cell = notebooks.find_cell(notebook, self.entry["cell"])
        before, after = self.entry.get("before", ""), self.entry.get("after", "")
        answer = self.entry.get("replace", cell.source)
        cell.source = _filled("\n".join(filter(None, (before, answer, after))), planted)
        cell.metadata.update(self.entry.get("metadata", {}))
        cell.outputs += [nbformat.from_dict(output) for output in self.entry.get("outputs", ())]
        notebook.metadata.update(self.entry.get("notebook", {}))
        place = notebook.cells.index(cell) + 1
        extra = [
            _cell(one) for one in self.entry.get("extra", ()) for _ in range(one.get("times", 1))
        ]
        notebook.cells[place:place] = extra
        return notebook


def innocent(*more: str) -> NotebookNode:
    """A small notebook whose answers are right: those that the attacks come with, and `more`."""
    notebook = perfect()
    names = dict.fromkeys([*_CELLS, *more])
    notebook.cells = [notebooks.find_cell(notebook, name) for name in names]
    notebook.cells.insert(1, nbformat.v4.new_code_cell(_TOOLS))
    return notebook


def attacks() -> list[Attack]:
    """Every entry of the catalogue. Raises ValueError where two have the same name."""
    found = [
        _attack(path.stem, entry)
        for path in sorted(FOLDER.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text("utf-8"))
    ]
    names = [attack.name for attack in found]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"names of attacks occur twice: {', '.join(twice)}")
    return found


def _attack(section: str, entry: dict[str, Any]) -> Attack:
    return Attack(
        name=entry["case"],
        section=section,
        part=entry["part"],
        expect=entry["expect"],
        says=entry.get("says", ""),
        why=entry["why"],
        spoils=tuple(entry.get("spoils", ())),
        hides=tuple(entry.get("hides", ())),
        limits=entry.get("limits", {}),
        within_s=entry.get("within_s", 0.0),
        twice=entry.get("twice", False),
        machine=entry.get("machine", ""),
        layer=entry.get("layer", ""),
        found=entry["found"] if entry.get("holds") == "not yet" else "",
        entry=entry,
    )


def _cell(told: dict[str, Any]) -> NotebookNode:
    """Cells of an entry's `extra`: `code` or `text`, repeated `times`."""
    if "text" in told:
        return nbformat.v4.new_markdown_cell(told["text"])
    return nbformat.v4.new_code_cell(told["code"], metadata=told.get("metadata", {}))


def _filled(text: str, planted: Mapping[str, object]) -> str:
    return _PLANTED.sub(lambda match: str({**_DEEP, **planted}[match[1]]), text)
