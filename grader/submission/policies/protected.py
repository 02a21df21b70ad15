"""Policy: code that the homework asks not to change means what it meant in the template.

Protected statements are looked for in the student's code in their order, wherever they stand:
split, merged and moved cells keep them.
"""

from __future__ import annotations

import ast
import difflib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from grader.policy_entries import Protected
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, quoted, undecided
from grader.submission.policies.statements import Piece, Whole, first_line, pieces
from grader.submission.source import as_python, bound_names, defined_names, parse_python

_MOST_STATEMENTS = 20_000
_LONGEST_TEXT = 200
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class _Region:
    """Protected pieces of one cell of the template, and the parts that the cell is of.

    `names` are bound by these pieces and by no other cell: nothing else has to set them.
    """

    marker: str
    pieces: tuple[Piece, ...]
    parts: frozenset[str]
    is_below: bool
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Own:
    """One statement of the student's, its place, and the marker line above it in its cell."""

    statement: ast.stmt
    cell: int
    place: int
    is_last: bool
    text: str
    marker: int


@dataclass
class _Code:
    """The student's code: statements of cells that parse, and numbers of those that do not."""

    statements: list[_Own] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    parts: dict[int, frozenset[str]] = field(default_factory=dict)


def judge_protected(
    submission: Submission, template: NotebookNode | None, options: Protected
) -> Finding:
    """Look for each protected region of the template in the student's code."""
    if template is None:
        return undecided("The assignment has no template to compare with.")
    cells = tuple(
        (cell.source, frozenset(map(str, cell.metadata.get("grader", {}).get("parts", ()))))
        for cell in template.cells
        if cell.cell_type == "code"
    )
    regions = _regions(cells, options.above, options.below)
    code = _read(submission.notebook, options)
    if len(code.statements) > _MOST_STATEMENTS:
        return undecided(f"There are {len(code.statements)} statements: too many to compare.")
    taken: set[int] = set()
    lost = [
        region
        for region in regions
        if not _find(region, code, taken) and not _find(_without_imports(region, code), code, taken)
    ]
    if not lost:
        return met(f"All {len(regions)} protected pieces of code are as they were given.")
    told = [_evidence(region, code, taken) for region in lost]
    if code.unread:
        listed = ", ".join(map(str, code.unread))
        return undecided(f"Code cell {listed} cannot be read as Python.", *told[:5])
    if 2 * len(lost) > len(regions):
        return undecided(
            f"{len(lost)} of {len(regions)} protected pieces of code are not the template's: "
            "is this another edition of the homework?"
        )
    if submission.form == "module":
        return undecided("A module may leave out what only prints.", *told[:5])
    return broken(told)


@functools.lru_cache(maxsize=4)
def _regions(
    cells: tuple[tuple[str, frozenset[str]], ...], above: tuple[str, ...], below: tuple[str, ...]
) -> tuple[_Region, ...]:
    """What a template protects, in its order. `cells`: source and parts of its code cells."""
    return tuple(_read_regions(cells, above, below))


def _read_regions(
    cells: tuple[tuple[str, frozenset[str]], ...], above: tuple[str, ...], below: tuple[str, ...]
) -> Iterator[_Region]:
    defines = [defined_names(source) for source, _ in cells]
    for index, (source, told) in enumerate(cells):
        elsewhere = {n for i, names in enumerate(defines) if i != index for n in names}
        lines, tree = _parse(source)
        for is_below, phrases in ((False, above), (True, below)):
            marks = _marks(lines, phrases)
            if not marks or tree is None:
                continue
            mark = marks[0] if is_below else marks[-1]
            found = pieces(tree.body, lines, **{"below" if is_below else "above": mark})
            if found:
                text = lines[mark - 1].strip("# -")
                after = [s for s in tree.body if first_line(s) > mark] if is_below else []
                names = frozenset(bound_names(after)) - elsewhere - _counters(after)
                yield _Region(text, tuple(found), told, is_below, names)


