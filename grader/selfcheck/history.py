"""The cells that a kernel has run, each as it was run last."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A cell: its number as the notebook shows it, its code, and the front end's id for it."""

    number: int
    source: str
    id: str = ""


@dataclass
class History:
    """What IPython's shell has run. Without a shell the names of `__main__` are all there is."""

    shell: Any = None
    ids: dict[int, str] = field(default_factory=dict)

    def note(self, info: Any) -> None:
        """Keep the front end's id of the cell that is about to run."""
        if name := getattr(info, "cell_id", None):
            self.ids[self.shell.execution_count] = str(name)

    def cells(self) -> list[Cell]:
        """The cells in the order of their numbers, without what was run again since."""
        if self.shell is None:
            return []
        told = self.shell.history_manager.input_hist_raw
        cells = [Cell(n, source, self.ids.get(n, "")) for n, source in enumerate(told)]
        return latest([cell for cell in cells if cell.source.strip()])

    def namespace(self) -> dict[str, Any]:
        """The student's names."""
        names: dict[str, Any] = self.shell.user_ns if self.shell else vars(sys.modules["__main__"])
        return names

    def files(self) -> dict[str, int]:
        """The number of the cell behind each compiled file's name."""
        compiled = getattr(getattr(self.shell, "compile", None), "_filename_map", {})
        return dict(compiled)


def watch() -> History:
    """The history of the shell that runs here, if any, noting ids from now on."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    history = History(shell)
    if shell is not None:
        shell.events.register("pre_run_cell", history.note)
    return history


def latest(cells: list[Cell]) -> list[Cell]:
    """The cells that count: without those that a later one has taken the place of.

    That is a cell of the same id, or where there is no id one that defines the same names.
    """
    kept: list[Cell] = []
    for place, cell in enumerate(cells):
        if not any(_replaces(later, cell) for later in cells[place + 1 :]):
            kept.append(cell)
    return kept


def _replaces(later: Cell, earlier: Cell) -> bool:
    from grader.submission.source import defined_names  # seconds of imports, for a first cell

    if later.id and earlier.id:
        return later.id == earlier.id
    names = defined_names(earlier.source)
    return later.source == earlier.source or bool(names and names == defined_names(later.source))
