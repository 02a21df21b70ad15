"""Messages over a socket: whole or not at all, within one deadline and within bounds."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.sandbox.frames import Bounds, DeadlinePassed, Frames, Message, PeerGone, WireError


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def soon(seconds: float = 5.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def framed(head: bytes, body: bytes = b"", magic: bytes = b"GRW1") -> bytes:
    """A frame as it looks on the socket."""
    return struct.pack("<4sIQ", magic, len(head), len(body)) + head + body


def test_messages_arrive_whole_and_in_order(pair: Pair) -> None:
    sender, receiver = Frames(pair[0]), Frames(pair[1])
    sender.send(Message({"n": 1}, (memoryview(b"abc"), memoryview(b""))), soon())
    sender.send(Message({"n": 2}), soon())
    first, second = receiver.receive(soon()), receiver.receive(soon())
    assert first.head == {"n": 1}
    assert [bytes(b) for b in first.buffers] == [b"abc", b""]
    assert second == Message({"n": 2})


def test_messages_larger_than_the_socket_arrive(pair: Pair) -> None:
    sender, receiver = Frames(pair[0]), Frames(pair[1])
    large = memoryview(bytes(range(256)) * (1 << 15))
    thread = threading.Thread(target=sender.send, args=(Message({}, (large,)), soon()))
    thread.start()
    got = receiver.receive(soon())
    thread.join()
    assert got.buffers[0] == large


MALFORMED = {
    "bad magic": (framed(b"{}", magic=b"GRW2"), "protocol's mark"),
    "text": (b"print('hello, grader')", "protocol's mark"),
    "header over bounds": (struct.pack("<4sIQ", b"GRW1", 2**32 - 1, 0), "is over the bounds"),
    "body over bounds": (struct.pack("<4sIQ", b"GRW1", 2, 2**60), "is over the bounds"),
    "not JSON": (framed(b"{'a'}"), "not JSON"),
    "not an object": (framed(b"[]"), "not a JSON object"),
    "no sizes": (framed(b"{}"), "sane list of buffer sizes"),
    "sizes of text": (framed(b'{"sizes": "1"}', b"a"), "sane list of buffer sizes"),
    "sizes too small": (framed(b'{"sizes": [1]}', b"ab"), "do not add up"),
    "sizes too large": (framed(b'{"sizes": [3]}', b"ab"), "do not add up"),
    "negative size": (framed(b'{"sizes": [-1, 3]}', b"ab"), "do not add up"),
    "float size": (framed(b'{"sizes": [2.0]}', b"ab"), "do not add up"),
    "bool size": (framed(b'{"sizes": [true, true]}', b"ab"), "do not add up"),
    "many sizes": (framed(b'{"sizes": [' + b"0," * 30_000 + b"0]}"), "sane list"),
    "deep": (framed(b'{"a":' * 50_000), "not JSON"),
}


@pytest.mark.parametrize(("data", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_frames_are_refused(pair: Pair, data: bytes, message: str) -> None:
    receiver = Frames(pair[1])
    thread = threading.Thread(target=pair[0].sendall, args=(data,))
    thread.start()
    with pytest.raises(WireError, match=message):
        receiver.receive(soon())
    receiver.drain()
    thread.join()


def test_bounds_are_those_given(pair: Pair) -> None:
    receiver = Frames(pair[1], Bounds(body_bytes=2))
    Frames(pair[0]).send(Message({}, (memoryview(b"abc"),)), soon())
    with pytest.raises(WireError, match="is over the bounds"):
        receiver.receive(soon())


def test_the_deadline_is_for_the_whole_message(pair: Pair) -> None:
    receiver, data = Frames(pair[1]), framed(b'{"sizes": []}' + b" " * 200)
    stop = threading.Event()

    def drip() -> None:
        for byte in data:
            pair[0].send(bytes([byte]))
            if stop.wait(0.01):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    with pytest.raises(DeadlinePassed, match="no whole message before the deadline"):
        receiver.receive(soon(0.2))
    assert 0.15 < time.monotonic() - started < 1.0
    stop.set()
    thread.join()


def test_the_deadline_passes_where_nobody_reads(pair: Pair) -> None:
    with pytest.raises(DeadlinePassed):
        Frames(pair[0]).send(Message({}, (memoryview(bytes(1 << 24)),)), soon(0.1))


@pytest.mark.parametrize("sent", [b"", b"GRW1", framed(b'{"sizes": [3]}', b"abc")[:-1]])
def test_a_peer_that_hangs_up_is_gone(pair: Pair, sent: bytes) -> None:
    pair[0].sendall(sent)
    pair[0].close()
    with pytest.raises(PeerGone, match="the connection was closed"):
        Frames(pair[1]).receive(soon())


def test_a_peer_that_hung_up_takes_no_message(pair: Pair) -> None:
    pair[0].close()
    with pytest.raises(PeerGone):
        Frames(pair[1]).send(Message({}), soon())


def test_a_watcher_may_end_the_wait(pair: Pair) -> None:
    def watch() -> None:
        raise PeerGone("the process has ended")

    with pytest.raises(PeerGone, match="the process has ended"):
        Frames(pair[1]).receive(soon(), watch)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_draining_throws_away_what_waits(pair: Pair, closed: bool) -> None:
    receiver = Frames(pair[1])
    pair[0].sendall(bytes(100_000))
    if closed:
        pair[0].close()
    receiver.drain()
    with pytest.raises(PeerGone if closed else DeadlinePassed):
        receiver.receive(soon(0.01))


fuzz = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
_TEXT = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)
_HEADS = st.dictionaries(_TEXT | st.just("sizes"), _JSON, max_size=3).map(
    lambda head: json.dumps(head).encode()
)
_FRAMES = st.builds(framed, _HEADS | st.binary(max_size=40), st.binary(max_size=20))


@fuzz
@given(data=st.binary(max_size=80) | _FRAMES)
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        try:
            message = Frames(theirs).receive(soon())
        except WireError:
            return
        assert isinstance(message.head, dict)
