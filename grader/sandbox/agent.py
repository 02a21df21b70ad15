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
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from grader.sandbox.wire import Decoder, Encoder, Frames, Message, PeerGone

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
        self._namespace = namespace
        self._frames = frames
        self._cell_of_file = cell_of_file
        self._device = device
        self._held: dict[int, Any] = {}
        self._buffers: tuple[memoryview, ...] = ()

    def serve(self) -> None:
        """Answer requests until the other end closes."""
        with contextlib.suppress(PeerGone):
            while True:
                # The grader owns the clock; a reader here may wait as long as it takes.
                request = self._frames.receive(time.monotonic() + 1e9)
                if request.head.get("op") == "close":
                    self._frames.send(Message({"id": request.head["id"]}), time.monotonic() + 5)
                    return
                self._frames.send(self._answer(request), time.monotonic() + 1e9)

    def _answer(self, request: Message) -> Message:
        encoder = Encoder(hold=self._hold)
        output = BoundedText()
        head: dict[str, Any] = {"id": request.head["id"]}
        started = time.perf_counter()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                head.update(self._run(request, encoder))
            except NameMissing as missing:
                head["missing"] = str(missing)
            except BaseException as error:  # whatever student code raises is an observation
                head["raised"] = describe_exception(error, self._cell_of_file)
        head["seconds"] = time.perf_counter() - started
        head["output"] = output.getvalue()
        return Message(head, tuple(encoder.buffers))

    def _run(self, request: Message, encoder: Encoder) -> dict[str, Any]:
        self._buffers = request.buffers
        operation = request.head["op"]
        if operation == "seed":
            _seed(request.head["seed"])
            return {"value": encoder.encode(None)}
        if operation == "bind":
            self._namespace[request.head["name"]] = self._evaluate(request.head["node"])
            return {"value": encoder.encode(None)}
        if operation == "lend":
            self._namespace[request.head["name"]] = self._lent(request.head["name"])
            return {"value": encoder.encode(None)}
        if operation == "scaffold":
            return {"value": self._hold(self._scaffold(request.head["source"]))}
        if operation == "rerun":
            return {"value": self._hold(self._rerun(request.head))}
        return self._eval(request.head, encoder)

    def _eval(self, head: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
        node = head["node"]
        if node["k"] != "call":
            value = self._evaluate(node)
            return {"value": self._hold(value) if head.get("hold") else encoder.encode(value)}
        function = self._evaluate(node["of"])
        args = [self._evaluate(a) for a in node["args"]]
        kwargs = {name: self._evaluate(a) for name, a in node["kwargs"].items()}
        before = [_snapshot_bytes(a) for a in args]
        value = function(*args, **kwargs)
        mutated = {
            str(i): encoder.encode(a)
            for i, (a, b) in enumerate(zip(args, before, strict=True))
            if b is not None and _snapshot_bytes(a) != b
        }
        told = self._hold(value) if head.get("hold") else encoder.encode(value)
        return {"value": told, "mutated": mutated}

    def _evaluate(self, node: dict[str, Any]) -> Any:
        return Decoder(self._buffers, resolve=self._resolve, device=self._device).decode(node)

    def _resolve(self, node: dict[str, Any]) -> Any:
        kind = node["k"]
        if kind == "name":
            try:
                return self._namespace[node["name"]]
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
        ref = len(self._held) + 1
        self._held[ref] = value
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        return {
            "k": "object",
            "type": name[:200],
            "text": _short_repr(value),
            "ref": ref,
            "callable": callable(value),
        }

    def _lent(self, name: str) -> Any:
        """A function of the grader's under the student's name: each call goes over the wire.

        So a right helper can stand in for a wrong one without its code being here.
        """

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
        space: dict[str, Any] = {"__name__": "grader_scaffold", "student": self._namespace}
        exec(compile(source, "<grader scaffold>", "exec"), space)
        return types.SimpleNamespace(**{k: v for k, v in space.items() if k[:2] != "__"})

    def _rerun(self, head: dict[str, Any]) -> dict[str, Any]:
        """Execute the student's own cells again, in a copy of the namespace.

        Magics and shell lines are IPython's: they are translated, as the kernel did it.
        """
        from IPython.core.inputtransformer2 import TransformerManager

        space = dict(self._namespace)
        for number, source in enumerate(head["sources"]):
            name = f"<rerun {number}>"
            text = TransformerManager().transform_cell(source)
            self._cell_of_file[name] = head["cells"][number]
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            exec(compile(text, name, "exec"), space)
        return space


def _plain(value: Any) -> Any:
    """An argument for the grader's function: lists and matrices as plain arrays."""
    return np.asarray(value) if isinstance(value, list | np.matrix) else value


def _short_repr(value: Any) -> str:
    try:
        return repr(value)[:500]
    except BaseException as error:  # a student's __repr__ may do anything
        return f"<repr raised {type(error).__name__}>"


def _snapshot_bytes(value: Any) -> Any:
    """What is compared to see whether a call changed its argument in place."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.tobytes())
    if isinstance(value, torch.Tensor) and value.layout is torch.strided:
        plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        return (tuple(value.shape), plain.view(torch.uint8).numpy().tobytes())
    if isinstance(value, list) and len(value) <= 64:
        return [_snapshot_bytes(item) for item in value]
    return None


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def describe_exception(error: BaseException, cell_of_file: dict[str, int]) -> dict[str, Any]:
    """The exception as plain data: type, message and the frames that lie in the cells."""
    frames = []
    for frame, line in _walk(error.__traceback__):
        name = frame.f_code.co_filename
        if name in cell_of_file:
            code = linecache.getline(name, line).strip()
            frames.append([cell_of_file[name], line, code[:300], frame.f_code.co_name[:100]])
    if isinstance(error, SyntaxError) and str(error.filename) in cell_of_file:
        line = error.lineno if type(error.lineno) is int else 0
        code = str(error.text or "").strip()
        frames.append([cell_of_file[str(error.filename)], line, code[:300], ""])
    return {
        "type": type(error).__name__[:100],
        "message": _message_of(error),
        "frames": frames[-12:],
    }


def _message_of(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except BaseException as second:  # a student's __str__ may do anything
        return f"<str raised {type(second).__name__}>"


def _walk(traceback: types.TracebackType | None) -> Iterator[tuple[types.FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
