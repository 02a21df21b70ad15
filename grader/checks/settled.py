"""How far code has to be run for what names hold before a later part uses or rebinds them.

Homework rebinds names. What belongs to an early part may be bound empty and filled by the lines
below, or bound more than once; and a product may be written over it. All of it is read off the
code, which the caller runs.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from grader.checks.effects import may_change
from grader.checks.static import until_bound
from grader.submission.source import as_python, bound_names, parse_python


def until_settled(
    sources: Sequence[str], names: Collection[str], results: Collection[str], later: Collection[str]
) -> tuple[str, str, str] | None:
    """Code after which `names` may hold what they should, in three ways.

    The first ends where each has been bound once. The second goes on over what binds them again
    or changes something in place, up to what binds one of `results` or changes something with
    several of `names`. The third goes on over all changes in place until a name is bound again.
    `later` are names of the part that binds `names` anew. None where a name is not bound at the
    top level.
    """
    first = until_bound(sources, list(names))
    if first is None:
        return None
    code = "\n".join(as_python(source) for source in sources)
    tree = parse_python(code)
    taken = first.count("\n") + 1
    rest = [s for s in (tree.body if tree else ()) if s.lineno > taken]
    lines = code.split("\n")
    settled, filled = _settled(rest, names, results, later), _filled(rest, names)
    return first, "\n".join(lines[: max(taken, settled)]), "\n".join(lines[: max(taken, filled)])


def _settled(
    rest: Sequence[ast.stmt],
    names: Collection[str],
    results: Collection[str],
    later: Collection[str],
) -> int:
    """The last line of what fills the names or binds them again before they are used; 0 if none.

    Where nothing uses them, it is not certain to which part another binding belongs.
    """
    end = before_binding = 0
    again = False
    origins = {name: frozenset({name}) for name in names}
    for statement in rest:
        bound = set(bound_names([statement]))
        if bound & set(results):
            return end
        if bound & set(later) or (may_change(statement) and len(_read(statement, origins)) > 1):
            return before_binding if again else end
        if set(names) & set(_bound_anew(statement)) and not again:
            again, before_binding = True, end
        if again or may_change(statement):
            end = statement.end_lineno or 0
        _follow(statement, origins)
    return end


def _filled(rest: Sequence[ast.stmt], names: Collection[str]) -> int:
    """The last line of what changes anything in place before a name is bound again; 0 if none."""
    end = 0
    for statement in rest:
        if set(names) & set(_bound_anew(statement)):
            break
        if may_change(statement):
            end = statement.end_lineno or 0
    return end


def _follow(statement: ast.stmt, origins: dict[str, frozenset[str]]) -> None:
    """Note of the names that a statement binds which of the first ones they are made with."""
    read = _read(statement, origins)
    for name in bound_names([statement]):
        origins[name] = origins.get(name, frozenset()) | read


def _read(statement: ast.stmt, origins: dict[str, frozenset[str]]) -> frozenset[str]:
    """The first names that the statement reads, by whatever name it has them.

    `v[0] = 1` reads no v, but `v[0] += 1` does.
    """
    stored = {id(node.value) for target in _stored(statement) for node in ast.walk(target)
              if isinstance(node, ast.Subscript | ast.Attribute)}  # fmt: skip
    augmented = [n.target for n in ast.walk(statement) if isinstance(n, ast.AugAssign)]
    stored -= {id(node) for target in augmented for node in ast.walk(target)}
    words = [n for n in ast.walk(statement) if isinstance(n, ast.Name) and id(n) not in stored]
    words = [n for n in words if isinstance(n.ctx, ast.Load) or any(n is t for t in augmented)]
    return frozenset().union(*(origins.get(word.id, frozenset()) for word in words))


def _stored(statement: ast.stmt) -> Iterator[ast.expr]:
    """What the statement and those within it store into: entries and attributes."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node


def _bound_anew(statement: ast.stmt) -> Iterator[str]:
    """Names that the statement binds to another object, as `+=` does not where it can be helped."""
    kept = {id(n.target) for n in ast.walk(statement) if isinstance(n, ast.AugAssign)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in kept:
            yield node.id
