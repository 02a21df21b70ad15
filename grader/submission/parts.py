"""Which cells belong to which part: by metadata, by marker or heading, by the names defined.

Split, moved, duplicated and renamed cells are normal. Metadata wins where it is there; then
the heading or comment above the code (`Problem 3 (c)`), and of the cells below a heading those
after the word "solution"; then, for a part whose heading has no cell, those that define its names
among headings of several parts, or below a comment within them; a name that a part should define
and that its own cells lack is looked for in the cells that no other part's heading claims.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from grader.rubric import PartEntry
from grader.submission.source import defined_names

# "Problem 3 (c)", "Problem 3c", "Problem 5 Part (b-i)", "Problem 1 (a)-(e)", "Problem 6 Solution".
# A letter without "part" or parentheses may be a word: "Problem 2: A graph" names no part.
_MARKER = re.compile(
    r"problem\s*\#?\s*(?P<problem>\d+)"
    r"(?:(?:\s*[,:.-]?\s*(?:part\s*)?\(\s*|\s*[,:.-]?\s*part\s+|[.-]?"
    r"|\s+(?=[a-z]\s*(?:$|[):.,-]|solution)))(?P<letter>[a-z])\b\s*\)?"
    r"(?:\s*[-.]?\s*\(?\s*(?P<roman>i{1,3}|iv|v)\b\s*\)?)?\)?"
    r"(?:\s*(?:-|to)\s*(?:part\s*)?\(?\s*(?P<last>[a-z])\s*\))?)?",
    re.IGNORECASE,
)
_SOLUTION = re.compile(r"\bsolutions?\b", re.IGNORECASE)
# What a line that is no Markdown heading starts with where it heads a part all the same.
_OPENING = re.compile(
    r"\W*(?:(?:my\s+|the\s+)?(?:solution|answer|code)s?\s+(?:(?:to|of|for)\s+)?)?problem\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`$]|<[^<>]*>")
_LINE_LENGTH = 300  # of a heading or comment, what lies beyond says nothing
_SHORT = 80


@dataclass(frozen=True)
class PartMap:
    """Cells of each part, as indices into the notebook, and what each code cell defines.

    `cells` are code; `texts` are the markdown cells below the part's headings, of which those
    after the word "solution" where there are such. `sections` holds what such a cell says below
    each part's own heading, where it has headings of several.
    """

    cells: dict[str, tuple[int, ...]]
    defines: dict[int, frozenset[str]]
    texts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sections: dict[tuple[int, str], str] = field(default_factory=dict)

    def last(self, part: str) -> int | None:
        """Index of the part's last cell, None where it has none."""
        return max(self.cells.get(part, ()), default=None)

    def parts_of(self, cell: int) -> tuple[str, ...]:
        """Ids of the parts that a cell belongs to."""
        return tuple(part for part, cells in self.cells.items() if cell in cells)

    def are_all(self, cell: int, parts: Collection[str]) -> bool:
        """Whether a cell belongs to some of these parts and to no other."""
        return bool(own := self.parts_of(cell)) and set(own) <= set(parts)


@dataclass(frozen=True)
class _Mark:
    """The parts that a heading or comment names, and whether it says that a solution follows.

    `among` are those that any of the headings above names, or any comment of the cell: where
    there are several, each part's answer is somewhere among the others'.
    """

    parts: tuple[str, ...] = ()
    solution: bool = False
    among: frozenset[str] = frozenset()


def map_parts(notebook: NotebookNode, parts: Sequence[PartEntry]) -> PartMap:
    """Find the code cells of each part."""
    code = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    written = [i for i, c in enumerate(notebook.cells) if c.cell_type == "markdown"]
    defines = {i: defined_names(notebook.cells[i].source) for i in code}
    told = {i: _told(notebook.cells[i]) for i in (*code, *written)}
    marks = _marks(notebook, parts)
    sections = _sections(notebook, parts)
    taught = any(told.values())
    cells, texts = {}, {}
    for part in parts:
        own = near = [i for i in code if part.id in told[i]]
        if not own:
            free = [i for i in code if not told[i]]
            near = [i for i in free if part.id in marks[i].parts]
            if not near:
                near = _among(part, free, marks, defines)
            solution = [i for i in near if marks[i].solution]
            own = solution or _with_names(near, part, defines)
        claimed = {i for i in code if (told[i] if taught else marks[i].parts)} - set(own)
        found = _elsewhere(part, own, near, defines, claimed)
        cells[part.id] = tuple(sorted({*own, *found}))
        below = [
            i for i in written if part.id in (told[i] or marks[i].parts) or (i, part.id) in sections
        ]
        texts[part.id] = tuple([i for i in below if told[i] or marks[i].solution] or below)
    return PartMap(cells, defines, texts, sections)


def _among(
    part: PartEntry, free: list[int], marks: dict[int, _Mark], defines: dict[int, frozenset[str]]
) -> list[int]:
    """Cells with the answers of several parts that define names of this one.

    None where a cell that is no part's has them. A part in words has no code of its own.
    """
    naming = [i for i in free if defines[i] & set(part.names)]
    if any(not marks[i].parts for i in naming):
        return []
    return [i for i in naming if part.id in marks[i].among]


def _told(cell: NotebookNode) -> tuple[str, ...]:
    listed = cell.metadata.get("grader", {}).get("parts", ())
    return tuple(str(p) for p in listed) if isinstance(listed, list) else ()


