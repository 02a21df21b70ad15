"""Which cells belong to which part: by metadata, by marker or heading, by the names defined.

Split, moved, duplicated and renamed cells are normal. Metadata wins where it is there; then
the heading or comment above the code (`Problem 3 (c)`); a name that a part should define and
that its own cells lack is looked for in the cells that no other part's heading claims.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from grader.assignment import PartEntry

# "Problem 3 (c)", "Problem 5 Part (b-i)", "Problem 1 (a)-(e)", "Problem 6 Solution".
_MARKER = re.compile(
    r"problem\s*\#?\s*(?P<problem>\d+)"
    r"(?:\s*[,:.-]?\s*(?:part\s*)?\(?\s*(?P<letter>[a-z])\b\s*\)?"
    r"(?:\s*[-.]?\s*\(?\s*(?P<roman>i{1,3}|iv|v)\b\s*\)?)?\)?"
    r"(?:\s*(?:-|–|to)\s*(?:part\s*)?\(\s*(?P<last>[a-z])\s*\))?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class PartMap:
    """Cells of each part, as indices into the notebook, and what each cell defines."""

    cells: dict[str, tuple[int, ...]]
    defines: dict[int, frozenset[str]]

    def last(self, part: str) -> int | None:
        """Index of the part's last cell, None where it has none."""
        return max(self.cells.get(part, ()), default=None)

    def parts_of(self, cell: int) -> tuple[str, ...]:
        """Ids of the parts that a cell belongs to."""
        return tuple(part for part, cells in self.cells.items() if cell in cells)


def map_parts(notebook: NotebookNode, parts: Sequence[PartEntry]) -> PartMap:
    """Find the code cells of each part."""
    code = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    defines = {i: defined_names(notebook.cells[i].source) for i in code}
    told = {i: _told(notebook.cells[i]) for i in code}
    marked = _marked(notebook, parts)
    taught = any(told.values())
    cells = {}
    for part in parts:
        own = [i for i in code if part.id in told[i]]
        if not own:
            own = [i for i in code if part.id in marked.get(i, ()) and not told[i]]
            own = _with_names(own, part, defines)
        claimed = {i for i in code if (told[i] if taught else marked.get(i, ()))} - set(own)
        cells[part.id] = tuple(sorted({*own, *_elsewhere(part, own, defines, claimed)}))
    return PartMap(cells, defines)


def _told(cell: NotebookNode) -> tuple[str, ...]:
    listed = cell.metadata.get("grader", {}).get("parts", ())
    return tuple(str(p) for p in listed) if isinstance(listed, list) else ()


def _with_names(own: list[int], part: PartEntry, defines: dict[int, frozenset[str]]) -> list[int]:
    """Of the cells under a part's heading, those that serve it: examples define nothing of it."""
    naming = [i for i in own if defines[i] & set(part.names)]
    return [i for i in own if naming[0] <= i] if naming else own


def _elsewhere(
    part: PartEntry, own: list[int], defines: dict[int, frozenset[str]], claimed: set[int]
) -> list[int]:
    """Cells that define what the part's own cells lack, unclaimed ones before the others."""
    have = {name for i in own for name in defines[i]}
    found = []
    for name in part.names:
        if name in have:
            continue
        definers = [i for i, names in defines.items() if name in names]
        free = [i for i in definers if i not in claimed]
        if free:
            found.append(free[-1])
        elif definers and not own:
            found.append(definers[-1])
    return found


def _marked(notebook: NotebookNode, parts: Sequence[PartEntry]) -> dict[int, tuple[str, ...]]:
    """Parts that the nearest heading above, or the cell's own first comment, speaks of."""
    known = [part.id for part in parts]
    custom = {h.casefold(): p.id for p in parts for h in p.headings}
    marked: dict[int, tuple[str, ...]] = {}
    current: tuple[str, ...] = ()
    for index, cell in enumerate(notebook.cells):
        lines = cell.source.splitlines()
        if cell.cell_type == "markdown":
            spoken = _speaks_of(_headings(lines), known, custom)
            # A heading of another problem ends the part before it, whichever part it opens.
            current = current if spoken is None else spoken
        elif cell.cell_type == "code":
            own = _speaks_of([ln for ln in lines[:5] if ln.startswith("#")], known, custom)
            current = own or current  # a bare "Problem 1" says less than the heading above
            marked[index] = current
    return marked


def _headings(lines: list[str]) -> list[str]:
    """Lines of a markdown cell that can name a part: headings, and short lines such as bold ones."""
    return [line for line in lines if line.lstrip().startswith("#") or len(line) < 100]


def _speaks_of(
    lines: Iterable[str], known: Sequence[str], custom: dict[str, str]
) -> tuple[str, ...] | None:
    """Part ids named by the last of the lines that names any; None where none does."""
    found: tuple[str, ...] | None = None
    for line in lines:
        for heading, part in custom.items():
            if heading in line.casefold():
                found = (part,)
        for match in _MARKER.finditer(re.sub(r"[*_`$]|<[^>]*>", "", line)):
            found = _ids(match, known) or found or ()
    return found


def _ids(match: re.Match[str], known: Sequence[str]) -> tuple[str, ...]:
    problem, letter = match["problem"], (match["letter"] or "").lower()
    roman, last = (match["roman"] or "").lower(), (match["last"] or "").lower()
    if last:
        letters = [chr(c) for c in range(ord(letter), ord(last) + 1)]
        return tuple(p for p in known if p[: len(problem)] == problem and p[len(problem) :] in letters)
    wanted = problem + letter + (f"-{roman}" if roman else "")
    if wanted in known:
        return (wanted,)
    return tuple(p for p in known if p.startswith(f"{wanted}-")) if letter else ()


def defined_names(source: str) -> frozenset[str]:
    """Names that a cell's own top level binds; empty where it does not parse."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(re.findall(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE))
    return frozenset(_bound(tree.body))


def _bound(body: Sequence[ast.stmt]) -> Iterable[str]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.alias):
                yield (node.asname or node.name).split(".")[0]
