"""Right helpers in the place of a student's wrong ones, so that a mistake is charged once.

A function runs in the grader, call by call: its code never enters the student's process. A
class cannot be lent so, nor can a value. A class that is a sequence is lent by its items, which
the grader makes when the student's code makes an object; for another, and for a value, the
assignment may have a stand-in among its scaffolds, which gives nothing away.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.checks.diagnosis import Solution
from grader.checks.static import without_definitions
from grader.submission.source import bound_names, parse_python


class TooLarge(ValueError):
    """A call asks for more than is lent: nothing can be said of the code that made it."""


# A sequence is made item by item in the grader: no longer one is lent.
_MOST_ITEMS = 10_000

#: The scaffold whose definitions stand in for classes that cannot be lent.
STAND_INS = "stand_ins"


@dataclass(frozen=True)
class Loan:
    """What is lent: functions, sequences by their items, and names of stand-ins.

    `replay` holds the sources that are run again with the loan in place, each with the number
    of its cell.
    """

    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    sequences: dict[str, Callable[..., list[Any]]] = field(default_factory=dict)
    stand_ins: tuple[str, ...] = ()
    replay: tuple[tuple[int, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that are lent."""
        return (*self.functions, *self.sequences, *self.stand_ins)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What a call to a lent name gives: a function's value, or the items of a sequence."""
        return (self.functions | self.sequences)[name](*args, **kwargs)


def make_loan(
    names: Iterable[str],
    reference: Solution,
    stand_ins: str,
    cells: Mapping[int, str],
) -> Loan | None:
    """The loan for wrong names; None where there is nothing to lend for any of them.

    `stand_ins` is the source of the assignment's stand-ins; `cells` are the sources to be run
    again, by number, and lose their own definitions of what is lent.
    """
    tree = parse_python(stand_ins)
    known = set(bound_names(tree.body)) if tree else set()
    functions: dict[str, Callable[..., Any]] = {}
    sequences: dict[str, Callable[..., list[Any]]] = {}
    others = []
    for name in names:
        value = reference.find(name)
        if inspect.isfunction(value):
            functions[name] = value
        elif inspect.isclass(value) and hasattr(value, "__getitem__"):
            sequences[name] = _items_of(value)
        elif name in known:
            others.append(name)
    loan = Loan(functions, sequences, tuple(others))
    if not loan.names:
        return None
    replay = tuple((n, without_definitions(source, loan.names)) for n, source in cells.items())
    return Loan(functions, sequences, tuple(others), replay)


def _items_of(sequence: Callable[..., Any]) -> Callable[..., list[Any]]:
    def items(*args: Any, **kwargs: Any) -> list[Any]:
        made = sequence(*args, **kwargs)
        if len(made) > _MOST_ITEMS:
            raise TooLarge(f"a right one has at most {_MOST_ITEMS} items here")
        return [made[index] for index in range(len(made))]

    return items
