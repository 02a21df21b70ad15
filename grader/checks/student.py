"""The student's names as a check sees them: remote objects behind the wire.

`student.sigmoid(z)` evaluates the call in the student's process and gives back exact NumPy,
torch and built-in types; anything else stays there as a `Remote` that can be called, indexed
and passed on. What goes wrong there is raised here as a verdict, never as a grader's fault.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.checks.context import current
from grader.checks.loan import STAND_INS, Loan, TooLarge
from grader.checks.remote import Remote, node_of
from grader.checks.said import SCAFFOLD, Said
from grader.checks.static import without_definitions
from grader.checks.verdict import (
    GPU_NEEDED,
    AnswerMissing,
    CheckFailed,
    GpuNeeded,
    LimitExceeded,
    NeedsReview,
    asks_for_gpu,
)
from grader.model import Frame, Raised, Stage
from grader.sandbox.frames import Message, WireError
from grader.sandbox.session import Channel, SessionLost
from grader.sandbox.wire import Encoder, Opaque, decode_reply

_ONLY_IN_A_COPY = (
    "This check needs a copy of your kernel, which cannot be made here: the course's own grader "
    "decides."
)
_EMPTY = "Does its cell give it a value, and does the cell run to its end without an error?"
_NOT_THERE = "Is it spelt as in the homework, and does its cell run to its end without an error?"
# So many requests are sent as one, at most.
_MOST_WAITING = 16
# A call to what is lent is answered in the grader: no larger one is.
_MOST_LENT_BYTES = 128 << 20


class Student:
    """One session with the student's namespace as it was after a part's cells.

    Attributes are the student's names. `cells` maps the kernel's cell numbers to those of the
    notebook, for tracebacks.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        call_s: float,
        cells: dict[int, int],
        scaffolds: Path,
        device: str = "cpu",
    ) -> None:
        self.channel = channel
        self._call_s = call_s
        self._cells = cells
        self._scaffolds = scaffolds
        self._known: dict[str, Opaque] = {}
        self._seen_callable: set[str] = set()
        self.fresh = True
        self.memo: dict[str, Any] = {}
        self._traced = False
        self._refused = ""  # why a call to what is lent was not answered
        self._kept = 0
        self._waiting: list[tuple[dict[str, Any], list[memoryview], str]] = []
        self._scaffolded: dict[str, Remote] = {}
        self._loan: Loan | None = None
        self._replay_s = call_s
        self._handing_over = False
        self.device = device
        self.mutated: dict[int, Any] = {}
        self.output = ""
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Remote:
        if name.startswith("__"):
            raise AttributeError(name)
        return Remote(self, {"k": "name", "name": name}, Said(name, name))

    def require(self, name: str, *, function: bool = False) -> Opaque:
        """The type of one of the student's names.

        Raises AnswerMissing where it is not defined or still empty, and CheckFailed at stage
        callable where a function is asked for and something else is there.
        """
        if name not in self._known:
            head = {"op": "eval", "node": {"k": "name", "name": name}, "hold": True}
            self._known[name] = self._ask({**head, "function": function}, [], name)
        found = self._known[name]
        if found.type in ("NoneType", "ellipsis"):
            text = f"`{name}` is still empty: it holds {found.text}."
            raise AnswerMissing(Stage.PRESENT, text, hint=_EMPTY)
        if function and not found.callable:
            text = f"`{name}` is of type {found.type}, but should be a function or class."
            raise CheckFailed(Stage.CALLABLE, text)
        return found

    def __getitem__(self, name: str) -> Remote:
        """The student's name, also where this class has an attribute of the same name."""
        return Remote(self, {"k": "name", "name": name}, Said(name, name))

    def scaffold(self, name: str, *, patches: bool = False) -> Remote:
        """Run the assignment's `scaffolds/NAME.py` in the student's process; its names follow.

        The student's process can read it: it must hold nothing that gives an answer away.
        With `patches` it changes what student code runs on, and the process is not used by
        another check.
        """
        if patches and not self.channel.patchable:
            raise NeedsReview(_ONLY_IN_A_COPY)
        self._traced = self._traced or patches
        source = (self._scaffolds / f"{name}.py").read_text(encoding="utf-8")
        current().transcript.scaffolds[name] = source
        if name in self._scaffolded and self.channel.is_open:
            return self._scaffolded[name]
        held = self._ask({"op": "scaffold", "source": source}, [], SCAFFOLD)
        said = Said(SCAFFOLD, SCAFFOLD)
        self._scaffolded[name] = Remote(self, {"k": "ref", "ref": held.ref}, said)
        return self._scaffolded[name]

    def rerun(
        self,
        sources: Sequence[str],
        cells: Sequence[int],
        *,
        timeout_s: float,
        leaves_trace: bool = True,
    ) -> Remote:
        """Execute cells again in a copy of the namespace; the new names as items.

        `cells` are their numbers among the notebook's code cells. What is lent stays in place
        of the cells' own definitions. Code that is certain to change nothing but its own names
        `leaves_trace=False`, and the process serves the next check too.
        """
        self._traced = self._traced or leaves_trace
        lent = self._loan.names if self._loan is not None else ()
        told = {
            "op": "rerun",
            "sources": [without_definitions(source, lent) for source in sources],
            "cells": self._kernel_cells(cells),
        }
        held = self._ask(told, [], "the part's cells", timeout_s)
        return Remote(self, {"k": "ref", "ref": held.ref}, Said("", None))

    def seed(self, seed: int) -> None:
        """Seed Python's, NumPy's and torch's generators in the student's process."""
        current().transcript.seeded(seed)
        self._later({"op": "seed", "seed": seed}, [], "seed")

    def bind(self, name: str, value: Any) -> None:
        """Put a value, or another of the student's objects, under `name` in their namespace."""
        self._traced = True
        encoder = Encoder(hold=node_of)
        head = {"op": "bind", "name": name, "node": encoder.encode(value)}
        self._ask(head, encoder.buffers, f"{name} = …")
        self._known.pop(name, None)

    def lend(self, loan: Loan, replay_s: float) -> None:
        """Put right helpers in the place of the student's wrong ones, in a new session."""
        self._loan, self._replay_s = loan, replay_s
        self.renew()

    def replay(self, sources: Sequence[str], cells: Sequence[int], timeout_s: float) -> None:
        """Execute code of cells in the namespace itself; what raises does not stop the next.

        `cells` are their numbers among the notebook's code cells.
        """
        self._traced = True
        head = {"op": "replay", "sources": list(sources), "cells": self._kernel_cells(cells)}
        self._ask(head, [], "the rest of the cell", timeout_s)
        self._known.clear()

    def _hand_over(self, loan: Loan) -> None:
        """Bring the loan into a session that has just been opened."""
        self._handing_over = True
        try:
            for kind, names in (("function", loan.functions), ("sequence", loan.sequences)):
                for name in names:
                    self._request({"op": "lend", "name": name, "kind": kind}, [], self._call_s)
            if loan.stand_ins:
                space = self.scaffold(STAND_INS)
                for name in loan.stand_ins:
                    self.bind(name, getattr(space, name))
            if loan.replay:
                sources = [source for _, source in loan.replay]
                cells = self._kernel_cells([number for number, _ in loan.replay])
                head = {"op": "replay", "sources": sources, "cells": cells}
                self._request(head, [], self._replay_s)
        finally:
            self._handing_over = False

    def _kernel_cells(self, cells: Sequence[int]) -> list[int]:
        """The kernel's numbers of code cells of the notebook; 0 for one that was not run."""
        ran = {number: count for count, number in self._cells.items()}
        return [ran.get(number, 0) for number in cells]

    def _answer(self, loan: Loan, message: Message) -> Message:
        """One call from the student's process to a lent function."""
        try:
            name = message.head["call_back"]
            if sum(buffer.nbytes for buffer in message.buffers) > _MOST_LENT_BYTES:
                raise TooLarge(f"{name} takes at most {_MOST_LENT_BYTES >> 20} MiB here")
            args = [decode_reply(message, node) for node in message.head["args"]]
            kwargs = {n: decode_reply(message, v) for n, v in message.head["kwargs"].items()}
            value = loan.call(name, *args, **kwargs)
            encoder = Encoder()
            node = encoder.encode(value)
            return Message({"value": node}, tuple(encoder.buffers))
        except TooLarge as error:
            self._refused = str(error)
            return Message({"refused": str(error)})
        except Exception as error:
            # Whatever the student's code passed in: the fault shows in its own traceback.
            return Message({"refused": f"{type(error).__name__}: {error}"[:300]})

    def renew(self) -> None:
        """Go on in a new process: what checks left behind in this one is gone."""
        self._waiting.clear()
        if self._loan is not None or not self.channel.live:
            self.channel.close()
        self.fresh = True
        self.memo.clear()
        self._traced = False
        self._forget()

    def close(self) -> None:
        """End one check: its process serves the next, unless the check left a trace in it."""
        self._waiting.clear()
        if self._traced or self._loan is not None:
            self.renew()
            self._loan = None
        self.fresh = not self.channel.is_open

    def _forget(self) -> None:
        self._known.clear()
        self._scaffolded.clear()

    def keep(self, node: dict[str, Any], buffers: list[memoryview], text: str) -> str:
        """Have an expression evaluated and its value kept there; the name that it gets.

        Nobody waits for it: what it raises is told with the next answer, or by `flush`.
        """
        self._kept += 1
        name = f"kept {self._kept}"
        self._later({"op": "eval", "node": node, "keep": name}, buffers, text)
        return name

    def _later(self, head: dict[str, Any], buffers: list[memoryview], text: str) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        self._waiting.append((head, buffers, text))

    def flush(self) -> None:
        """Have everything done that was asked for, and raise what it raises."""
        if self._waiting:
            head, buffers, text = self._waiting.pop()
            self._ask(head, buffers, text)

    def evaluate(self, node: dict[str, Any], buffers: list[memoryview], text: str) -> Any:
        """Evaluate one expression of the wire in the student's process."""
        return self._ask({"op": "eval", "node": node}, buffers, text)

    def _ask(self, head: dict[str, Any], buffers: list[memoryview], text: str,
             timeout_s: float | None = None) -> Any:  # fmt: skip
        try:
            waiting, self._waiting = self._waiting, []
            if self._loan is not None and not self.channel.is_open and not self._handing_over:
                self._hand_over(self._loan)
            texts = [*(waited for _, _, waited in waiting), text]
            head, buffers = _together(waiting, head, buffers)
            # Each call that was not waited for may take as long as one of its own.
            calls = sum(one["op"] == "eval" for one, _, _ in waiting)
            allowed = (timeout_s or self._call_s) + self._call_s * calls
            reply = self._request(head, buffers, allowed)
        except SessionLost as lost:
            self._forget()
            raise LimitExceeded(Stage.RETURNS, _lost_text(lost, _shown(text))) from None
        if refused := self._refused:
            self._refused = ""
            raise NeedsReview(f"A right helper in place of yours was asked for more than is lent "
                              f"({refused}): a person looks at it.")  # fmt: skip
        told = reply.head
        text = _text_at(told.get("at"), texts)
        self.output = str(told.get("output", ""))[:4000]
        if "missing" in told:
            name = str(told["missing"])[:100]
            raise AnswerMissing(Stage.PRESENT, f"`{name}` is not defined.", hint=_NOT_THERE)
        if "raised" in told:
            failure = self._raised(told["raised"], text)
            if text.startswith(SCAFFOLD) and not (failure.raised and failure.raised.frames):
                # No line of the student's is involved: not theirs to be charged with.
                text = f"This check could not be made: {failure.message}"
                raise NeedsReview(f"{text}: a person looks at it.")
            raise failure
        try:
            self.mutated = self._decode_mutated(reply)
            self.seconds = float(told.get("seconds", 0.0))
            return self._decode(reply, told.get("value"))
        except (WireError, ValueError, TypeError, OverflowError) as error:
            self.channel.discard()
            message = f"{text} gave a value that cannot be read: {error}"
            raise LimitExceeded(Stage.KIND, message) from None

    def _request(
        self, head: dict[str, Any], buffers: list[memoryview], timeout_s: float
    ) -> Message:
        answer = functools.partial(self._answer, self._loan) if self._loan else None
        return self.channel.request(head, buffers, timeout_s, answer)

    def _decode(self, reply: Message, node: Any) -> Any:
        return decode_reply(reply, node, self.channel.bounds)

    def _decode_mutated(self, reply: Message) -> dict[int, Any]:
        told = reply.head.get("mutated") or {}
        if not isinstance(told, dict) or len(told) > 64:
            raise WireError("the list of changed arguments is malformed")
        return {int(index): self._decode(reply, node) for index, node in told.items()}

    def _raised(self, told: Any, text: str) -> CheckFailed:
        raised = parse_raised(told, self._cells)
        if raised.type == "NotImplementedError":
            return AnswerMissing(Stage.RETURNS, "This is not written yet.", raised=raised)
        message = f"{_shown(text)} raised {raised.type}: {raised.message}"
        if asks_for_gpu(raised.message):
            return GpuNeeded(Stage.RETURNS, GPU_NEEDED, raised=raised)
        return CheckFailed(Stage.RETURNS, message, raised=raised)


