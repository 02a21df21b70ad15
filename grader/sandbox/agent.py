"""The grader's end inside the student's process: evaluates requests and sends raw observations.

It decides nothing. Everything it says comes out of a process that the student owns, so the
grader treats each reply as hostile data. It knows no oracle, no expected value and no check.

A request names an expression over the student's names (`call`, `attr`, `item`, `name`, `ref`)
and gets a value, an exception with the student's own frames, or the name that was missing.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import random
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from grader.sandbox.frames import Frames, Message, PeerGone
from grader.sandbox.wire import Decoder, Encoder, plain_tensor, raw_bytes

# Expressions over what lies in this process, as opposed to values that were sent.
_THERE = ("name", "ref", "attr", "item", "call")
# How much of what student code prints during one call is kept for the report.
_OUTPUT_CHARS = 4000


class NameMissing(Exception):
    """The student's namespace lacks a name that a request asked for."""


class BoundedText(io.StringIO):
    """A stdout that keeps the first characters and forgets the rest."""

    def write(self, text: str, /) -> int:
        room = _OUTPUT_CHARS - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)

    def close(self) -> None:
        """Stay open: student code may close its stdout, and what it held is still to be told."""


class Agent:
    """Serves requests against one namespace until the grader hangs up."""

    def __init__(
        self,
        namespace: dict[str, Any],
        frames: Frames,
        cell_of_file: dict[str, int],
        device: str | None,
    ) -> None:
        self.namespace = namespace
        self._frames = frames
        self._cell_of_file = cell_of_file
        self._device = device
        self._held: dict[int | str, Any] = {}
        self._buffers: tuple[memoryview, ...] = ()
        self._executed = 0

    def serve(self) -> None:
        """Answer requests until the other end closes; then the names are as they were before."""
        before = dict(self.namespace)
        self._answer_all()
        self.namespace.clear()
        self.namespace.update(before)

    def _answer_all(self) -> None:
        with contextlib.suppress(PeerGone):
            while True:
                # The grader owns the clock; a reader here may wait as long as it takes.
                request = self._frames.receive(time.monotonic() + 1e9)
                self._frames.send(self.answer(request), time.monotonic() + 1e9)

    def answer(self, request: Message) -> Message:
        """The reply to one request: a value, an exception, or the name that was missing."""
        encoder = Encoder(hold=self._hold)
        output = BoundedText()
        head: dict[str, Any] = {"id": request.head["id"]}
        started = time.perf_counter()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                for head["at"], one in enumerate(_steps(request)):
                    told = self._run(one, encoder)
                head.update(told)
            except NameMissing as missing:
                head["missing"] = str(missing)
            except BaseException as error:  # whatever student code raises is an observation
                head["raised"] = describe_exception(error, self._cell_of_file)
        head["seconds"] = time.perf_counter() - started
        head["output"] = BoundedText.getvalue(output)
        return Message(head, tuple(encoder.buffers))

    def _run(self, request: Message, encoder: Encoder) -> dict[str, Any]:
        self._buffers = request.buffers
        operation = request.head["op"]
        if operation == "seed":
            seed(request.head["seed"], self._device)
            return {"value": encoder.encode(None)}
        if operation == "bind":
            self.namespace[request.head["name"]] = self._evaluate(request.head["node"])
            return {"value": encoder.encode(None)}
        if operation == "lend":
            self._lend(request.head["name"], request.head["kind"])
            return {"value": encoder.encode(None)}
        if operation == "replay":
            self._replay(request.head)
            return {"value": encoder.encode(None)}
        if operation == "scaffold":
            return {"value": self._keep(self._scaffold(request.head["source"]))}
        if operation == "rerun":
            return {"value": self._keep(self._rerun(request.head))}
        return self._eval(request.head, encoder)

    def _eval(self, head: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
        node = head["node"]
        if node["k"] != "call":
            value = self._evaluate(node)
            return {"value": self._told(value, head, encoder)}
        function = self._evaluate(node["of"])
        args = [self._evaluate(a) for a in node["args"]]
        kwargs = {name: self._evaluate(a) for name, a in node["kwargs"].items()}
        # What stays on this side is the student's own: only what was sent is looked at again.
        sent = [a["k"] not in _THERE for a in node["args"]]
        before = [_snapshot_bytes(a) if s else None for a, s in zip(args, sent, strict=True)]
        value = function(*args, **kwargs)
        mutated = {
            str(i): encoder.encode(a)
            for i, (a, b) in enumerate(zip(args, before, strict=True))
            if b is not None and _snapshot_bytes(a) != b
        }
        return {"value": self._told(value, head, encoder), "mutated": mutated}

    def _told(self, value: Any, head: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
        """A value as it goes into the reply; with `keep` it stays here under that name."""
        if "keep" in head:
            self._held[head["keep"]] = value
            return {"k": "none"}
        return self._keep(value) if head.get("hold") else encoder.encode(value)

    def _evaluate(self, node: dict[str, Any]) -> Any:
        return Decoder(self._buffers, resolve=self._resolve, device=self._device).decode(node)

    def _resolve(self, node: dict[str, Any]) -> Any:
        kind = node["k"]
        if kind == "name":
            try:
                return self.namespace[node["name"]]
            except KeyError:
                raise NameMissing(node["name"]) from None
        if kind == "ref":
            return self._held[node["ref"]]
        of = self._evaluate(node["of"])
        if kind == "attr":
            return getattr(of, node["name"])
        if kind == "item":
            return of[self._evaluate(node["index"])]
        if kind == "call":
            args = [self._evaluate(a) for a in node["args"]]
            return of(*args, **{n: self._evaluate(a) for n, a in node["kwargs"].items()})
        raise ValueError(f"unknown node {kind!r}")

    def _hold(self, value: Any) -> dict[str, Any]:
        """Keep what cannot be sent, and say what it looks like."""
        return self._keep(value) | {"text": _short_repr(value)}

    def _keep(self, value: Any) -> dict[str, Any]:
        """Keep what was asked to stay here.

        Its text is not asked for: that of a namespace or a network takes longer than a check.
        """
        ref = len(self._held) + 1
        self._held[ref] = value
        text = repr(value) if value is None or value is ... else ""
        name = _kind_of(value)
        return {"k": "object", "type": name, "text": text, "ref": ref, "callable": callable(value)}

    def _lend(self, name: str, kind: str) -> None:
        """Put a function or sequence of the grader's under the student's name.

        Each call goes over the wire, so a right helper can stand in for a wrong one without
        its code being here.
        """
        call = self._remote_call(name)
        value: Any = call if kind == "function" else _sequence_class(name, call)
        self.namespace[name] = value

    def _remote_call(self, name: str) -> Any:
        def lent(*args: Any, **kwargs: Any) -> Any:
            encoder = Encoder()
            told: dict[str, Any] = {"args": [encoder.encode(_plain(a)) for a in args]}
            told["kwargs"] = {key: encoder.encode(_plain(a)) for key, a in kwargs.items()}
            head = {"call_back": name, **told}
            self._frames.send(Message(head, tuple(encoder.buffers)), time.monotonic() + 1e9)
            reply = self._frames.receive(time.monotonic() + 1e9)
            if "refused" in reply.head:
                raise ValueError(reply.head["refused"])
            return Decoder(reply.buffers, device=self._device).decode(reply.head["value"])

        lent.__name__ = lent.__qualname__ = name
        return lent

    def _scaffold(self, source: str) -> types.SimpleNamespace:
        """Run the grader's own public helper code beside the student's names, not among them."""
        space: dict[str, Any] = {"__name__": "grader_scaffold", "student": self.namespace}
        exec(compile(source, "<grader scaffold>", "exec"), space)
        return types.SimpleNamespace(**{k: v for k, v in space.items() if k[:2] != "__"})

    def _rerun(self, head: dict[str, Any]) -> dict[str, Any]:
        """Execute the student's own cells again, in a copy of the namespace."""
        space = dict(self.namespace)
        for source, cell in zip(head["sources"], head["cells"], strict=True):
            self._execute(source, cell, space)
        return space

    def _replay(self, head: dict[str, Any]) -> None:
        """Execute cells again in the namespace itself; one that raises does not stop the next."""
        for source, cell in zip(head["sources"], head["cells"], strict=True):
            with contextlib.suppress(BaseException):  # as in the notebook's own run
                self._execute(source, cell, self.namespace)

    def _execute(self, text: str, cell: int, space: dict[str, Any]) -> None:
        self._executed += 1
        name = f"<again {self._executed}>"
        self._cell_of_file[name] = cell
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(text, name, "exec"), space)


def _steps(request: Message) -> Iterator[Message]:
    """The steps of a request, each with its own buffers: those before it were not waited for."""
    if request.head["op"] != "steps":
        yield request
        return
    start = 0
    for step in request.head["steps"]:
        stop = start + step["buffers"]
        yield Message(step, request.buffers[start:stop])
        start = stop


def _sequence_class(name: str, items: Callable[..., list[Any]]) -> type:
    """A class whose objects hold the items that the grader gives for their arguments."""

    class Lent(Dataset[Any]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._items = items(*args, **kwargs)

        def __getitem__(self, index: Any) -> Any:
            return self._items[index]

        def __len__(self) -> int:
            return len(self._items)

    Lent.__name__ = Lent.__qualname__ = name
    return Lent


def _plain(value: Any) -> Any:
    """An argument for the grader's function: lists and matrices as plain arrays."""
    return np.asarray(value) if isinstance(value, list | np.matrix) else value


def _kind_of(value: Any) -> str:
    """Module and name of a value's class; only the name where the class lies about them."""
    kind = type(value)
    try:
        full = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        return _exactly(full, 200)
    except BaseException:
        return _name_of(kind)


def _short_repr(value: Any) -> str:
    try:
        return _exactly(repr(value), 500)
    except BaseException as error:  # a student's __repr__ may do anything
        return f"<repr raised {_name_of(type(error))}>"


def _snapshot_bytes(value: Any) -> Any:
    """What is compared to see whether a call changed its argument in place."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.tobytes())
    if isinstance(value, torch.Tensor) and value.layout is torch.strided:
        return (tuple(value.shape), raw_bytes(plain_tensor(value)).tobytes())
    if isinstance(value, list) and len(value) <= 64:
        return [_snapshot_bytes(item) for item in value]
    return None


def seed(number: int, device: str | None) -> None:
    """Have all random numbers follow from one; `device` is None where all is on the CPU."""
    random.seed(number)
    np.random.seed(number % 2**32)
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if device is not None or in_use or torch.backends.mps.is_available():
        torch.manual_seed(number)
    else:
        # For each kind of device that may be used later the call above keeps the stack as text,
        # which takes longer than most calls of a check.
        torch.default_generator.manual_seed(number)


def describe_exception(error: BaseException, cell_of_file: dict[str, int]) -> dict[str, Any]:
    """The exception as plain data: type, message and the frames that lie in the cells."""
    frames = []
    for frame, line in _walk(BaseException.__dict__["__traceback__"].__get__(error)):
        name = frame.f_code.co_filename
        if name in cell_of_file:
            code = linecache.getline(name, line).strip()
            frames.append([cell_of_file[name], line, code[:300], frame.f_code.co_name[:100]])
    if type(error) in (SyntaxError, IndentationError, TabError):  # subclasses may lie
        assert isinstance(error, SyntaxError)
        if type(error.filename) is str and error.filename in cell_of_file:
            line = error.lineno if type(error.lineno) is int else 0
            code = error.text.strip() if type(error.text) is str else ""
            frames.append([cell_of_file[error.filename], line, code[:300], ""])
    return {
        "type": _name_of(type(error)),
        "message": _message_of(error),
        "frames": frames[-12:],
    }


def _message_of(error: BaseException) -> str:
    try:
        return _exactly(str(error), 1000)
    except BaseException as second:  # a student's __str__ may do anything
        return f"<str raised {_name_of(type(second))}>"


def _exactly(text: str, length: int) -> str:
    """The first characters as a plain str: a subclass may lie about each of its methods."""
    return str.__getitem__(text, slice(0, length))


def _name_of(kind: type) -> str:
    """A class's own name, whatever its metaclass says."""
    return _exactly(type.__dict__["__name__"].__get__(kind), 100)


def _walk(traceback: types.TracebackType | None) -> Iterator[tuple[types.FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
