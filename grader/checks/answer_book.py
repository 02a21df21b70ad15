"""A book of recorded answers in the place of the reference, which students do not get.

`Recorder` stands before a reference while the checks judge a right answer, and keeps what it was
asked. `AnswerBook` answers the same questions, with the answers that known mistakes would give
along with the right ones. What it was never asked it does not know, and says so.
"""

from __future__ import annotations

import contextlib
import inspect
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.checks.asked import Unknown, question
from grader.checks.context import Example
from grader.checks.diagnosis import NOT_IT
from grader.checks.examples import largest_array, size_of
from grader.checks.oracle import Expected
from grader.checks.packed import Packed, Packer, write_packed
from grader.checks.reference import Reference, wrong_answer
from grader.checks.verdict import NeedsReview
from grader.errors import UsageError
from grader.variants import KnownMistake

# Of the examples drawn to find small ones, so many are kept; and what they may hold at the most.
_SMALLER, _NUMBERS = 40, 16
_RIGHT = "right"
# Stands for the right answer, where a mistake gives it too.
_SAME = "same"
# What an oracle says with an error of its own: a dictionary with this key.
_EXPECTED = "expected, with its error"
_PASSED_ON = (
    "No right answer is recorded here for what your code asks: the course's own grader decides."
)


class NotRecorded(NeedsReview):
    """The book does not know the answer: it was never asked."""


