"""An object in the student's process as a check sees it: called, indexed and passed on."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grader.checks.context import current
from grader.checks.said import SCAFFOLD, Said
from grader.checks.sample import Moment
from grader.checks.verdict import AnswerMissing, CheckFailed
from grader.model import Stage
from grader.sandbox.wire import Encoder, Opaque

if TYPE_CHECKING:
    from grader.checks.student import Student

Node = dict[str, Any]


def node_of(value: Any) -> Node:
    """The expression of a value that stays in the student's process.

    Raises TypeError for any other value: the grader sends only plain ones.
    """
    if isinstance(value, Remote):
        return value._node
    raise TypeError(f"{type(value).__name__} cannot be sent to the student's process")


class Remote:
    """An object that lives in the student's process, or an expression over one."""

    __slots__ = ("_node", "_said", "_student", "_type")

    def __init__(self, student: Student, node: Node, said: Said, type_: str = "object") -> None:
        self._student = student
        self._node = node
        self._said = said
        self._type = type_

    def __getattr__(self, name: str) -> Remote:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        node = {"k": "attr", "of": self._node, "name": name}
        return Remote(self._student, node, _within(self._said, f".{name}"))

    def __getitem__(self, index: Any) -> Any:
        encoder = Encoder(hold=node_of)
        node = {"k": "item", "of": self._node, "index": encoder.encode(index)}
        said = _indexed(self._said, index)
        return self._give(self._ask(node, encoder.buffers, said), said)

    def __len__(self) -> int:
        attribute = {"k": "attr", "of": self._node, "name": "__len__"}
        node = {"k": "call", "of": attribute, "args": [], "kwargs": {}}
        length = self._ask(node, [], _within(self._said, ")", "len("))
        if type(length) is not int or length < 0:
            text = f"len({self._said.text}) is {length!r}, but should be a whole number"
            raise CheckFailed(Stage.KIND, text)
        return length

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a student's object is not iterated over the wire: index it instead")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there; exact values come back, anything else as a `Remote`."""
        said = self._called(args, kwargs)
        node, buffers = self._call(args, kwargs, said)
        if said.rests_on_steps:
            current().transcript.step(said.code)
        return self._give(self._evaluate(node, buffers, said), said)

    def keep(self, *args: Any, **kwargs: Any) -> Remote:
        """Call it there and leave the result there, whatever it is."""
        said = self._called(args, kwargs)
        node, buffers = self._call(args, kwargs, said)
        name = self._student.keep(node, buffers, said.text)
        transcript = current().transcript
        typed = transcript.fresh_name(self._said.text)
        transcript.step(said.code and f"{typed} = {said.code}")
        return Remote(self._student, {"k": "ref", "ref": name}, Said(said.text, typed, True))

    def value(self) -> Any:
        """Bring the value over: arrays, tensors, numbers, text, and lists and dicts of them."""
        if self._node["k"] == "name":
            self._student.require(self._node["name"])
        return self._give(self._ask(self._node, [], self._said), self._said)

    def _call(self, args: Any, kwargs: Any, said: Said) -> tuple[Node, list[memoryview]]:
        """The expression of a call, and the buffers of its arguments."""
        if self._node["k"] == "name":
            self._student.require(self._node["name"], function=True)
        encoder = Encoder(hold=node_of)
        node = {
            "k": "call",
            "of": self._node,
            "args": [encoder.encode(a) for a in args],
            "kwargs": {name: encoder.encode(a) for name, a in kwargs.items()},
        }
        self._note(said)
        return node, encoder.buffers

    def _ask(self, node: Node, buffers: Any, said: Said) -> Any:
        self._note(said)
        return self._evaluate(node, buffers, said)

    def _evaluate(self, node: Node, buffers: Any, said: Said) -> Any:
        try:
            return self._student.evaluate(node, buffers, said.text)
        except CheckFailed as failure:
            if failure.raised is not None and not isinstance(failure, AnswerMissing):
                failure.counterexample = functools.partial(Moment.now().raising, said)
            raise

    @staticmethod
    def _note(said: Said) -> None:
        # A plain name says no more than what is compared; scaffolds are the grader's own.
        current().call = said.text.replace(f"{SCAFFOLD}.", "") if "(" in said.text else ""

    def _give(self, value: Any, said: Said) -> Any:
        """Objects that stayed there become remotes; a container keeps them as they are."""
        if isinstance(value, Opaque):
            return Remote(self._student, {"k": "ref", "ref": value.ref}, said, value.type)
        current().transcript.came(value, said)
        return value

    def _called(self, args: Any, kwargs: Any) -> Said:
        """What the call of this object with these arguments looks like."""
        told = [("", _argument(a)) for a in args]
        told += [(f"{name}=", _argument(a)) for name, a in kwargs.items()]
        text = ", ".join(f"{name}{said.text}" for name, said in told)
        typed = [None if said.code is None else f"{name}{said.code}" for name, said in told]
        code = None
        if self._said.code is not None and None not in typed:
            code = f"{self._said.code}({', '.join(filter(None, typed))})"
        rests = self._said.rests_on_steps or any(said.rests_on_steps for _, said in told)
        return Said(f"{self._said.text}({text})", code, rests)


def lazy(thing: Remote, index: Any) -> Remote:
    """`thing[index]` as an expression, to be passed on without bringing the item over."""
    node = {"k": "item", "of": thing._node, "index": Encoder().encode(index)}
    return Remote(thing._student, node, _indexed(thing._said, index))


def _within(said: Said, after: str, before: str = "") -> Said:
    """The same expression with something around it."""
    code = None if said.code is None else f"{before}{said.code}{after}"
    return Said(f"{before}{said.text}{after}", code, said.rests_on_steps)


def _indexed(said: Said, index: Any) -> Said:
    if not said.text:  # a name as it was among cells that were run again
        return Said(str(index), None)
    return said.item(repr(index))


def _argument(value: Any) -> Said:
    """An argument in a call's text: its name in the example where it has one."""
    return value._said if isinstance(value, Remote) else current().transcript.argument(value)
