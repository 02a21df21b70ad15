"""Whole messages over a socket: a JSON head and raw buffers, within bounds and one deadline.

A receiver checks every size before it allocates. What a message's nodes mean is `wire`'s word.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_HEADER = struct.Struct("<4sIQ")
_MAGIC = b"GRW1"

# The most values that one tree may hold, on either end.
MOST_NODES = 20_000


class WireError(Exception):
    """A message broke the rules of the wire: size, form or deadline."""


class PeerGone(WireError):
    """The other end closed the connection."""


class DeadlinePassed(WireError):
    """The message did not arrive whole before its deadline."""


@dataclass(frozen=True)
class Bounds:
    """The most that one message may hold. The defaults suit homework, not data sets."""

    header_bytes: int = 8 << 20
    body_bytes: int = 1 << 30
    nodes: int = MOST_NODES
    depth: int = 32


# Bytes that one system call writes or asks for: a usual message is smaller than the first.
_AT_ONCE = 1 << 16
_MOST_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Message:
    """One message: a JSON object and the buffers that its nodes refer to."""

    head: dict[str, Any]
    buffers: tuple[memoryview, ...] = ()


class Frames:
    """Whole messages over a stream socket. The socket is put into non-blocking mode.

    `watch` is called whenever reading has to wait and may raise: the grader's end uses it to
    notice that the process behind the socket has ended.
    """

    def __init__(self, sock: socket.socket, bounds: Bounds | None = None) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._bounds = bounds or Bounds()
        self._ahead = bytearray()  # read from the socket, and not yet asked for

    def send(self, message: Message, deadline: float) -> None:
        """Send one message before `deadline` (`time.monotonic` seconds)."""
        sizes = [len(b) for b in message.buffers]
        head = json.dumps({**message.head, "sizes": sizes}, separators=(",", ":")).encode()
        start = _HEADER.pack(_MAGIC, len(head), sum(sizes)) + head
        if sum(sizes) < _AT_ONCE:  # one write wakes the reader once
            self._send_all(b"".join((start, *message.buffers)), deadline)
            return
        self._send_all(start, deadline)
        for buffer in message.buffers:
            self._send_all(buffer, deadline)

    def receive(self, deadline: float, watch: Callable[[], None] | None = None) -> Message:
        """The next message.

        Raises PeerGone where the other end hangs up, DeadlinePassed where the whole message
        is not there in time, and WireError where it breaks a bound.
        """
        magic, head_size, body_size = _HEADER.unpack(self._read(_HEADER.size, deadline, watch))
        if magic != _MAGIC:
            raise WireError("message does not start with the protocol's mark")
        if head_size > self._bounds.header_bytes or body_size > self._bounds.body_bytes:
            raise WireError(f"message of {head_size} + {body_size} bytes is over the bounds")
        head = _parse_head(self._read(head_size, deadline, watch))
        sizes = head.pop("sizes", None)
        _check_sizes(sizes, body_size, self._bounds.nodes)
        body = memoryview(self._read(body_size, deadline, watch))
        buffers, start = [], 0
        for size in sizes:
            buffers.append(body[start : start + size])
            start += size
        return Message(head, tuple(buffers))

    def drain(self) -> None:
        """Throw away what is waiting, after the process that wrote it has ended."""
        self._ahead.clear()
        try:
            while self.socket.recv(1 << 16):
                pass
        except (BlockingIOError, ConnectionError):
            return

    def _send_all(self, data: bytes | memoryview, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _in_time(deadline)
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                self._wait(deadline, select.POLLOUT, None)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise PeerGone(str(error)) from error

    def _read(self, size: int, deadline: float, watch: Callable[[], None] | None) -> bytearray:
        data = self._ahead[:size]
        del self._ahead[:size]
        while len(data) < size:
            _in_time(deadline)
            try:
                more = self.socket.recv(max(_AT_ONCE, min(size - len(data), _MOST_AT_ONCE)))
            except BlockingIOError:
                self._wait(deadline, select.POLLIN, watch)
                continue
            except ConnectionResetError as error:
                raise PeerGone(str(error)) from error
            if not more:
                raise PeerGone("the connection was closed")
            room = size - len(data)
            data += more[:room]
            self._ahead += more[room:]
        return data

    def _wait(self, deadline: float, event: int, watch: Callable[[], None] | None) -> None:
        left = max(0.0, deadline - time.monotonic())
        poll = select.poll()
        poll.register(self.socket, event)
        # A watcher is asked now and then, since the process may end without closing the socket.
        step = 0.02 if watch else 600.0
        if not poll.poll(min(left, step) * 1000) and watch:
            watch()


def _in_time(deadline: float) -> None:
    """Also where data never runs out: a flood must not outlast the limit."""
    if time.monotonic() >= deadline:
        raise DeadlinePassed("no whole message before the deadline")


def parse_json(data: bytes | bytearray | memoryview) -> Any:
    """What a student's process sent as JSON. Raises WireError where it is none."""
    text = bytes(data).decode("utf-8", "replace")
    try:
        told = json.loads(text)
        if "\\u" in text:  # escapes can spell half a character, which no report can hold
            told = json.loads(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    return told


def _parse_head(data: bytearray) -> dict[str, Any]:
    head = parse_json(data)
    if not isinstance(head, dict):
        raise WireError("message head is not a JSON object")
    return head


def _check_sizes(sizes: object, total: int, most: int) -> None:
    if not isinstance(sizes, list) or len(sizes) > most:
        raise WireError("message head lacks a sane list of buffer sizes")
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != total:
        raise WireError("buffer sizes do not add up to the message's body")
