"""Copies as people make them: renamed, reformatted, commented anew, reordered, partly rewritten."""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import random
import tokenize
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from grader.similarity import SubmittedCode

_KEPT = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self"})
_REMARKS = ("now the next step", "as in the lecture", "TODO: check the shapes", "important!")
_OTHERS = (
    "extra_{n} = [value * {n} for value in range({n}) if value % 2]",
    "if verbose_{n}:\n    print('step', {n}, flush=True)",
    "assert total_{n} is not None and total_{n} >= {n}, 'too small'",
    "while counter_{n} < limit_{n} and not done_{n}:\n    counter_{n} += {n}",
    "cache_{n} = {{key: str(item) for key, item in table_{n}.items()}}",
    "with open(path_{n}) as file_{n}:\n    rows_{n} = file_{n}.read().split(',')",
)


def renamed(code: str, seed: int = 0) -> str:
    """Every name but keywords, builtins and attributes is another; the layout stays."""
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    new: dict[str, str] = {}
    lines = code.split("\n")
    for before, token in reversed(list(pairwise(tokens))):
        if token.type == tokenize.NAME and token.string not in _KEPT and before.string != ".":
            name = new.setdefault(token.string, f"other_{seed}_{len(new)}")
            (row, start), (_, end) = token.start, token.end
            lines[row - 1] = lines[row - 1][:start] + name + lines[row - 1][end:]
    return "\n".join(lines)


def reformatted(code: str) -> str:
    """Python's own layout: without comments, with other quotes, parentheses and lines."""
    return ast.unparse(ast.parse(code))


def commented(code: str, seed: int = 0) -> str:
    """Comments and empty lines between statements, and a docstring in every function."""
    chance = random.Random(seed)
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body.insert(0, ast.Expr(ast.Constant("What this does.\n\nAnd how.")))
    ast.fix_missing_locations(tree)
    found = []
    for line in ast.unparse(tree).split("\n"):
        if chance.random() < 0.3 and line.startswith((" ", "def")) and '"' not in line:
            indent = line[: len(line) - len(line.lstrip())]
            found += ["", f"{indent}# {chance.choice(_REMARKS)}"]
        found.append(line)
    return "\n".join(found)


def disguised(code: str, seed: int = 0) -> str:
    """Renamed, reformatted and commented anew."""
    return commented(renamed(code, seed), seed)


def reordered(code: str, seed: int = 0, share: float = 0.3) -> str:
    """Of all statements a share changes places with the next one, after which it may not run."""
    chance = random.Random(seed)
    tree = ast.parse(code)
    for body in _bodies(tree):
        place = 0
        while place + 1 < len(body):
            if chance.random() < share:
                body[place], body[place + 1] = body[place + 1], body[place]
                place += 1
            place += 1
    return ast.unparse(tree)


def rewritten(code: str, seed: int = 0, share: float = 0.3) -> str:
    """A share of all simple statements is replaced by others."""
    chance = random.Random(seed)
    tree = ast.parse(code)
    for body in _bodies(tree):
        for place, statement in enumerate(body):
            if not hasattr(statement, "body") and chance.random() < share:
                text = chance.choice(_OTHERS).format(n=chance.randrange(2, 99))
                body[place] = ast.parse(text).body[0]
    return ast.unparse(ast.fix_missing_locations(tree))


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in list(ast.walk(tree)):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            yield body


# How people copy, by name; all but the first two are disguised as well.
WAYS: dict[str, Callable[[str, int], str]] = {
    "verbatim": lambda code, seed: code,
    "disguised": disguised,
    "reordered": lambda code, seed: reordered(disguised(code, seed), seed, 0.2),
    "reordered much": lambda code, seed: reordered(disguised(code, seed), seed, 0.5),
    "a fifth rewritten": lambda code, seed: rewritten(disguised(code, seed), seed, 0.2),
    "two fifths rewritten": lambda code, seed: rewritten(disguised(code, seed), seed, 0.4),
}


def copied(
    code: SubmittedCode, way: str, template: Mapping[str, str], seed: int = 0
) -> SubmittedCode:
    """A copy of a submission, made in one of the WAYS; cells that are the template's stay."""
    parts = {
        name: text if text == template.get(name) else WAYS[way](text, seed)
        for name, text in code.parts.items()
    }
    return SubmittedCode(f"{code.id}-copy", f"{code.student}, copied", parts)
