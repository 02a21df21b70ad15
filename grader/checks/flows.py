"""What becomes of a value, as far as reading the code can rule it out.

The opposite of `slices`: where that says what a value is certainly made with, this says what it
certainly does not go into. Whatever is less than certain counts as used.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from grader.submission.source import as_python, bound_names, parse_python

# In these a value may go ways that its name does not show.
_OPAQUE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Global, ast.Starred,
)  # fmt: skip
_REFLECTION = frozenset({"eval", "exec", "globals", "locals", "vars", "getattr", "get_ipython"})


def is_unused(sources: Sequence[str], name: str, passing: Collection[str]) -> bool:
    """Whether nothing that is made with `name` goes into a call, or stands there to be shown.

    Functions named in `passing` use nothing themselves: what they give back is followed.
    """
    tree = _parse(sources)
    if tree is None or any(_is_opaque(node) for node in ast.walk(tree)):
        return False
    made = _made_with(tree, name)
    return not any(_is_use(node, name, made, passing) for node in ast.walk(tree))


def calls(sources: Sequence[str], function: str, *, arguments: int) -> bool:
    """Whether the code calls a function of that name with so many arguments or more."""
    tree = _parse(sources)
    return any(
        isinstance(node, ast.Call)
        and _called(node) == function
        and len(node.args) + len(node.keywords) >= arguments
        for node in (ast.walk(tree) if tree else ())
    )


def last_call(sources: Sequence[str], name: str) -> str | None:
    """The function whose result is what the code binds `name` to last; None if it is no call."""
    made = _made_last(sources, name)
    return _called(made) if made is not None else None


def last_texts(sources: Sequence[str], name: str) -> tuple[str, ...]:
    """The texts among the arguments of the call whose result `name` is bound to last."""
    made = _made_last(sources, name)
    given = [*made.args, *(k.value for k in made.keywords)] if made is not None else []
    return tuple(a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str))


def _made_last(sources: Sequence[str], name: str) -> ast.Call | None:
    tree = _parse(sources)
    value: ast.expr | None = None
    for node in _in_order(tree.body if tree else ()):
        if isinstance(node, ast.Assign) and name in bound_names(node.targets):
            value = node.value if all(isinstance(t, ast.Name) for t in node.targets) else None
        elif name in bound_names([node]):
            value = None
    return value if isinstance(value, ast.Call) else None


def called_from_outside(sources: Sequence[str], function: str) -> frozenset[str]:
    """Names that a function of the code calls, and that are neither its own nor its arguments."""
    tree = _parse(sources)
    found = [n for n in (tree.body if tree else ()) if isinstance(n, ast.FunctionDef)]
    defined = [node for node in found if node.name == function]
    if not defined:
        return frozenset()
    inside = list(ast.walk(defined[-1]))
    own = {*bound_names(defined[-1].body), *(n.arg for n in inside if isinstance(n, ast.arg))}
    called = {n.func.id for n in inside if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return frozenset(called - own)


def _parse(sources: Sequence[str]) -> ast.Module | None:
    return parse_python("\n".join(as_python(source) for source in sources))


def _in_order(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements one after another, with those that a `with` or a `try` begins with."""
    for node in body:
        if isinstance(node, ast.With | ast.Try):
            yield from _in_order(node.body)
        else:
            yield node


def _is_opaque(node: ast.AST) -> bool:
    return isinstance(node, _OPAQUE) or (isinstance(node, ast.Name) and node.id in _REFLECTION)


def _made_with(tree: ast.Module, name: str) -> set[str]:
    """Names that may hold something made with `name`, itself among them."""
    made, before = {name}, 0
    while len(made) > before:
        before = len(made)
        for node in ast.walk(tree):
            made |= _handed_on(node, made)
    return made


def _handed_on(node: ast.AST, made: set[str]) -> set[str]:
    """Names that take up, in this node, something that one of those made holds."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return _names(*targets) if node.value and made & _names(node.value) else set()
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        return _names(node.target) if made & _names(node.iter) else set()
    if isinstance(node, ast.withitem) and node.optional_vars:
        return _names(node.optional_vars) if made & _names(node.context_expr) else set()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # `labels.append(x)`: what is handed to a method may stay in its object.
        return _names(node.func.value) if made & _argument_names(node) else set()
    return set()


def _is_use(node: ast.AST, name: str, made: set[str], passing: Collection[str]) -> bool:
    if isinstance(node, ast.Call):
        return _called(node) not in passing and bool(made & _argument_names(node))
    if isinstance(node, ast.Expr):
        return bool(made & _names(node.value)) and not _is_own_method(node.value, name)
    return False


def _is_own_method(value: ast.expr, name: str) -> bool:
    """Whether it is `name.method()`."""
    func = value.func if isinstance(value, ast.Call) else None
    owner = func.value if isinstance(func, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id == name


def _called(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def _argument_names(node: ast.Call) -> set[str]:
    return _names(*node.args, *(keyword.value for keyword in node.keywords))


def _names(*trees: ast.AST) -> set[str]:
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}