@dataclass(frozen=True)
class Call:
    """One call of the reference, and what came back."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answer: Any


@dataclass
class Kept:
    """Examples of one check: those that decide, and smaller ones to show."""

    deciding: list[Example]
    smaller: list[Example] = field(default_factory=list)


class Recorder:
    """A reference that keeps what it is asked, for each check the examples, and of each the calls.

    It is a `Keeper` of examples as well: a check runs on all that will be kept.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self.calls: dict[str, Call] = {}
        self.sequences: dict[str, Call] = {}
        self.constants: dict[str, Any] = {}
        self.kept: dict[str, Kept] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._reference, name)
        own = self._reference.find(name)
        if inspect.isfunction(own):
            return lambda *args, **kwargs: self._called(name, value, args, kwargs)
        if inspect.isclass(own):
            return lambda *args, **kwargs: self._made(name, value, args, kwargs)
        self.constants[name] = value
        return value

    def find(self, name: str) -> Any:
        """The reference's own object of that name."""
        return self._reference.find(name)

    def mistaken(self, mistake: KnownMistake, form: int) -> Reference:
        """The reference with a known mistake in it: nothing of that is kept."""
        return self._reference.mistaken(mistake, form)

    def examples(
        self, check: str, draw: Callable[[], list[Example]], draw_more: Callable[[], list[Example]]
    ) -> list[Example]:
        """All examples that are kept: the usual ones, and small ones of all sizes."""
        kept = Kept(draw())
        small = sorted((e for e in draw_more() if _is_small(e)), key=size_of)
        step = max(1, len(small) // _SMALLER)
        kept.smaller = small[::step][:_SMALLER]
        self.kept[check] = kept
        return kept.deciding + kept.smaller

    def smaller(self, check: str) -> list[Example] | None:
        """None: a right answer fails on no example."""
        return None

    def _called(self, name: str, function: Any, args: Any, kwargs: Any) -> Expected:
        answer: Expected = function(*args, **kwargs)
        with contextlib.suppress(Unknown):  # such a question cannot be recognised later either
            self.calls[question(name, args, kwargs)] = Call(name, args, kwargs, answer)
        return answer

    def _made(self, name: str, kind: Any, args: Any, kwargs: Any) -> Any:
        made = kind(*args, **kwargs)
        if hasattr(kind, "__getitem__"):
            self.sequences[question(name, args, kwargs)] = Call(name, args, kwargs, items_of(made))
        return made


def items_of(made: Any) -> list[Any]:
    """The items of a sequence that need not be iterable."""
    return [made[index] for index in range(len(made))]


def _is_small(example: Example) -> bool:
    return all(largest_array(value) <= _NUMBERS for value in example.values())


def write_book(
    path: Path, recorder: Recorder, reference: Reference, mistakes: Iterable[tuple[str, str]]
) -> None:
    """Write what was recorded; `mistakes` are ids and oracles of known ones.

    Of a mistake there is what it would answer to the same questions, where that differs. Each has
    a section of its own.
    """
    right = Packer()
    right.index = {
        "constants": {n: right.pack(value) for n, value in recorder.constants.items()},
        "calls": {k: right.pack((c.answer.value, c.answer.error))
                  for k, c in recorder.calls.items()},
        "sequences": {k: right.pack(c.answer) for k, c in recorder.sequences.items()},
        "examples": {
            check: [[right.pack(e) for e in group] for group in (kept.deciding, kept.smaller)]
            for check, kept in recorder.kept.items()
        },
        "names": sorted({call.name for call in recorder.calls.values()}),
    }  # fmt: skip
    sections = {_RIGHT: right}
    for mistake, oracle in mistakes:
        packer = sections.setdefault(f"mistakes/{mistake}", Packer())
        told = _mistaken(packer, recorder, reference.replaced(oracle))
        packer.index.setdefault("forms", []).append(told)
    write_packed(path, sections)


def _mistaken(packer: Packer, recorder: Recorder, other: Reference) -> dict[str, Any]:
    """What a mistake answers instead; null where it stops, or gives what cannot be packed."""
    answers: dict[str, tuple[Any, Callable[[], Any]]] = {}
    for name, value in recorder.constants.items():
        if other.is_replaced(name):
            answers[_constant(name)] = value, partial(other.find, name)
    for key, call in recorder.calls.items():
        if other.is_replaced(call.name):
            answers[key] = call.answer.value, partial(_value_of, other, call)
    for key, call in recorder.sequences.items():
        if other.is_replaced(call.name):
            answers[key] = call.answer, partial(_items_from, other, call)
    told = {key: _packed(packer, *answer) for key, answer in answers.items()}
    return {key: packed for key, packed in told.items() if packed != _SAME}


def _packed(packer: Packer, right: Any, answer: Callable[[], Any]) -> Any:
    try:
        value = _single(answer())
        # Kept to single precision, to which answers are held: half as large.
        return _SAME if _are_same(value, _single(right)) else packer.pack(value)
    except NOT_IT:
        return None


def _are_same(value: Any, right: Any) -> bool:
    """Whether two answers have the same numbers to the last bit, however they lie in memory."""
    if type(value) is not type(right):
        return False
    if isinstance(value, list | tuple):
        return len(value) == len(right) and all(map(_are_same, value, right))
    if isinstance(value, dict):
        return list(value) == list(right) and all(map(_are_same, value.values(), right.values()))
    if isinstance(value, np.ndarray):
        alike = (value.dtype, value.shape) == (right.dtype, right.shape)
        return bool(alike and value.tobytes() == right.tobytes())
    return _image(value) == _image(right)


def _image(value: Any) -> tuple[Any, bytes]:
    packer = Packer()
    return packer.pack(value), bytes(packer.small)


def _single(value: Any) -> Any:
    """An answer in single precision, with what is nested in it as plain values."""
    if isinstance(value, Expected):
        return {_EXPECTED: [_single(value.value), _single(value.error)]}
    if isinstance(value, list | tuple):
        return type(value)(_single(item) for item in value)
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        with np.errstate(over="ignore"):
            return value.astype(np.float32)
    return value


def _restored(value: Any) -> Any:
    """What `_single` was given."""
    if isinstance(value, dict) and list(value) == [_EXPECTED]:
        return Expected(*map(_restored, value[_EXPECTED]))
    if isinstance(value, list | tuple):
        return type(value)(_restored(item) for item in value)
    return value


def _value_of(other: Reference, call: Call) -> Any:
    return getattr(other, call.name)(*call.args, **call.kwargs).value


def _items_from(other: Reference, call: Call) -> list[Any]:
    return items_of(getattr(other, call.name)(*call.args, **call.kwargs))


def _constant(name: str) -> str:
    return f"={name}"


class AnswerBook:
    """Recorded answers in the place of a reference, and the examples that they are about."""

    def __init__(self, path: Path, packed: Packed, mistake: Packed | None = None,
                 form: int = 0) -> None:  # fmt: skip
        self._path = path
        self._packed = packed
        self._index = packed.index
        self._mistake = mistake
        self._mistaken = mistake.index["forms"][form] if mistake is not None else {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._index["constants"]:
            return self._told(_constant(name), self._index["constants"][name])
        if name in self._index["names"]:
            return lambda *args, **kwargs: self._answer(name, args, kwargs)
        return lambda *args, **kwargs: self._items(name, args, kwargs)

    def find(self, name: str) -> Any:
        """None: a recorded answer cannot stand in for a student's own function."""
        return None

    def mistaken(self, mistake: KnownMistake, form: int) -> AnswerBook:
        """The book with what a known mistake answers, in one of its forms."""
        forms = _section(self._path, f"mistakes/{mistake.id}")
        return AnswerBook(self._path, self._packed, forms, form)

    def examples(
        self, check: str, draw: Callable[[], list[Example]], draw_more: Callable[[], list[Example]]
    ) -> list[Example]:
        """The examples that decide about a check. Raises NotRecorded where there are none."""
        return self._examples(check, 0)

    def smaller(self, check: str) -> list[Example] | None:
        """Small examples, among which the smallest that fails is to be found."""
        return self._examples(check, 1)

    def _examples(self, check: str, group: int) -> list[Example]:
        kept = self._index["examples"].get(check)
        if kept is None:
            raise NotRecorded(_PASSED_ON)
        return [self._packed.unpack(example) for example in kept[group]]

    def _answer(self, name: str, args: Any, kwargs: Any) -> Expected:
        key = self._key(name, args, kwargs)
        packed = self._index["calls"].get(key)
        if packed is None:
            raise NotRecorded(_PASSED_ON)
        right = Expected(*self._packed.unpack(packed))
        return wrong_answer(self._told(key, None), right) if key in self._mistaken else right

    def _items(self, name: str, args: Any, kwargs: Any) -> list[Any]:
        key = self._key(name, args, kwargs)
        packed = self._index["sequences"].get(key)
        if packed is None:
            raise NotRecorded(_PASSED_ON)
        items: list[Any] = self._told(key, packed)
        return items

    def _told(self, key: str, packed: Any) -> Any:
        """The value of an entry: the mistake's own where this is a mistake's book."""
        if self._mistake is None or key not in self._mistaken:
            return self._packed.unpack(packed)
        if self._mistaken[key] is None:
            raise ValueError("this mistake has no answer to that")
        return _restored(self._mistake.unpack(self._mistaken[key]))

    @staticmethod
    def _key(name: str, args: Any, kwargs: Any) -> str:
        try:
            return question(name, args, kwargs)
        except Unknown:
            raise NotRecorded(_PASSED_ON) from None


@lru_cache(maxsize=1024)
def _section(path: Path, name: str) -> Packed:
    return Packed(path, name)


def read_book(path: Path) -> AnswerBook:
    """Read a book. Raises UsageError where the file is none."""
    try:
        return AnswerBook(path, _section(path, _RIGHT))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} is no book of answers: {error}") from error
