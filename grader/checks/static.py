"""What can be read off a student's code without running it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from grader.checks.effects import may_change
from grader.submission.source import as_python, bound_names, parse_python


def until_bound(sources: Sequence[str], names: Sequence[str]) -> str | None:
    """The code up to the statement after which each of `names` has been bound once.

    Homework rebinds names: this is the code that made the first of them. None where the code
    does not parse or does not bind one of the names at its top level.
    """
    code = "\n".join(as_python(source) for source in sources)
    tree = parse_python(code)
    wanted = set(names)
    for statement in tree.body if tree else ():
        wanted -= set(bound_names([statement]))
        if not wanted:
            return "\n".join(code.split("\n")[: statement.end_lineno])
    return None


def without_definitions(source: str, names: Collection[str]) -> str:
    """A cell's code without its own definitions of those names.

    These are functions, classes, and the first assignment to each name. Their lines are left
    blank, so that the others keep their numbers. A cell that does not parse is left as it is.
    """
    code = as_python(source)
    tree = parse_python(code)
    lines = code.split("\n")
    assigned: set[str] = set()
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            if node.name in names:
                first = min(line.lineno for line in (node, *node.decorator_list))
                _blank(lines, first, node.end_lineno or first)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            bound = set(bound_names([node]))
            if bound and bound <= set(names) - assigned:
                _pass_over(lines, node)
            assigned |= bound
    return "\n".join(lines)


def _blank(lines: list[str], first: int, last: int) -> None:
    lines[first - 1 : last] = [""] * (last - first + 1)


def _pass_over(lines: list[str], node: ast.stmt) -> None:
    """Put `pass` in the place of a statement, which may share its lines with others."""
    first, last = node.lineno, node.end_lineno or node.lineno
    # Columns count bytes of UTF-8.
    before = lines[first - 1].encode()[: node.col_offset].decode()
    after = lines[last - 1].encode()[node.end_col_offset :].decode()
    _blank(lines, first, last)
    lines[last - 1] = f"{before if first == last else ''}pass{after}"
    if first < last:
        lines[first - 1] = before.rstrip("; ")


def statements(source: str, after: int = 0) -> list[str]:
    """The statements at the top level of a cell that begin below line `after`, one by one.

    Each has the line numbers that it has in the cell. Empty where the cell does not parse.
    """
    code = as_python(source)
    tree = parse_python(code)
    lines = code.split("\n")
    found = []
    for node in tree.body if tree else ():
        first = min(line.lineno for line in (node, *getattr(node, "decorator_list", ())))
        if first > after:
            own = lines[first - 1 : node.end_lineno]
            found.append("\n" * (first - 1) + "\n".join(own))
    return found


# What only puts given numbers into another form: an answer made of nothing else is typed in.
_CONSTRUCTORS = frozenset({
    "tensor", "Tensor", "FloatTensor", "DoubleTensor", "LongTensor", "IntTensor", "as_tensor",
    "from_numpy", "array", "asarray", "matrix", "float", "int", "list", "tuple", "reshape", "view",
    "float32", "float64", "to", "type", "astype", "clone", "detach", "t", "T", "double", "long",
    "item", "tolist", "squeeze", "unsqueeze", "requires_grad_", "dtype",
})  # fmt: skip
_COMPUTING = (ast.Compare, ast.Lambda, ast.comprehension, ast.Subscript)
# Operations that leave a number as it is, with what they then have on their right and their left.
_IDLE: dict[type[ast.operator], tuple[float | None, float | None]] = {
    ast.Add: (0, 0), ast.Sub: (0, None), ast.Mult: (1, 1), ast.Div: (1, None), ast.Pow: (1, None),
}  # fmt: skip
_MODULES = frozenset({"torch", "np", "numpy"})


def typed_in(sources: Sequence[str], name: str, operands: Collection[str] = ()) -> bool:
    """Whether the code certainly gives `name` a value of typed numbers, with nothing computed.

    `operands` are names that a computation would use. Only what is certain counts: the last
    assignment at the top level, followed through other names, holds no more than numbers and
    what puts them into another form, and nothing fills it afterwards.
    """
    assigned: dict[str, ast.expr] = {}
    tree = parse_python("\n".join(as_python(source) for source in sources))
    for statement in tree.body if tree else ():
        plain = _plainly_assigned(statement)
        changed = _changed(statement, assigned) | set(bound_names([statement]))
        if name in changed - set(plain):
            return False  # in place, by a loop, an import or the like: not certain
        assigned = {n: value for n, value in assigned.items() if n not in changed} | plain
    return name in assigned and _is_typed(assigned[name], assigned, operands, 5)


def _changed(statement: ast.stmt, assigned: dict[str, ast.expr]) -> set[str]:
    """Names whose value the statement may change in place."""
    if not may_change(statement):
        return set()
    words = _names(statement)
    return {name for name in assigned if _shared(name, assigned) & words}


def _shared(name: str, assigned: dict[str, ast.expr]) -> set[str]:
    """Names that may hold the same object as `name`, or a part of it; none for a plain number."""
    value = assigned.get(name, ast.Constant(None))
    if not any(isinstance(n, ast.Call | ast.List | ast.Name) for n in ast.walk(value)):
        return set()
    return {name, *_names(value), *(other for other in assigned if name in _names(assigned[other]))}


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _plainly_assigned(statement: ast.stmt) -> dict[str, ast.expr]:
    """The values that `a = 1` or `a, b = 1, 2` gives to its names."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return {}
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
        if len(target.elts) != len(value.elts) or any(
            isinstance(node, ast.Starred) for pair in pairs for node in pair
        ):
            return {}
    else:
        pairs = [(target, value)]
    return {to.id: given for to, given in pairs if isinstance(to, ast.Name)}


