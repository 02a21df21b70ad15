"""The grader's end of a session: whatever the other process says, one verdict and no hang."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grader.sandbox.frames import Bounds, Message
from grader.sandbox.session import Channel, SessionLost
from tests.sandbox.asking import Asking, call, name
from tests.sandbox.conftest import Kernel

# What a process at the other end starts with; `-S -I` lets it start in milliseconds.
PROLOGUE = """
import json, os, socket, struct, sys, time
sock = socket.socket(fileno=int(sys.argv[1]))
def read(size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            sys.exit(4)
        data += part
    return data
def take():
    _, head, body = struct.unpack("<4sIQ", read(16))
    return json.loads(read(head)), read(body)
def framed(head, body=b"", magic=b"GRW1"):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<4sIQ", magic, len(head), len(body)) + head + body
def give(head, body=b""):
    sock.sendall(framed({"sizes": [len(body)] if body else [], **head}, body))
"""
ECHO = """
while True:
    head, body = take()
    give({"id": head["id"], "op": head["op"], "pid": os.getpid()}, body)
"""


class Process:
    """A process that serves a session as its source says."""

    def __init__(self, source: str, live: bool = False) -> None:
        self.live = live
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-I", "-c", PROLOGUE + source, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )

    def kill(self) -> str:
        """Kill the process if it does not end by itself; how it ended."""
        try:
            code = self.process.wait(1.0 if self.live else 0.05)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return f"exit code {code}"


class Line(Channel):
    """A channel to processes of one source, and all of them in the order of their start."""

    def __init__(self, source: str, live: bool = False, bounds: Bounds | None = None) -> None:
        self.started: list[Process] = []

        def connect() -> Process:
            self.started.append(Process(source, live))
            return self.started[-1]

        super().__init__(connect, bounds)

    def ask(self, op: str = "x", timeout_s: float = 20.0, **more: Any) -> Message:
        """One request."""
        return self.request({"op": op}, more.pop("buffers", []), timeout_s, **more)


@pytest.fixture
def line() -> Iterator[Callable[..., Line]]:
    """Make a channel to processes of a source; the test's end kills them."""
    made: list[Line] = []

    def make(*args: Any, **kwargs: Any) -> Line:
        made.append(Line(*args, **kwargs))
        return made[-1]

    yield make
    for channel in made:
        channel.close()
        for peer in channel.started:
            peer.process.kill()
            peer.process.wait()


Lines = Callable[..., Line]


def test_a_request_gets_its_reply(line: Lines) -> None:
    channel = line(ECHO)
    assert not channel.is_open
    reply = channel.ask("eval", buffers=[memoryview(b"abc")])
    assert reply.head["op"] == "eval"
    assert [bytes(b) for b in reply.buffers] == [b"abc"]
    assert channel.is_open and not channel.live and not channel.dead


def test_requests_share_a_process_but_no_id(line: Lines) -> None:
    channel = line(ECHO)
    first, second = channel.ask().head, channel.ask().head
    assert first["pid"] == second["pid"]
    assert first["id"] != second["id"]


def test_a_closed_session_starts_anew(line: Lines) -> None:
    channel = line(ECHO)
    first = channel.ask().head["pid"]
    channel.close()
    channel.close()
    assert channel.started[0].process.wait(10) == 4  # the end of the stream, and no signal
    assert channel.ask().head["pid"] != first


def test_a_discarded_process_is_killed(line: Lines) -> None:
    channel = line(ECHO)
    channel.discard()  # there is none yet
    channel.ask()
    channel.discard()
    assert channel.started[0].process.poll() is not None
    assert not channel.is_open and not channel.dead


SILENT = {
    "says nothing": "take(); time.sleep(600)",
    "reads nothing": "time.sleep(600)",
    "half a header": "take(); sock.send(b'GRW'); time.sleep(600)",
    "half a message": "take(); sock.send(framed(b' ' * 100)[:50]); time.sleep(600)",
    "a body that never comes": "take(); sock.send(struct.pack('<4sIQ', b'GRW1', 13, 1)"
    " + b'{\"sizes\":[1]}'); time.sleep(600)",
    "one byte at a time": """
take()
for byte in framed({"sizes": [], "id": "x" * 10_000}):
    sock.send(bytes([byte])); time.sleep(0.02)
""",
    "calls back at leisure": """
take()
while True:
    give({"call_back": "f"}); take(); time.sleep(0.02)
""",
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT.keys())
def test_a_process_that_does_not_answer_in_time_is_killed(line: Lines, source: str) -> None:
    channel = line(source)
    with pytest.raises(SessionLost, match=r"^gave no answer within 0\.3 s$") as caught:
        channel.ask(timeout_s=0.3, answer=lambda _: Message({"value": {"k": "none"}}))
    assert caught.value.kind == "timeout"
    assert channel.started[0].process.poll() == -9
    assert not channel.is_open and not channel.dead


def test_a_request_that_nobody_reads_has_a_deadline(line: Lines) -> None:
    channel = line("time.sleep(600)")
    with pytest.raises(SessionLost, match=r"^gave no answer within 0\.2 s$"):
        channel.ask(timeout_s=0.2, buffers=[memoryview(bytes(1 << 24))])


ENDED = {
    "at once": ("sys.exit(3)", 3),
    "on request": ("take(); os._exit(0)", 0),
    "in half a header": ("take(); sock.send(b'GRW1'); os._exit(5)", 5),
    "in half a message": ("take(); sock.send(framed(b'{}' + b' ' * 50)[:-9]); os._exit(6)", 6),
    "by a signal": ("take(); os.kill(os.getpid(), 11)", -11),
    "by closing the stream": ("take(); sock.close(); time.sleep(600)", -9),
    "while it is called back": ("take(); give({'call_back': 'f'}); os._exit(7)", 7),
}


@pytest.mark.parametrize(("source", "code"), ENDED.values(), ids=ENDED.keys())
def test_a_process_that_ends_tells_how(line: Lines, source: str, code: int) -> None:
    channel = line(source)
    with pytest.raises(SessionLost) as caught:
        channel.ask(answer=lambda _: Message({"value": {"k": "none"}}))
    assert caught.value.kind == "ended"
    assert str(caught.value) == f"ended its own process (exit code {code})"
    assert not channel.is_open


FORGED = "the reply does not belong to the request"
GARBLED = {
    "text": ("take(); sock.send(b'All tests passed: 100/100\\n')", "the protocol's mark"),
    "another protocol": ("take(); sock.send(framed({}, magic=b'GRW2'))", "the protocol's mark"),
    "a score before the request": ("sock.send(b'{\"score\": 100}     ')", "the protocol's mark"),
    "no JSON": ("take(); sock.send(framed(b'{score: 100}'))", "not JSON"),
    "deep JSON": ("take(); sock.sendall(framed(b'[' * 100_000))", "not JSON"),
    "a list": ("take(); sock.send(framed([1]))", "not a JSON object"),
    "no sizes": ("sock.send(framed({'id': take()[0]['id']}))", "sane list of buffer sizes"),
    "wrong sizes": ("give({'id': take()[0]['id'], 'sizes': [2]}, b'abc')", "do not add up"),
    "a huge head": ("take(); sock.send(struct.pack('<4sIQ', b'GRW1', 2**32 - 1, 0))", "bounds"),
    "a huge body": ("take(); sock.send(struct.pack('<4sIQ', b'GRW1', 2, 2**60))", "bounds"),
    "no id": ("take(); give({'value': {'k': 'none'}})", FORGED),
    "another id": ("take(); give({'id': '0' * 16})", FORGED),
    "an id of its kind": ("give({'id': [take()[0]['id']]})", FORGED),
    "an early reply": ("give({'id': 'guessed'}); take()", FORGED),
    "a call back that nobody lent": ("give({'id': take()[0]['id'][:-1], 'call_back': 1})", FORGED),
}


@pytest.mark.parametrize(("source", "message"), GARBLED.values(), ids=GARBLED.keys())
def test_garbage_loses_the_session(line: Lines, source: str, message: str) -> None:
    channel = line(source + "\ntime.sleep(600)")
    with pytest.raises(SessionLost, match=message) as caught:
        channel.ask()
    assert caught.value.kind == "garbled"
    assert len(str(caught.value)) < 300
    assert channel.started[0].process.poll() == -9
    assert not channel.is_open


def test_the_bounds_of_the_channel_hold(line: Lines) -> None:
    channel = line(ECHO, bounds=Bounds(body_bytes=100))
    assert channel.ask(buffers=[memoryview(bytes(100))]).buffers
    with pytest.raises(SessionLost, match="is over the bounds") as caught:
        channel.ask(buffers=[memoryview(bytes(101))])
    assert caught.value.kind == "garbled"


def test_a_second_reply_is_not_taken_for_the_next(line: Lines) -> None:
    channel = line("""
head, _ = take()
give({"id": head["id"]}); give({"id": head["id"]}); time.sleep(600)
""")
    channel.ask()
    with pytest.raises(SessionLost, match=FORGED):
        channel.ask()


def test_after_a_loss_a_new_process_answers(line: Lines) -> None:
    channel = line("""
head, _ = take()
if head["op"] == "die":
    os._exit(1)
give({"id": head["id"], "pid": os.getpid()})
""")
    for number in range(3):
        with pytest.raises(SessionLost):
            channel.ask("die")
        assert channel.ask().head["pid"] == channel.started[-1].process.pid
        channel.close()
        assert len(channel.started) == 2 * (number + 1)


def test_calls_back_are_answered_until_the_reply(line: Lines) -> None:
    channel = line("""
head, _ = take()
total = 0
for number in range(3):
    give({"call_back": "double", "number": number})
    total += take()[0]["value"]
give({"id": head["id"], "total": total})
""")
    reply = channel.ask(answer=lambda m: Message({"value": 2 * m.head["number"]}))
    assert reply.head["total"] == 6


@pytest.mark.parametrize("source", ["take(); os._exit(0)", "take(); sock.send(b'?' * 16)"])
def test_a_live_kernel_that_is_lost_leaves_nothing_to_ask(line: Lines, source: str) -> None:
    channel = line(source, live=True)
    with pytest.raises(SessionLost):
        channel.ask()
    assert channel.dead and not channel.is_open


def test_a_live_kernel_is_live_while_it_serves(line: Lines) -> None:
    channel = line(ECHO, live=True)
    channel.ask()
    assert channel.live and not channel.dead
    channel.close()
    assert not channel.live and not channel.dead


def test_where_nothing_can_be_started_the_channel_is_dead() -> None:
    def connect() -> Process:
        raise SessionLost("ended", "the notebook's process ended")

    channel = Channel(connect)
    with pytest.raises(SessionLost, match="the notebook's process ended"):
        channel.request({"op": "x"}, [], 1.0)
    assert channel.dead and not channel.is_open


# Junk for every connection without a name, as a student's function may write it.
WRITES = """
import os, socket
def junk(data):
    for fd in range(3, 256):
        try:
            found = socket.socket(fileno=os.dup(fd))
            if not found.getsockname() and not found.getpeername():
                found.send(data)
        except OSError:
            pass
    return 1
def ok(): return 1
"""
JUNK = {"text": "b'score: 100'", "zeros": "bytes(64)", "a claim": "b'GRW1' + b'\\xff' * 12"}


@pytest.mark.parametrize("data", JUNK.values(), ids=JUNK.keys())
def test_a_students_function_cannot_forge_a_reply(kernel: Kernel, data: str) -> None:
    kernel.cell(f"{WRITES}\nDATA = {data}")
    ask = Asking(kernel.run.fork)
    with pytest.raises(SessionLost) as caught:
        ask.eval(call("junk", name("DATA")))
    assert caught.value.kind == "garbled"
    assert ask.eval(call("ok")).value == 1
    ask.channel.close()
    assert kernel.text("print(ok())") == "1\n"
