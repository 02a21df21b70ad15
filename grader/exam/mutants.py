"""Mutants of the model answers: one operator applied at one place of the code that is one's own.

What the template gives is left alone, and so is what only prints: neither is judged.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.exam.notebooks import Blank
from grader.exam.operators import Place, changes
from grader.rubric import PartEntry


@dataclass(frozen=True)
class Mutant:
    """One changed cell: `before` and `after` are the lines that differ."""

    id: str
    part: str
    cell: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class _Spot:
    """A node that may be changed, where it hangs, and the top-level statement that it is in."""

    node: ast.expr | ast.stmt
    place: Place
    index: int | None
    top: int

    def put(self, new: ast.AST) -> None:
        """Hang another node there."""
        if self.index is None:
            setattr(self.place.parent, self.place.role, new)
        else:
            getattr(self.place.parent, self.place.role)[self.index] = new


def make_mutants(assignment: Assignment, blank: Blank) -> list[Mutant]:
    """All mutants of the cells whose parts have checks, in the order of the template."""
    made: list[Mutant] = []
    for name, parts in blank.parts.items():
        entries = [assignment.parts[p] for p in parts if p in assignment.parts]
        judged = [entry for entry in entries if entry.checks]
        if name in blank.answers and judged:
            made += mutate(name, judged, blank.given(name), blank.answers[name])
    return made


def mutate(cell: str, parts: list[PartEntry], given: str, answer: str) -> list[Mutant]:
    """Mutants of one answered cell, in the order of its lines; none where it does not parse."""
    try:
        tree = ast.parse(answer)
    except SyntaxError:
        return []
    owners = _owners(tree, parts)
    own = own_lines(given, answer)
    made: dict[str, Mutant] = {}
    counts: dict[str, int] = {}
    for spot in sorted(_spots(tree, own), key=lambda s: (s.node.lineno, s.node.col_offset)):
        part = owners[spot.top]
        for what, new in changes(spot.node, spot.place):
            source = _changed(tree, answer, spot, new)
            if source in (None, answer) or source in made:
                continue
            name = f"{part}:L{spot.node.lineno}:{what}"
            counts[name] = counts.get(name, 0) + 1
            told = name if counts[name] == 1 else f"{name}#{counts[name]}"
            before, after = _difference(answer, source)
            made[source] = Mutant(told, part, cell, spot.node.lineno, before, after, source)
    return list(made.values())


def own_lines(given: str, answer: str) -> frozenset[int]:
    """Numbers of the answer's lines that are not the template's, from 1."""
    lines = given.split("\n"), answer.split("\n")
    steps = difflib.SequenceMatcher(None, *lines, autojunk=False).get_opcodes()
    return frozenset(
        line + 1
        for tag, _, _, start, end in steps
        if tag in ("insert", "replace")
        for line in range(start, end)
    )


def _owners(tree: ast.Module, parts: list[PartEntry]) -> list[str]:
    """The part that each top-level statement is of: that of the next name it leads up to.

    A cell of several parts goes through them in their order.
    """
    at = 0
    reached: list[int | None] = []
    for statement in tree.body:
        bound = {n.id for n in ast.walk(statement)
                 if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}  # fmt: skip
        found = [i for i in range(at, len(parts)) if bound & set(parts[i].names)]
        # A name that this part has defined before belongs to the next part that has it.
        fresh = [i for i in found if not bound & _defined(tree, reached, i)]
        step = min(fresh or found, default=None)
        at = at if step is None else step
        reached.append(step)
    owners = []
    for index in range(len(reached)):
        ahead = [step for step in reached[index:] if step is not None]
        owners.append(parts[ahead[0] if ahead else at].id)
    return owners


def _defined(tree: ast.Module, reached: list[int | None], part: int) -> set[str]:
    """Names that statements of a part have bound so far."""
    return {
        node.id
        for statement, step in zip(tree.body, reached, strict=False)
        if step == part
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _spots(tree: ast.Module, own: frozenset[int]) -> Iterator[_Spot]:
    """Every place of the own code, save what only prints and texts with values in them."""
    for top, statement in enumerate(tree.body):
        waiting: list[tuple[_Spot, ast.FunctionDef | None]] = [
            (_Spot(statement, Place(tree, "body"), top, top), None)
        ]
        while waiting:
            spot, function = waiting.pop()
            if isinstance(spot.node, ast.JoinedStr) or _only_prints(spot.node):
                continue
            if _is_own(spot.node, own):
                yield spot
            if spot.place.axis:
                continue  # it has operators of its own
            if isinstance(spot.node, ast.FunctionDef):
                function = spot.node
            waiting += [(below, function) for below in _below(spot.node, function, top)]


def _below(node: ast.AST, function: ast.FunctionDef | None, top: int) -> Iterator[_Spot]:
    """The statements and expressions below a node; keywords and the like are passed through."""
    for role, value in ast.iter_fields(node):
        if role in ("decorator_list", "annotation", "returns"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.expr | ast.stmt):
                yield _Spot(child, Place(node, role, function), index, top)
            elif isinstance(child, ast.AST):
                yield from _below(child, function, top)


def _only_prints(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "print"
    )


def _is_own(node: ast.expr | ast.stmt, own: frozenset[int]) -> bool:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1)) <= own


def _changed(tree: ast.Module, answer: str, spot: _Spot, new: ast.AST) -> str | None:
    """The cell's source with the new node in place; None where that cannot be written so."""
    spot.put(new)
    try:
        meant = ast.dump(tree)
    finally:
        spot.put(spot.node)
    text = ast.unparse(new)
    for written in (text, f"({text})"):
        source = _spliced(answer, spot.node, written)
        try:
            if ast.dump(ast.parse(source)) == meant:
                return source
        except SyntaxError:
            continue
    return None


def _spliced(source: str, node: ast.expr | ast.stmt, text: str) -> str:
    """The source with a text in place of a node. Columns count bytes."""
    lines = source.encode().split(b"\n")
    last = node.end_lineno or node.lineno
    head = lines[node.lineno - 1][: node.col_offset]
    tail = lines[last - 1][node.end_col_offset :]
    kept = [*lines[: node.lineno - 1], head + text.encode() + tail, *lines[last:]]
    return b"\n".join(kept).decode()


def _difference(old: str, new: str) -> tuple[str, str]:
    """The lines that two sources do not share at their beginning and end."""
    before, after = old.split("\n"), new.split("\n")
    start = next(i for i in range(len(before) + 1) if before[: i + 1] != after[: i + 1])
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return _joined(before[start : len(before) - end]), _joined(after[start : len(after) - end])


def _joined(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines)
