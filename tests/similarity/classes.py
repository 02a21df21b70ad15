"""Classes of submissions that nobody copied: made up, or of hw5's right answers."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache

import yaml

from grader.exam.notebooks import cell_id
from grader.similarity import SubmittedCode
from grader.variants import Accepted, read_variants
from tests.submissions import build

_HW5_STUDENTS = 16  # no part has many more alternatives

_NAMES = ("x", "y", "z", "data", "out", "w1", "hidden", "grad", "image", "total", "batch", "rate")
_CALLS = (
    "np.exp", "np.log", "np.dot", "np.sum", "np.zeros", "np.maximum", "np.mean", "torch.tensor",
    "torch.cat", "torch.relu", "torch.softmax", "F.cross_entropy", "nn.Linear", "len", "range",
)  # fmt: skip
_METHODS = ("sum", "mean", "reshape", "transpose", "backward", "item", "view", "copy", "argmax")
_SIGNS = ("+", "-", "*", "/", "@", "**", "==", "<")
# What the homework leads everybody to, in the same words.
_IDIOM = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        out = net(x)
        loss = criterion(out, y)
        loss.backward()
        optimizer.step()
"""


def synthetic_template() -> dict[str, str]:
    """What every made-up submission begins with."""
    return {str(part): _code(random.Random(f"template {part}"), 1500) for part in range(4)}


def synthetic_class(count: int, size: int) -> list[SubmittedCode]:
    """Submissions of about `size` characters: the template, idioms, and code at random."""
    template = synthetic_template()
    made = []
    for number in range(count):
        chance = random.Random(f"student {number}")
        own = max(1, size // len(template) - 1500 - len(_IDIOM))
        parts = {
            part: f"{given}\n{_IDIOM}\n{_code(chance, own)}" for part, given in template.items()
        }
        made.append(SubmittedCode(f"s{number}", f"Student {number}", parts))
    return made


def _code(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    length = 0
    while length < size:
        added = _function(chance)
        length += sum(map(len, added)) + len(added)
        lines += added
    return "\n".join(lines) + "\n"


def _function(chance: random.Random) -> list[str]:
    name = f"step_{chance.randrange(10**6)}"
    lines = [f"def {name}({', '.join(chance.sample(_NAMES, chance.randint(1, 4)))}):"]
    indent = 1
    for _ in range(chance.randint(4, 14)):
        lines.append("    " * indent + _statement(chance))
        if lines[-1].endswith(":"):
            indent += 1
            lines.append("    " * indent + _statement(chance, simple=True))
        elif indent > 1 and chance.random() < 0.4:
            indent -= 1
    if lines[-1].endswith(":"):
        lines.append("    " * (indent + 1) + "pass")
    return [*lines, f"    return {_value(chance, 2)}", ""]


def _statement(chance: random.Random, *, simple: bool = False) -> str:
    kind = chance.random()
    if kind < 0.1 and not simple:
        return f"for {chance.choice(_NAMES)} in {_value(chance, 1)}:"
    if kind < 0.2 and not simple:
        return f"if {_value(chance, 2)}:"
    if kind < 0.3:
        return f"{chance.choice(_NAMES)} {chance.choice('+-*/')}= {_value(chance, 2)}"
    return f"{chance.choice(_NAMES)} = {_value(chance, 3)}"


def _value(chance: random.Random, depth: int) -> str:
    kind = chance.random()
    if depth == 0 or kind < 0.15:
        return chance.choice([*_NAMES, str(chance.randrange(100)), "'text'", "None"])
    if kind < 0.5:
        values = ", ".join(_value(chance, depth - 1) for _ in range(chance.randint(1, 3)))
        return f"{chance.choice(_CALLS)}({values})"
    if kind < 0.7:
        return f"{chance.choice(_NAMES)}.{chance.choice(_METHODS)}({_value(chance, depth - 1)})"
    if kind < 0.8:
        return f"{chance.choice(_NAMES)}[{_value(chance, depth - 1)}]"
    sign = chance.choice(_SIGNS)
    return f"({_value(chance, depth - 1)} {sign} {_value(chance, depth - 1)})"


def hw5_template() -> dict[str, str]:
    """The code that students of hw5 get, by the cell's id."""
    code = [cell for cell in build.template().cells if cell.cell_type == "code"]
    return {cell_id(cell) or f"given-{n}": str(cell.source) for n, cell in enumerate(code)}


def hw5_class() -> list[SubmittedCode]:
    """Right answers of hw5: student n has the n-th accepted alternative of every part.

    A part with fewer alternatives is answered as in the model answers.
    """
    return [_hw5_student(number) for number in range(_HW5_STUDENTS)]


def _hw5_student(number: int) -> SubmittedCode:
    given = hw5_template()
    cells = {**given, **{n: s for n, s in build.answers().items() if n in given}}
    for (cell, _), edits in _alternatives().items():
        if number < len(edits):
            old, new = edits[number]
            if cells[cell].count(old) == 1:  # it is not, where another part's edit was there
                cells[cell] = cells[cell].replace(old, new)
    return SubmittedCode(f"hw5-{number}", f"Student {number}", cells)


@cache
def _alternatives() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The edits that make accepted alternatives, by cell and part, of both authors."""
    code = hw5_template()
    held_out = build.HW5 / "held_out" / "accepted.yaml"
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for variant in read_variants(build.VARIANTS):
        if isinstance(variant, Accepted) and variant.edit.cell in code:
            edit = variant.edit
            found[edit.cell, variant.part].append((edit.old, edit.new))
    for entry in yaml.safe_load(held_out.read_text("utf-8")):
        if entry["cell"] in build.answers() and entry["cell"] in code:
            old, new = entry["replace"]["old"], entry["replace"]["new"]
            found[entry["cell"], entry["part"]].append((old, new))
    return dict(found)
