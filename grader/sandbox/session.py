"""The grader's end of a snapshot: open a session, ask, and survive whatever answers.

Every request has a deadline on the grader's clock and a random id that the reply must carry.
A session whose process ended, hung or talked out of turn is killed; the next request opens a
new one from the same snapshot.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from grader.sandbox.wire import Bounds, DeadlinePassed, Frames, Message, PeerGone, WireError


class SessionLost(Exception):
    """The process that served the session is of no more use. `kind`: timeout, ended, garbled."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Channel:
    """Requests to the paused copy of a kernel, or to the live kernel where there is no copy.

    `kill_live` ends the live kernel: it is called where a live session hangs.
    """

    def __init__(
        self,
        data: socket.socket,
        control: socket.socket,
        *,
        kill_live: Callable[[], None] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.bounds = bounds or Bounds()
        self._frames = Frames(data, self.bounds)
        self._control = control
        self._kill_live = kill_live
        self._open = kill_live is not None
        self._dead = False

    @property
    def is_open(self) -> bool:
        """Whether a session is under way."""
        return self._open and not self._dead

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
        if self._dead:
            raise SessionLost("ended", "the process had ended before")
        if not self._open:
            with contextlib.suppress(BrokenPipeError):  # found out by the request below
                self._control.send(b"open")
            self._open = True
        identity = secrets.token_hex(8)
        deadline = time.monotonic() + timeout_s
        watch = None if self._kill_live else self._watch
        try:
            self._frames.send(Message({**head, "id": identity}, tuple(buffers)), deadline)
            reply = self._frames.receive(deadline, watch)
            while answer is not None and "call_back" in reply.head:
                self._frames.send(answer(reply), deadline)
                reply = self._frames.receive(deadline, watch)
        except DeadlinePassed:
            self.abandon()
            raise SessionLost("timeout", f"gave no answer within {timeout_s:g} s") from None
        except PeerGone:
            self._dead = True
            raise SessionLost("ended", "the process ended") from None
        except WireError as error:
            self.abandon()
            raise SessionLost("garbled", str(error)) from error
        if reply.head.get("id") != identity:
            self.abandon()
            raise SessionLost("garbled", "the reply does not belong to the request")
        return reply

    def _watch(self) -> None:
        """Notice that the session's process has ended. Called while a reply is awaited."""
        if select.select([self._control], [], [], 0)[0]:
            told = self._control.recv(64)
            self._open = False
            self._frames.drain()
            if not told:
                self._dead = True
            raise SessionLost("ended", f"ended its own process ({_cause(told)})")

    def abandon(self) -> None:
        """Kill the session's process; what it still wrote is thrown away."""
        if not self._open or self._dead:
            return
        self._open = False
        if self._kill_live:
            self._dead = True
            self._kill_live()
            return
        with contextlib.suppress(OSError):
            self._control.send(b"kill")
        if not select.select([self._control], [], [], 5)[0] or not self._control.recv(64):
            self._dead = True
        self._frames.drain()

    @property
    def live(self) -> bool:
        """Whether the kernel itself answers, and not a copy of it."""
        return self._kill_live is not None

    @property
    def dead(self) -> bool:
        """Whether no session can be opened any more."""
        return self._dead

    def close(self) -> None:
        """End the session: the snapshot stays and can serve another, a live kernel goes on."""
        if not self._kill_live:
            self.abandon()
        elif self._open and not self._dead:
            with contextlib.suppress(SessionLost):
                self.request({"op": "close"}, [], 5)
            self._open = False

    def release(self) -> None:
        """Close the sockets: a snapshot ends, a live kernel leaves its loop and goes on."""
        self.close()
        self._dead = True
        for sock in (self._frames.socket, self._control):
            sock.close()


def _cause(told: bytes) -> str:
    code = int(told or b"-9")
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