def _is_typed(
    value: ast.expr, assigned: dict[str, ast.expr], operands: Collection[str], depth: int
) -> bool:
    for node in ast.walk(value):
        if isinstance(node, _COMPUTING) or (isinstance(node, ast.BinOp) and not _is_idle(node)):
            return False
        if isinstance(node, ast.Attribute) and node.attr not in _CONSTRUCTORS:
            return False
        if isinstance(node, ast.Name) and node.id not in _CONSTRUCTORS | _MODULES:
            known = node.id in assigned and node.id not in operands and depth > 0
            if not known or not _is_typed(assigned[node.id], assigned, operands, depth - 1):
                return False
    return True


def _is_idle(node: ast.BinOp) -> bool:
    """Whether an operation does nothing: `x * 1`, `0 + x`."""
    right, left = _IDLE.get(type(node.op), (None, None))
    return any(
        isinstance(side, ast.Constant) and idle is not None and side.value == idle
        for side, idle in ((node.right, right), (node.left, left))
    )


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def at_work(sources: Sequence[str]) -> str:
    """The code without comments, imports, and functions and classes that it does not use."""
    tree = parse_python("\n".join(as_python(source) for source in sources))
    body = [one for one in (tree.body if tree else ()) if not isinstance(one, _IMPORTS)]
    used = [one for one in body if not isinstance(one, _DEFINITIONS)]
    defined = [one for one in body if isinstance(one, _DEFINITIONS)]
    for one in used:  # it grows
        words = _names(one)
        used += [other for other in defined if other.name in words]
        defined = [other for other in defined if other.name not in words]
    return "\n".join(ast.unparse(one) for one in used)


def definitions(source: str, names: Collection[str]) -> str:
    """The statements at the top level of a module that `names` need, in its own order.

    Whatever binds one of them, and what that uses in turn. Comments between statements are lost.
    """
    tree = parse_python(source)
    body = tree.body if tree else []
    wanted, kept = set(names), set[int]()
    grown = True
    while grown:
        more = {i for i, node in enumerate(body) if wanted & set(bound_names([node]))} - kept
        grown, kept = bool(more), kept | more
        wanted |= {n.id for i in more for n in ast.walk(body[i]) if isinstance(n, ast.Name)}
    return "\n".join(_own_lines(source, body[i]) for i in sorted(kept))


def _own_lines(source: str, node: ast.stmt) -> str:
    """A statement's lines with its decorators and the blank lines that its kind begins with."""
    first = min(line.lineno for line in (node, *getattr(node, "decorator_list", ())))
    text = "\n".join(source.split("\n")[first - 1 : node.end_lineno])
    return f"\n\n{text}" if isinstance(node, ast.FunctionDef | ast.ClassDef) else text