def _with_names(own: list[int], part: PartEntry, defines: dict[int, frozenset[str]]) -> list[int]:
    """Of the cells under a question, those that serve it: examples define nothing of it."""
    naming = [i for i in own if defines[i] & set(part.names)]
    return [i for i in own if naming[0] <= i] if naming else own


def _elsewhere(
    part: PartEntry,
    own: list[int],
    near: list[int],
    defines: dict[int, frozenset[str]],
    claimed: set[int],
) -> list[int]:
    """Cells that define what the part's own cells lack.

    Those under its heading come first, then unclaimed ones, and others where it has no own.
    """
    have = {name for i in own for name in defines[i]}
    found = []
    for name in part.names:
        if name in have:
            continue
        definers = [i for i, names in defines.items() if name in names]
        here = [i for i in definers if i in near]
        free = [i for i in definers if i not in claimed]
        chosen = here or free or ([] if own else definers)
        found += chosen[-1:]
    return found


def _marks(notebook: NotebookNode, parts: Sequence[PartEntry]) -> dict[int, _Mark]:
    """For each cell what the nearest heading above, or its own first comment, speaks of."""
    known = [part.id for part in parts]
    custom = {h.casefold(): p.id for p in parts for h in p.headings}
    marks: dict[int, _Mark] = {}
    current = _Mark()
    # Headings that follow each other with no code between them.
    among: frozenset[str] = frozenset()
    after_code = True
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            lines = _headings(cell.source, custom)
            spoken = _speaks_of(lines, known, custom)
            solution = any(_SOLUTION.search(line) for line in lines)
            # A heading of another problem ends the part before it, whichever part it opens.
            if spoken is not None:
                current = _Mark(spoken, solution)
                named = _named(lines, known, custom)
                among, after_code = (named if after_code else among | named), False
            elif solution:  # a bare "Solution" goes on with the part
                current = _Mark(current.parts, solution)
            marks[index] = current
        elif cell.cell_type == "code":
            comments = [ln for ln in cell.source.split("\n")[:5] if ln.startswith("#")]
            own = _speaks_of([ln[:_LINE_LENGTH] for ln in comments], known, custom)
            inside = _named(_heading_comments(cell.source), known, custom) | among
            marks[index] = replace(current, among=inside)
            # A bare "Problem 1" says less than the heading above.
            if own and own != current.parts:
                marks[index] = _Mark(own, solution=True, among=inside)
            after_code = True
    return marks


def _named(lines: Iterable[str], known: Sequence[str], custom: dict[str, str]) -> frozenset[str]:
    """All parts that any of the lines names."""
    return frozenset(part for line in lines for part in _speaks_of([line], known, custom) or ())


def _heading_comments(source: str) -> list[str]:
    """Comments of a code cell that open as headings do."""
    lines = [line for line in source.split("\n") if line.startswith("#") and len(line) < _SHORT]
    return [line for line in lines if _OPENING.match(line)]


def _sections(notebook: NotebookNode, parts: Sequence[PartEntry]) -> dict[tuple[int, str], str]:
    """What text cells with headings of several parts say below each of them."""
    known = [part.id for part in parts]
    custom = {h.casefold(): p.id for p in parts for h in p.headings}
    sections: dict[tuple[int, str], list[str]] = {}
    for index, cell in enumerate(notebook.cells):
        lines = _headings(cell.source, custom) if cell.cell_type == "markdown" else []
        if len(_named(lines, known, custom)) < 2:
            continue
        current: tuple[str, ...] = ()
        for line in cell.source.split("\n"):
            spoken = _speaks_of(_headings(line, custom), known, custom)
            current = current if spoken is None else spoken
            for part in current:
                sections.setdefault((index, part), []).append(line)
    return {key: "\n".join(lines) for key, lines in sections.items()}


def _headings(source: str, custom: dict[str, str]) -> list[str]:
    """Lines of a markdown cell that can name a part: headings, and short lines that open as one."""
    lines = [_MARKUP.sub("", line[:_LINE_LENGTH]) for line in source.split("\n")]
    return [
        line
        for line in lines
        if line.lstrip().startswith("#")
        or (len(line) < _SHORT and (_OPENING.match(line) or _listed(line, custom)))
    ]


def _speaks_of(
    lines: Iterable[str], known: Sequence[str], custom: dict[str, str]
) -> tuple[str, ...] | None:
    """Part ids named by the last of the lines that names any; None where none does."""
    found: tuple[str, ...] | None = None
    for line in lines:
        listed = _listed(line, custom)
        if listed:
            found = listed
            continue
        for match in _MARKER.finditer(line.replace("\N{EN DASH}", "-")):
            goes_on = any(part.startswith(match["problem"]) for part in found or ())
            found = _ids(match, known) or (found if goes_on else ())
    return found


def _listed(line: str, custom: dict[str, str]) -> tuple[str, ...]:
    """Parts whose headings, as the rubric lists them, the line holds."""
    return tuple(part for heading, part in custom.items() if heading in line.casefold())


def _ids(match: re.Match[str], known: Sequence[str]) -> tuple[str, ...]:
    problem, letter = match["problem"], (match["letter"] or "").lower()
    roman, last = (match["roman"] or "").lower(), (match["last"] or "").lower()
    if last:
        letters = [chr(c) for c in range(ord(letter), ord(last) + 1)]
        own = [p for p in known if p.startswith(problem)]
        return tuple(p for p in own if p[len(problem) :].split("-")[0] in letters)
    for wanted in (f"{problem}{letter}-{roman}", problem + letter):
        below = tuple(p for p in known if letter and p.startswith(f"{wanted}-"))
        if wanted in known or below:
            return (wanted,) if wanted in known else below
    return ()
