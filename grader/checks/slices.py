"""How a value came about, as far as reading the code makes it certain.

Only plain code is certain: straight assignments at the top level, nothing changed in place,
nothing reached by a name that is put together while it runs. All else is left to be run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from grader.submission.source import as_python, bound_names, parse_python

# They reach names and attributes that do not stand in the code.
_REFLECTION = frozenset({
    "eval", "exec", "compile", "getattr", "setattr", "delattr", "globals", "locals", "vars",
    "__import__", "get_ipython", "breakpoint",
})  # fmt: skip
_OPAQUE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.AugAssign, ast.Delete,
    ast.Global, ast.NamedExpr, ast.With, ast.AsyncWith, ast.Try,
)  # fmt: skip
# Modules may have these names; others could pose as a function.
_USUAL_NAMES = ("np", "plt", "nx")
# What takes a gradient out of its tensor, as it is.
_UNWRAPPED = frozenset({"item", "clone", "detach", "numpy", "tolist", "squeeze", "cpu"})


def used_by(sources: Sequence[str], name: str) -> frozenset[str] | None:
    """Attributes and names that the value of `name` is made with; None where it is not certain.

    Names that the cells assign are followed to what they are made with.
    """
    tree = _plain(sources)
    if tree is None:
        return None
    assigned, otherwise = _assignments(tree), _bound_otherwise(tree)
    used: set[str] = set()
    waiting, followed = [name], set()
    while waiting:
        current = waiting.pop()
        if current in followed:
            continue
        followed.add(current)
        if current in otherwise:
            return None
        values = assigned.get(current)
        if values is None:
            used.add(current)
            continue
        words = {word for value in values for word in _words(value)}
        used |= words - set(assigned)
        waiting += words & {*assigned, *otherwise}
    return None if used == {name} else frozenset(used)


def comes_from_backward(sources: Sequence[str]) -> bool:
    """Whether gradients that the cells leave behind certainly come from a backward pass."""
    tree = _plain(sources)
    return tree is not None and "backward" in set(_words(tree))


def is_gradient(sources: Sequence[str], name: str) -> bool:
    """Whether `name` is certainly some tensor's `.grad` after a backward pass, as it is."""
    tree = _plain(sources)
    if tree is None or "backward" not in set(_words(tree)):
        return False
    values = [] if name in _bound_otherwise(tree) else _assignments(tree).get(name, [])
    return len(values) == 1 and _is_grad(values[0])


def _is_grad(value: ast.expr) -> bool:
    if isinstance(value, ast.Attribute):
        return value.attr == "grad" or (value.attr == "data" and _is_grad(value.value))
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and not value.args:
        return value.func.attr in _UNWRAPPED and _is_grad(value.func.value)
    return False


def _plain(sources: Sequence[str]) -> ast.Module | None:
    """The syntax tree of code that does no more than it says, None for other code."""
    tree = parse_python("\n".join(as_python(source) for source in sources))
    if tree is None or any(_is_opaque(node) for node in ast.walk(tree)):
        return None
    return tree


def _is_opaque(node: ast.AST) -> bool:
    if isinstance(node, _OPAQUE):
        return True
    if isinstance(node, ast.ImportFrom):
        return True  # under whatever name: not worth following
    if isinstance(node, ast.alias):
        return node.asname not in (None, *_USUAL_NAMES)
    if isinstance(node, ast.Name):
        return node.id in _REFLECTION
    if isinstance(node, ast.Attribute):
        in_place = node.attr.endswith("_") and node.attr != "requires_grad_"
        return in_place or not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.keyword) and node.arg in ("out", None)


def _assignments(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Values of each name that straight assignments at the top level bind."""
    found: dict[str, list[ast.expr]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                for bound in bound_names([target]):
                    found.setdefault(bound, []).append(statement.value)
    return found


def _bound_otherwise(tree: ast.Module) -> set[str]:
    """Names that are bound in loops, branches and the like: not by straight assignments alone."""
    straight = (ast.Assign, ast.Import)
    return set(bound_names(s for s in tree.body if not isinstance(s, straight)))


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
