"""A cell's code as it can be read without being run: plain Python, and the names it binds."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterable, Iterator

from IPython.core.inputtransformer2 import TransformerManager

# Cell magics that run the cell's body as it stands, in the notebook's own namespace.
_WRAPPER = re.compile(r"\A\s*%%(?:time|capture|prun)\b[^\n]*\n")

# A line that is a magic, a shell's or asks for help. IPython reads the whole cell again for each
# of them, seven microseconds a character: beyond some work such lines are only passed over.
_MAGIC = re.compile(r"^([ \t]*)(?:[!%?]|[^\n=#]*=[ \t]*[!%]|[^\n#]*\?[ \t]*$)[^\n]*", re.MULTILINE)
_MOST_WORK = 200_000

# The cells of a template and of the submission at hand are read by many policies and checks.
_KEPT = 512


@functools.lru_cache(_KEPT)
def as_python(source: str) -> str:
    """A cell as plain Python, line by line: magics and shell lines become IPython's calls."""
    body = _WRAPPER.sub("\n", source)
    plain = body if body.endswith("\n") else body + "\n"
    if not body[:1].isspace() and parse_python(plain) is not None:
        return plain  # IPython would change nothing, and takes ten times as long to say so
    try:
        with warnings.catch_warnings():
            # IPython warns of what its own next version forbids: nothing to do with a grade.
            warnings.simplefilter("ignore")
            if len(_MAGIC.findall(body)) * len(body) <= _MOST_WORK:
                return str(TransformerManager().transform_cell(body))
    except (SyntaxError, RuntimeError):  # RuntimeError: more magics than IPython wants to see
        pass
    return _MAGIC.sub(r"\1pass", body)


@functools.lru_cache(_KEPT)
def parse_python(code: str) -> ast.Module | None:
    """The syntax tree of plain Python, None where Python cannot make one.

    It is shared between all who ask for it: nobody may change it.
    """
    try:
        with warnings.catch_warnings():
            # "\d" in a student's string is worth a warning to them, not to us.
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last: nested too deeply
        return None


@functools.lru_cache(maxsize=512)  # most cells of a class are the template's own
def defined_names(source: str) -> frozenset[str]:
    """Names that a cell's own top level binds; definitions only where it does not parse."""
    tree = parse_python(as_python(source))
    if tree is None:
        return frozenset(re.findall(r"^(?:def|class)[ \t]+(\w+)", source, re.MULTILINE))
    return frozenset(bound_names(tree.body))


def bound_names(statements: Iterable[ast.AST]) -> Iterator[str]:
    """Names that statements bind in the scope that they stand in, in no order."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.comprehension):
            waiting += [node.iter, *node.ifs]  # its target lives in a scope of its own
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.alias):
                yield (node.asname or node.name).split(".")[0]
            waiting += ast.iter_child_nodes(node)
