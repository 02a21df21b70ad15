"""Raw requests to a student's process, as a session of the grader's sends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.sandbox.frames import Message
from grader.sandbox.session import Channel, Peer
from grader.sandbox.wire import Encoder, decode_reply


@dataclass(frozen=True)
class Expr:
    """An expression over the student's names; `build` makes its node."""

    build: Callable[[Encoder], dict[str, Any]]


def name(text: str) -> Expr:
    """One of the student's names."""
    return Expr(lambda _: {"k": "name", "name": text})


def ref(number: int) -> Expr:
    """An object that stayed in the student's process."""
    return Expr(lambda _: {"k": "ref", "ref": number})


def attr(of: Expr, text: str) -> Expr:
    """`of.text`."""
    return Expr(lambda e: {"k": "attr", "of": of.build(e), "name": text})


def item(of: Expr, index: Any) -> Expr:
    """`of[index]`."""
    return Expr(lambda e: {"k": "item", "of": of.build(e), "index": e.encode(index)})


def call(of: Expr | str, *args: Any, **kwargs: Any) -> Expr:
    """`of(*args, **kwargs)`; a text is one of the student's names."""
    function = name(of) if isinstance(of, str) else of

    def build(encoder: Encoder) -> dict[str, Any]:
        return {
            "k": "call",
            "of": function.build(encoder),
            "args": [encoder.encode(value) for value in args],
            "kwargs": {key: encoder.encode(value) for key, value in kwargs.items()},
        }

    return Expr(build)


@dataclass(frozen=True)
class Reply:
    """What came back: the head as it was said, its values decoded."""

    message: Message

    @property
    def head(self) -> dict[str, Any]:
        """Everything that the reply says."""
        return self.message.head

    @property
    def value(self) -> Any:
        """The value; an exception in its place fails the test."""
        assert "value" in self.head, self.head
        return decode_reply(self.message, self.head["value"])

    @property
    def mutated(self) -> dict[str, Any]:
        """Arguments that the call has changed, by position."""
        return {i: decode_reply(self.message, n) for i, n in self.head["mutated"].items()}

    @property
    def raised(self) -> tuple[str, str]:
        """Type and message of the exception."""
        assert "raised" in self.head, self.head
        return self.head["raised"]["type"], self.head["raised"]["message"]

    @property
    def frames(self) -> list[list[Any]]:
        """Cell, line, code and function of each of the exception's frames."""
        frames: list[list[Any]] = self.head["raised"]["frames"]
        return frames


class Asking:
    """Sends requests to a process that `connect` starts."""

    def __init__(self, connect: Callable[[], Peer]) -> None:
        self.channel = Channel(connect)

    def __call__(
        self,
        op: str,
        *,
        answer: Callable[[Message], Message] | None = None,
        timeout_s: float = 30.0,
        **head: Any,
    ) -> Reply:
        """Send one request; an `Expr` in its head becomes a node."""
        encoder = Encoder(hold=lambda expr: expr.build(encoder))
        told = {k: v.build(encoder) if isinstance(v, Expr) else v for k, v in head.items()}
        return Reply(self.channel.request({"op": op, **told}, encoder.buffers, timeout_s, answer))

    def eval(self, expr: Expr, **head: Any) -> Reply:
        """Evaluate one expression."""
        return self("eval", node=expr, **head)
