"""Mutation operators: small mistakes that a syntax tree can be given, each with a short name.

An operator takes a node with what stands around it, and yields names and replacements. They
know Python and the habits of array code, and nothing of any homework.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# What a change is called, and what comes in place of the node.
Change = tuple[str, ast.expr | ast.stmt]

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@",
    ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not",
    ast.In: "in", ast.NotIn: "not in", ast.And: "and", ast.Or: "or",
}  # fmt: skip
_AXES = ("axis", "dim", "axes", "dims")
_TRANSPOSED = ("T", "mT", "H")


@dataclass(frozen=True)
class Place:
    """What stands around a node: the node above, its role there, the enclosing function."""

    parent: ast.AST
    role: str
    function: ast.FunctionDef | None = None

    @property
    def axis(self) -> str:
        """The name of the axis argument that the node is; empty where it is none."""
        name = self.parent.arg if isinstance(self.parent, ast.keyword) else ""
        return name if name in _AXES else ""

    @property
    def is_statement(self) -> bool:
        """Whether the node's value is thrown away."""
        return isinstance(self.parent, ast.Expr)


def changes(node: ast.AST, place: Place) -> Iterator[Change]:
    """Every change of one node that some operator makes."""
    for operator in _OPERATORS:
        yield from operator(node, place)


def _arithmetic(node: ast.AST, place: Place) -> Iterator[Change]:
    """`a + b` becomes `a - b`, `a @ b` becomes `a * b`; `a += b` likewise."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        other = _ARITHMETIC[type(node.op)]
        yield _swap(node.op, other), _with(node, op=other())


def _comparisons(node: ast.AST, place: Place) -> Iterator[Change]:
    """`<` becomes `<=`, `==` becomes `!=`."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _COMPARISONS[type(node.ops[0])]
        yield _swap(node.ops[0], other), _with(node, ops=[other()])


def _logic(node: ast.AST, place: Place) -> Iterator[Change]:
    """`and` becomes `or`, conditions and truth values become their contrary."""
    if isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield _swap(node.op, other), _with(node, op=other())
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value}->{not node.value}", ast.Constant(not node.value)
    elif place.role == "test" and isinstance(node, ast.expr):
        yield "not", ast.UnaryOp(ast.Not(), node)


def _numbers(node: ast.AST, place: Place) -> Iterator[Change]:
    """A number becomes one more, one less, or its negative."""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float) or place.axis:
        return
    value = node.value
    assert isinstance(value, int | float)
    signs = () if isinstance(place.parent, ast.UnaryOp) else (-value,)
    for other in (value + 1, value - 1, *signs):
        if other != value:
            yield f"{value}->{other}", _number(other)


def _axes(node: ast.AST, place: Place) -> Iterator[Change]:
    """An axis becomes another one, and a tuple of axes loses one."""
    if not place.axis or not isinstance(node, ast.expr):
        return
    was = f"{place.axis}={ast.unparse(node)}"
    if isinstance(node, ast.Tuple | ast.List):
        for index in range(len(node.elts)):
            kept = [e for i, e in enumerate(node.elts) if i != index]
            changed = _with(node, elts=kept)
            yield f"{was}->{ast.unparse(changed)}", changed
        return
    for other in (0, 1, -1):
        if ast.unparse(node) != str(other):
            yield f"{was}->{other}", _number(other)


def _unary(node: ast.AST, place: Place) -> Iterator[Change]:
    """`-a` becomes `a`, and so does `not a`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not) and not place.axis:
        yield "-a->a" if isinstance(node.op, ast.USub) else "not a->a", node.operand


def _attributes(node: ast.AST, place: Place) -> Iterator[Change]:
    """`a.T` becomes `a`."""
    if isinstance(node, ast.Attribute) and node.attr in _TRANSPOSED:
        yield f".{node.attr}", node.value


def _arguments(node: ast.AST, place: Place) -> Iterator[Change]:
    """Arguments change places, and keyword arguments are left out.

    A text in place of another argument would only crash.
    """
    if not isinstance(node, ast.Call):
        return
    if len(node.args) > 1 and not any(
        isinstance(a, ast.Starred) or _is_text(a) for a in node.args[:2]
    ):
        first, second, *rest = node.args
        yield "swapped", _with(node, args=[second, first, *rest])
    for index, keyword in enumerate(node.keywords):
        if keyword.arg:
            kept = [k for i, k in enumerate(node.keywords) if i != index]
            yield f"without {keyword.arg}", _with(node, keywords=kept)


def _calls(node: ast.AST, place: Place) -> Iterator[Change]:
    """`f(a)` becomes `a`, and `a.f()` becomes `a`."""
    if not isinstance(node, ast.Call) or place.is_statement:
        return
    if node.args and not isinstance(node.args[0], ast.Starred) and not _is_text(node.args[0]):
        yield f"without {_called(node)}()", node.args[0]
    if isinstance(node.func, ast.Attribute):
        # `np.exp` is a name of a module's: without the call there would be no value.
        chained = not isinstance(node.func.value, ast.Name)
        if chained or not node.args:
            yield f"without .{node.func.attr}()", node.func.value


def _texts(node: ast.AST, place: Place) -> Iterator[Change]:
    """A text that is part of the data, and no description, is misspelt."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and not place.is_statement:
        yield f"text {node.value[:20]!r}", ast.Constant(node.value + "q")


def _elements(node: ast.AST, place: Place) -> Iterator[Change]:
    """A list that is written on one line loses one of its elements."""
    if isinstance(node, ast.List) and node.lineno == node.end_lineno and not place.axis:
        for index in range(len(node.elts)):
            kept = [e for i, e in enumerate(node.elts) if i != index]
            yield f"without element {index}", _with(node, elts=kept)


def _slices(node: ast.AST, place: Place) -> Iterator[Change]:
    """`a[b:]` becomes `a[:]`."""
    if isinstance(node, ast.Slice):
        for bound in ("lower", "upper"):
            if getattr(node, bound) is not None:
                yield f"without {bound} bound", _with(node, **{bound: None})


def _returns(node: ast.AST, place: Place) -> Iterator[Change]:
    """A function gives its first argument back."""
    if isinstance(node, ast.Return) and node.value is not None and place.function is not None:
        names = [a.arg for a in place.function.args.args if a.arg != "self"]
        if names and ast.unparse(node.value) != names[0]:
            yield f"return {names[0]}", ast.Return(ast.Name(names[0], ast.Load()))


def _statements(node: ast.AST, place: Place) -> Iterator[Change]:
    """A statement is left out."""
    kept = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Pass
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, ast.stmt) and not isinstance(node, kept) and not text:
        yield f"no {type(node).__name__.lower()}", ast.Pass()


_OPERATORS: tuple[Callable[[ast.AST, Place], Iterator[Change]], ...] = (
    _arithmetic,
    _comparisons,
    _logic,
    _numbers,
    _axes,
    _unary,
    _attributes,
    _arguments,
    _calls,
    _texts,
    _elements,
    _slices,
    _returns,
    _statements,
)


def _swap(old: ast.AST, new: type[ast.AST]) -> str:
    return f"{_SYMBOLS[type(old)]}->{_SYMBOLS[new]}"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


def _number(value: float) -> ast.expr:
    if value < 0 or str(value).startswith("-"):
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _with(node: ast.AST, **fields: object) -> ast.expr | ast.stmt:
    """A copy of a node with other fields; what is below it is shared."""
    changed: ast.expr | ast.stmt = copy.copy(node)  # type: ignore[assignment]  # never a module
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
