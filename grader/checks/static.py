"""What can be read off a student's code without running it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

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
    """A cell's code without its own definitions of functions and classes of those names.

    Their lines are left blank, so that the others keep their numbers. A cell that does not
    parse is left as it is.
    """
    code = as_python(source)
    tree = parse_python(code)
    lines = code.split("\n")
    for node in tree.body if tree else ():
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and node.name in names
        ):
            first = min(line.lineno for line in (node, *node.decorator_list))
            stop = node.end_lineno or first
            lines[first - 1 : stop] = [""] * (stop - first + 1)
    return "\n".join(lines)