def _together(
    waiting: list[tuple[dict[str, Any], list[memoryview], str]],
    head: dict[str, Any],
    buffers: list[memoryview],
) -> tuple[dict[str, Any], list[memoryview]]:
    """One request with the steps that were not waited for, and the one that is, as its last."""
    if not waiting:
        return head, buffers
    listed = [*((h, b) for h, b, _ in waiting), (head, buffers)]
    steps = [{**h, "buffers": len(b)} for h, b in listed]
    return {"op": "steps", "steps": steps}, [one for _, b in listed for one in b]


def _text_at(at: Any, texts: list[str]) -> str:
    """The text of the step that a reply is about: its last, where it does not say."""
    return texts[at] if type(at) is int and 0 <= at < len(texts) else texts[-1]


def _shown(text: str) -> str:
    """The text of a call without the grader's own name for the helpers of a check."""
    return text.replace(f"{SCAFFOLD}.", "")


def _lost_text(lost: SessionLost, text: str) -> str:
    if lost.kind == "timeout":
        return f"{text} {lost}. Is there a loop that does not end?"
    if lost.kind == "garbled":
        return f"{text} disturbed the connection to the grader: {lost}"
    return f"{text} {lost}"


def parse_raised(told: Any, cells: dict[int, int]) -> Raised:
    """An exception as the student's process describes it, with every field bounded."""
    if not isinstance(told, dict):
        return Raised(type="Exception", message="")
    listed = told.get("frames")
    frames = [_frame(item, cells) for item in (listed if isinstance(listed, list) else [])[-12:]]
    return Raised(
        type=str(told.get("type", "Exception"))[:100],
        message=str(told.get("message", ""))[:1000],
        frames=tuple(frame for frame in frames if frame is not None),
    )


def _frame(item: Any, cells: dict[int, int]) -> Frame | None:
    """One line of a traceback; None where it is not what the agent would say."""
    if not isinstance(item, list) or [type(field) for field in item] != [int, int, str, str]:
        return None
    number, line, code, function = item
    where = f"cell {cells.get(number, number)}"
    if function and function != "<module>":
        where += f", {function[:80]}"
    return Frame(where=where[:200], line=max(-1, min(line, 10**9)), code=code[:300])
