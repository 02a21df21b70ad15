"""What a check says of itself: its part, by its marker, and its name in the rubric."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

import pytest


def part_of(item: pytest.Item) -> str:
    """The part that a check is of. Raises pytest.UsageError where it has no marker."""
    marker = item.get_closest_marker("part")
    if marker is None or not marker.args:
        raise pytest.UsageError(f"{item.nodeid} has no @pytest.mark.part(...)")
    return str(marker.args[0])


def function_name(item: pytest.Item) -> str:
    """The test function's name, without the parameters of one of its cases."""
    return str(getattr(item, "originalname", item.name))


def files_of(folder: Path, parts: Collection[str], checks: Collection[str]) -> list[Path]:
    """The check files of a folder that may hold checks of those parts, without loading them.

    A file is left out only where it is certain to hold none: it defines none of the functions
    `checks`, and all its markers are read and name other parts. A file that cannot be read, or that
    marks its checks in some other way, is pytest's to judge.
    """
    return [
        file
        for file in sorted(folder.glob("test_*.py"))
        if _may_hold(file, set(parts), set(checks))
    ]


def _may_hold(file: Path, parts: set[str], checks: set[str]) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):
        return True
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    marked = [_marked(node) for node in nodes if isinstance(node, ast.Call)]
    named = [part for part in marked if part is not None]
    return not named or "" in named or not parts.isdisjoint(named) or not checks.isdisjoint(defined)


def _marked(call: ast.Call) -> str | None:
    """The part that a call of `…part("…")` names: empty where it cannot be read, None if none."""
    called = call.func
    if not (isinstance(called, ast.Attribute) and called.attr == "part"):
        return None
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""
