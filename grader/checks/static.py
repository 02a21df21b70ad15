"""What can be read off a student's code without running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from IPython.core.inputtransformer2 import TransformerManager


def until_bound(sources: Sequence[str], names: Sequence[str]) -> str | None:
    """The code up to the statement after which each of `names` has been bound once.

    Homework rebinds names: this is the code that made the first of them. None where the code
    does not parse or does not bind one of the names at its top level.
    """
    try:
        code = TransformerManager().transform_cell("\n".join(sources))
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    wanted = set(names)
    for statement in body:
        wanted -= {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        if not wanted:
            lines = code.splitlines()[: statement.end_lineno]
            return "\n".join(lines)
    return None