def _counters(statements: list[ast.stmt]) -> set[str]:
    """Names that the statements bind by loops alone: nobody reads them afterwards."""
    found = {True: set[str](), False: set[str]()}
    for statement in statements:
        inside = list(ast.walk(statement))
        loops = [n.target for n in inside if isinstance(n, ast.For | ast.comprehension)]
        targets = {id(name) for target in loops for name in ast.walk(target)}
        for node in inside:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found[id(node) in targets].add(node.id)
    return found[True] - found[False]


def _parse(source: str) -> tuple[list[str], ast.Module | None]:
    code = as_python(source)
    return code.split("\n"), parse_python(code)


def _marks(lines: list[str], phrases: Iterable[str]) -> list[int]:
    """Numbers of the comment lines that hold one of the phrases, from 1."""
    wanted = [_plain(phrase) for phrase in phrases]
    return [
        number
        for number, line in enumerate(lines, start=1)
        if line.lstrip().startswith("#") and any(w in _plain(line) for w in wanted)
    ]


def _plain(line: str) -> str:
    return "".join(c for c in line.casefold() if c.isalpha())


def _read(notebook: NotebookNode, options: Protected) -> _Code:
    """The student's statements. Of a cell that does not parse, what lies beyond its markers."""
    code = _Code()
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    for number, cell in enumerate(cells, start=1):
        lines, tree = _parse(cell.source)
        below, above = _marks(lines, options.below), _marks(lines, options.above)
        bodies = [tree] if tree is not None else []
        if tree is None:
            code.unread.append(number)
            ends = [lines[: above[-1]]] if above else []
            ends += [[""] * below[0] + lines[below[0] :]] if below else []
            bodies = [t for end in ends if (t := parse_python("\n".join(end))) is not None]
        told = cell.metadata.get("grader", {}).get("parts", ())
        code.parts[number] = frozenset(map(str, told)) if isinstance(told, list) else frozenset()
        statements = [s for body in bodies for s in body.body]
        for place, statement in enumerate(statements):
            mark = max((m for m in below if m < first_line(statement)), default=0)
            last = place == len(statements) - 1
            text = lines[statement.lineno - 1].strip()[:_LONGEST_TEXT]
            code.statements.append(_Own(statement, number, place, last, text, mark))
    return code


def _find(region: _Region, code: _Code, taken: set[int]) -> bool:
    """Find the region's pieces one after the other, and use up the statements that they are."""
    if not region.pieces:
        return True
    for start in range(len(code.statements)):
        run = _run(region, code.statements, start, taken)
        if run and _is_clean(region, code.statements, run):
            # One statement may hold pieces of two regions, at both of its ends.
            pairs = zip(region.pieces, run, strict=True)
            taken.update(index for piece, index in pairs if isinstance(piece, Whole))
            return True
    return False


def _without_imports(region: _Region, code: _Code) -> _Region:
    """The region without those of its imports that the student has, wherever they stand."""
    own = [o.statement for o in code.statements if isinstance(o.statement, _IMPORTS)]
    left = [
        piece
        for piece in region.pieces
        if not (isinstance(piece, Whole) and piece.is_import and any(map(piece.agrees, own)))
    ]
    return replace(region, pieces=tuple(left))


def _run(region: _Region, own: list[_Own], start: int, taken: set[int]) -> list[int]:
    """Indices of the statements that agree, from `start` on; empty where one does not.

    Between cells there may be others: what the student put there is in no protected cell.
    """
    run: list[int] = []
    at: int | None = start
    waiting = list(region.pieces)
    while waiting:
        piece = waiting.pop(_turn(waiting, own[at].statement) if at is not None else 0)
        if at is None or at in taken or not piece.agrees(own[at].statement):
            at = _next_cell(own, run[-1], piece, taken) if run and own[run[-1]].is_last else None
        if at is None:
            return []
        run.append(at)
        at = at + 1 if at + 1 < len(own) else None
    return run


