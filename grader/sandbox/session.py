"""The grader's end of a session: ask a copy of the kernel, and survive whatever answers.

Every request has a deadline on the grader's clock and a random id that the reply must carry.
A process that ended, hung or talked out of turn is killed; the next request gets a new one.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from grader.sandbox.frames import Bounds, DeadlinePassed, Frames, Message, PeerGone, WireError
from grader.sandbox.wire import may_be_looked_up


class SessionLost(Exception):
    """The process that served the session is of no more use. `kind`: timeout, ended, garbled."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Peer(Protocol):
    """A process of the student's that serves one session."""

    socket: socket.socket
    live: bool

    def kill(self) -> str:
        """Have the process end, if it has not, and tell how it ended."""


class Channel:
    """Requests to processes that `connect` starts as they are needed.

    `connect` raises SessionLost where there is nothing left to start a process from; then,
    and where a live kernel was lost, the channel is `dead`. `patchable`: whether the libraries
    that student code runs on may be changed at the other end.

    `look` opens the kernel itself for as long as it is only asked for plain values, since a copy
    costs more than what most checks of a variable ask. The first request for anything else goes
    to a copy, and so does all that follows.
    """

    patchable = True

    def __init__(
        self,
        connect: Callable[[], Peer],
        bounds: Bounds | None = None,
        *,
        look: Callable[[], Peer] | None = None,
    ) -> None:
        self.bounds = bounds or Bounds()
        self.dead = False
        self._connect = connect
        self._look = look
        self._peer: Peer | None = None
        self._frames: Frames | None = None

    @property
    def live(self) -> bool:
        """Whether the kernel itself answers, and not a copy of it."""
        return self._peer is not None and self._peer.live

    @property
    def is_open(self) -> bool:
        """Whether a session is under way."""
        return self._peer is not None

    def request(
        self,
        head: dict[str, Any],
        buffers: list[memoryview],
        timeout_s: float,
        answer: Callable[[Message], Message] | None = None,
    ) -> Message:
        """Send one request and return its reply.

        `answer` serves calls that the process makes back while it works on the request.
        Raises SessionLost where no valid reply came within `timeout_s`.
        """
        if self._look is not None and not may_be_looked_up(head):
            self._leave_kernel()
        frames = self._open()
        identity = secrets.token_hex(8)
        deadline = time.monotonic() + timeout_s
        try:
            frames.send(Message({**head, "id": identity}, tuple(buffers)), deadline)
            reply = frames.receive(deadline)
            while answer is not None and "call_back" in reply.head:
                frames.send(answer(reply), deadline)
                reply = frames.receive(deadline)
        except DeadlinePassed:
            self._lose()
            raise SessionLost("timeout", f"gave no answer within {timeout_s:g} s") from None
        except PeerGone:
            raise SessionLost("ended", f"ended its own process ({self._lose()})") from None
        except WireError as error:
            self._lose()
            raise SessionLost("garbled", str(error)) from error
        if reply.head.get("id") != identity:
            self._lose()
            raise SessionLost("garbled", "the reply does not belong to the request")
        if self._look is not None and reply.head.get("copy") is True:
            self._leave_kernel()
            return self.request(head, buffers, timeout_s, answer)
        return reply

    def _leave_kernel(self) -> None:
        """Go on with a copy."""
        self.close()
        self._look = None

    def _open(self) -> Frames:
        if self._frames is None:
            try:
                self._peer = (self._look or self._connect)()
            except SessionLost:
                self.dead = True
                raise
            self.dead = False
            self._frames = Frames(self._peer.socket, self.bounds)
        return self._frames

    def _lose(self) -> str:
        """Kill the process behind the session; how it ended."""
        peer, self._peer, self._frames = self._peer, None, None
        if peer is None:
            return "unknown"
        self.dead = peer.live
        cause = peer.kill()
        peer.socket.close()
        return cause

    def discard(self) -> None:
        """Kill the process behind the session: what it said cannot be read."""
        self._lose()

    def close(self) -> None:
        """End the session. A live kernel leaves its loop and goes on with the notebook."""
        peer, self._peer, self._frames = self._peer, None, None
        if peer is not None:
            peer.socket.close()  # a copy ends at the end of its stream
