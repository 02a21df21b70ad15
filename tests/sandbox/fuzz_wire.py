"""Search for bytes that break the wire, led by coverage: frames, their heads, the values in them.

    pip install -e '.[fuzz]'
    python -m tests.sandbox.fuzz_wire -max_total_time=300 [folder of found inputs]

Whatever a process sends is a value of exact built-in, NumPy or torch types, or a WireError;
anything else ends the search with the bytes that did it. A value must survive the way back.
The options are libFuzzer's.
"""

from __future__ import annotations

import copy
import json
import random
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import atheris
import numpy as np
import torch

with atheris.instrument_imports(include=["grader.sandbox"]):
    from grader.sandbox.frames import Bounds, Frames, Message, WireError, parse_json
    from grader.sandbox.wire import Encoder, Opaque, decode_reply

BOUNDS = Bounds(header_bytes=1 << 16, body_bytes=1 << 16)
PLAIN = (bool, int, float, complex, str, list, tuple, dict, np.ndarray, torch.Tensor, Opaque)


def received(data: bytes) -> Message:
    """The message that these bytes are. Raises WireError where they are none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data[: 1 << 16])
        ours.shutdown(socket.SHUT_WR)
        return Frames(theirs, BOUNDS).receive(time.monotonic() + 5)


def told(data: bytes) -> Any:
    """The value that these bytes stand for. Raises WireError where they are none.

    Behind a NUL they are a whole frame; otherwise a node, a NUL and the bytes of one buffer, for
    a search that must find out lengths by chance comes to no node.
    """
    if data[:1] == b"\0":
        message = received(data[1:])
        node = message.head.get("value")
    else:
        text, _, body = data.partition(b"\0")
        node, message = parse_json(text), Message({}, (memoryview(body),))
    return decode_reply(message, node, BOUNDS)


def sent(value: Any) -> list[bytes]:
    """A value in both forms."""
    encoder = Encoder()
    node = encoder.encode(value)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = Message({"value": node}, tuple(encoder.buffers))
        Frames(ours).send(message, time.monotonic() + 5)
        return [
            b"\0" + theirs.recv(1 << 20),
            json.dumps(node).encode() + b"\0" + b"".join(encoder.buffers),
        ]


def try_one(data: bytes) -> None:
    """Read the bytes as the grader does."""
    try:
        value = told(data)
    except WireError:
        return
    if value is None or value is Ellipsis or isinstance(value, Opaque):
        return
    assert type(value) in PLAIN or isinstance(value, np.generic), type(value)
    Encoder(hold=lambda held: {"k": "object", "type": type(held).__name__}).encode(value)


def seeds() -> list[Any]:
    """Values of each kind, for the search to start from."""
    grown = torch.ones(2, 3, requires_grad=True)
    grown.grad = torch.zeros(2, 3)
    return [
        None, True, 3, 0.5, 1j, "text", ..., [1, (2.0, "x")], {"a": [None], 1: 2},
        np.arange(6.0).reshape(2, 3).T, np.float32(1), np.zeros((0, 3), dtype=bool),
        torch.arange(4).to(torch.bfloat16), grown, torch.zeros(2, 4)[:, ::2],
    ]  # fmt: skip


ODD = [
    None, True, -1, 0, 1, 2**60, 0.5, "", "<f8", "|O", "float32", "0x1p0", "ff", "F", "strided",
    [], {}, [0, 2], [2**20] * 3, *({"k": kind} for kind in ("none", "list", "dict", "object")),
]  # fmt: skip


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every list or object in a tree, with each of its keys."""
    if not isinstance(node, list | dict):
        return []
    own = list(range(len(node)) if isinstance(node, list) else node)
    return [(node, key) for key in own] + [at for key in own for at in places(node[key])]


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Another input: a node with one of its parts exchanged, or other bytes."""
    text, nul, body = data.partition(b"\0")
    choice = random.Random(seed)
    try:
        node = json.loads(text)
        found = places(node)
        spot, key = choice.choice(found)
        donor, of = choice.choice(found)
        spot[key] = copy.deepcopy(choice.choice([donor[of], *choice.sample(ODD, 2)]))
        if isinstance(spot, dict) and choice.random() < 0.2:
            del spot[key]
    except (ValueError, IndexError, RecursionError):
        return bytes(atheris.Mutate(data, most))
    return (json.dumps(node).encode() + nul + body)[:most]


def main() -> None:
    """Start the search."""
    with tempfile.TemporaryDirectory() as folder:
        forms = [form for value in seeds() for form in sent(value)]
        for number, form in enumerate(forms):
            Path(folder, str(number)).write_bytes(form)
        atheris.Setup([*sys.argv, "-max_len=4096", folder], try_one, custom_mutator=changed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