def _turn(waiting: list[Piece], statement: ast.stmt) -> int:
    """Which of the pieces comes next: of imports that follow each other the order says nothing."""
    for place, piece in enumerate(waiting):
        if not (isinstance(piece, Whole) and piece.is_import):
            break
        if piece.agrees(statement):
            return place
    return 0


def _next_cell(own: list[_Own], after: int, piece: Piece, taken: set[int]) -> int | None:
    """The first statement of a later cell that agrees."""
    for at in range(after + 1, len(own)):
        if own[at].place == 0 and at not in taken and piece.agrees(own[at].statement):
            return at
    return None


def _is_clean(region: _Region, own: list[_Own], run: list[int]) -> bool:
    """Whether nothing stands between the marker line and its code, or undoes it afterwards.

    What follows in the cell is let be otherwise: a look at a result, or cells that were merged.
    """
    if not region.is_below:
        return True
    first, last = own[run[0]], run[-1]
    above = [o for o in own[: run[0]] if o.cell == first.cell and o.marker == first.marker]
    # Imports change nothing there; some of the region's own may stand elsewhere.
    if first.marker and any(not isinstance(o.statement, _IMPORTS) for o in above):
        return False
    after = [o.statement for o in own[last + 1 :] if o.cell == own[last].cell]
    return not any(_sets(statement, region.names) for statement in after)


def _sets(statement: ast.stmt, names: frozenset[str]) -> bool:
    """Whether a statement binds or deletes one of the names, or writes into it."""
    if names & set(bound_names([statement])):
        return True
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            root: ast.expr = node
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            written = isinstance(node.ctx, ast.Store | ast.Del)
            if written and isinstance(root, ast.Name) and root.id in names:
                return True
    return False


def _evidence(region: _Region, code: _Code, taken: set[int]) -> str:
    """One sentence: where the protected code differs, and how."""
    title = f"{quoted(region.marker)}"
    if region.parts:
        title += f" of part {', '.join(sorted(region.parts))}"
    cell = _nearest_cell(region, code, taken)
    if cell is None:
        return f"{title}: the code {quoted(region.pieces[0].text)} and what follows is gone."
    own = [o for i, o in enumerate(code.statements) if o.cell == cell and i not in taken]
    there = [o for o in own if any(p.agrees(o.statement) for p in region.pieces)]
    lost = [p for p in region.pieces if not any(p.agrees(o.statement) for o in own)]
    if not lost:
        kept = set(map(id, there))
        added = [o for o in own if id(o) not in kept and o.marker]
        other = f": {quoted(added[0].text)} was added" if added else " is in another order"
        return f"{title}: the code in code cell {cell}{other}."
    return f"{title}: {quoted(lost[0].text)} was {_change(lost[0], own, there, cell)}."


def _change(piece: Piece, own: list[_Own], there: list[_Own], cell: int) -> str:
    """What became of a piece: the statement that is most like it, or that it is gone."""
    kept = set(map(id, there))
    free = [o for o in own if id(o) not in kept and type(o.statement).__name__ == piece.meaning[0]]
    for other in free:
        ratio = difflib.SequenceMatcher(None, piece.text, other.text).ratio()
        if ratio >= 0.5:
            if other.text == piece.text:
                return f"changed inside, in code cell {cell}"
            return f"changed to {quoted(other.text)} in code cell {cell}"
    return f"changed or taken out of code cell {cell}"


def _nearest_cell(region: _Region, code: _Code, taken: set[int]) -> int | None:
    """The cell that has most of the region; of equal ones the first of the same part."""
    scores: dict[int, float] = {}
    for index, own in enumerate(code.statements):
        if index not in taken:
            same = bool(region.parts & code.parts.get(own.cell, frozenset()))
            agrees = any(piece.agrees(own.statement) for piece in region.pieces)
            scores[own.cell] = max(scores.get(own.cell, 0), 0.5 * same) + agrees
    best = max(scores, key=lambda cell: scores[cell], default=None)
    return best if best is not None and scores[best] > 0 else None
