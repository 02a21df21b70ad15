"""Which statements may change in place what a name holds, as far as reading them tells."""

from __future__ import annotations

import ast

# Functions and methods that leave what they are given as it is, though nothing is made of what
# they return.
_ONLY_LOOK = frozenset({
    "print", "display", "backward", "requires_grad_", "retain_grad", "isinstance", "equal",
    "allclose", "show", "manual_seed", "seed", "set_printoptions",
})  # fmt: skip


def may_change(statement: ast.stmt) -> bool:
    """Whether the statement may change in place what some name holds."""
    return any(_is_change(node) for node in ast.walk(statement))


def _is_change(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return True
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return True
    if isinstance(node, ast.Expr):  # it is called for what it does
        return isinstance(node.value, ast.Call) and _called(node.value) not in _ONLY_LOOK
    if isinstance(node, ast.Call):
        name = _called(node)
        in_place = name.endswith("_") and not name.endswith("__") and name not in _ONLY_LOOK
        return in_place or any(keyword.arg == "out" for keyword in node.keywords)
    return False


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
