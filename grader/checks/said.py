"""What was asked of a student's code: as a reader sees it, and as code that asks it again.

A `Transcript` belongs to one example of one check. It names the values that were sent, and keeps
the steps that later ones rest on: an object that was made, and what was called on it.
"""

from __future__ import annotations

import ast
import dataclasses
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from grader.checks.show import literal
from grader.checks.static import definitions

#: What the code of a scaffold's names begins with, before their source is put in.
SCAFFOLD = "scaffold"
_MODULES = {"np": "import numpy as np", "torch": "import torch"}
_MOST_STEPS, _MOST_ITEMS = 12, 16


@dataclass(frozen=True)
class Said:
    """An expression over the student's names. `code` is None where it cannot be typed.

    `rests_on_steps`: whether it speaks of an object that an earlier step made.
    """

    text: str
    code: str | None
    rests_on_steps: bool = False

    def item(self, index: str) -> Said:
        """The same with an index behind it."""
        code = None if self.code is None else f"{self.code}[{index}]"
        return Said(f"{self.text}[{index}]", code, self.rests_on_steps)


@dataclass
class Transcript:
    """The values sent on one example, by name, and the steps taken so far."""

    named: dict[int, tuple[str, Any]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    scaffolds: dict[str, str] = field(default_factory=dict)
    answers: dict[int, tuple[Said, Any]] = field(default_factory=dict)
    complete: bool = True
    made: int = 0

    @classmethod
    def of(cls, example: Mapping[str, Any]) -> Transcript:
        """A transcript that knows the example's values by name."""
        told = cls()
        told.name(**dict(named_values(example)))
        return told

    def copy(self) -> Transcript:
        """The same as it is now."""
        return dataclasses.replace(
            self,
            named=dict(self.named),
            steps=list(self.steps),
            scaffolds=dict(self.scaffolds),
            answers=dict(self.answers),
        )

    def name(self, **values: Any) -> None:
        """Give values the names under which a counterexample shows them."""
        for name, value in values.items():
            self.named[id(value)] = (name, value)

    def values(self) -> dict[str, Any]:
        """All values by name, in the order in which they were named."""
        return {name: value for name, value in self.named.values()}

    def step(self, line: str | None) -> None:
        """Keep a step that later ones rest on; None for one that cannot be typed."""
        self.complete = self.complete and line is not None and len(self.steps) < _MOST_STEPS
        if line is not None and self.complete:
            self.steps.append(line)

    def seeded(self, seed: int) -> None:
        """Keep that the generators of random numbers were seeded."""
        self.step(f"np.random.seed({seed % 2**32}); torch.manual_seed({seed})")

    def fresh_name(self, called: str) -> str:
        """A name for an object that is made by a call of `called`."""
        self.made += 1
        stem = re.sub(r"\W+", "_", called.rpartition(".")[2]).strip("_").lower() or "made"
        return f"{stem}_{self.made}"

    def came(self, value: Any, said: Said) -> None:
        """Keep which expression a value, and each item of it, is the value of."""
        self.answers[id(value)] = said, value
        if isinstance(value, list | tuple) and len(value) <= _MOST_ITEMS:
            for index, item in enumerate(value):
                self.came(item, said.item(str(index)))

    def behind(self, value: Any) -> Said | None:
        """The expression that a value came from; None for one that a check has made."""
        said, known = self.answers.get(id(value), (None, None))
        return said if known is value else None

    def argument(self, value: Any) -> Said:
        """How an argument is written: by its name, where it has one or is too large for a line."""
        known = self.named.get(id(value))
        if known is not None and known[1] is value:
            return Said(known[0], known[0])
        if isinstance(value, np.ndarray | torch.Tensor | list | tuple | dict):
            name = f"value_{len(self.named) + 1}"
            self.name(**{name: value})
            return Said(name, name)
        text, code = repr(value), literal(value)
        return Said(text if len(text) <= 40 else "…", code)


def named_values(example: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of an example by name: of a drawn dictionary its entries, by their keys."""
    for name, value in example.items():
        if isinstance(value, dict) and all(_is_name(str(key)) for key in value):
            yield from ((str(key), inner) for key, inner in value.items())
        else:
            yield name, value


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def to_paste(transcript: Transcript, said: Said | None, expected: Any = None) -> str | None:
    """Lines for a notebook cell that ask again, and show beside the answer what it should be.

    They need the student's own definitions and nothing else. None where they would be too long,
    or where something in them cannot be typed.
    """
    if said is None or said.code is None or not transcript.complete:
        return None
    last = said.code
    steps = transcript.steps if said.rests_on_steps else []
    if steps and last.startswith(steps[-1]):
        steps = steps[:-1]  # it is what the cell ends with
    wanted = None if expected is None else literal(expected)
    if wanted is None and last.isidentifier():
        return None  # a name alone shows nothing that its own cell does not
    lines = [*steps, *([f"expected = {wanted}", f"{last}, expected"] if wanted else [last])]
    used = {name for line in lines for name in _names(line)}
    given = [f"{n} = {literal(v)}" for n, v in transcript.values().items() if n in used]
    if any(line.endswith("= None") and transcript.values()[line[:-7]] is not None
           for line in given):  # fmt: skip
        return None
    helpers = _helpers(transcript, "\n".join(lines))
    if helpers is None:
        return None
    body = "\n".join([*helpers, *given, *lines]).replace(f"{SCAFFOLD}.", "")
    imports = [line for name, line in _MODULES.items() if name in _names(body)]
    return "\n".join([*(line for line in imports if line not in body), body])


def _helpers(transcript: Transcript, code: str) -> list[str] | None:
    """The definitions of the scaffolds' names in the code; None where they need more than that."""
    wanted = set(re.findall(rf"\b{SCAFFOLD}\.(\w+)", code))
    found = []
    for source in transcript.scaffolds.values() if wanted else ():
        text = definitions(source, wanted)
        if text and "student" in _names(text):
            return None
        found += [text] if text else []
    return found


def _names(code: str) -> set[str]:
    tree = ast.parse(code)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
