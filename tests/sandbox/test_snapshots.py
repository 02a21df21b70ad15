"""Forked copies of a kernel: the state of their cell, and no trace in the kernel itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.sandbox.notebook_run import CellFailed
from grader.sandbox.session import SessionLost
from tests.sandbox.asking import Asking, attr, call, name
from tests.sandbox.conftest import Kernel


def copy(kernel: Kernel) -> Asking:
    """A copy of the kernel as it is now, which has begun to serve."""
    peer = kernel.run.fork()
    return Asking(lambda: peer)


def test_a_copy_has_the_state_of_its_cell(kernel: Kernel) -> None:
    copies = []
    for number in range(4):
        kernel.cell(f"number = {number}\ndef f(): return number")
        copies.append(copy(kernel))
    kernel.cell("del number, f")
    assert [ask.eval(call("f")).value for ask in copies] == [0, 1, 2, 3]
    assert copy(kernel).eval(name("number")).head["missing"] == "number"
    for ask in copies:
        ask.channel.close()


CHANGES = {
    "names": "number = 2; del weights",
    "values": "weights.append(3); weights[0] = 9",
    "generators": "draw()",
    "working folder": "import os; os.chdir('/')",
    "environment": "import os; os.environ['HOME'] = '/'",
    "descriptors": "import os; os.closerange(0, 3)",
    "modules": "import sys; sys.modules.clear()",
    "builtins": "import builtins; builtins.print = None",
    "handlers": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "exit handlers": "import atexit, os; atexit.register(os._exit, 9)",
    "end": "import os; os._exit(3)",
    "kill": "import os; os.kill(os.getpid(), 9)",
}
STATE = """
import os, sys, numpy as np, torch
number, weights = 1, [1, 2]
def draw(): return [float(np.random.rand()), float(torch.rand(()))]
def state():
    return [number, weights, os.getcwd(), os.environ["HOME"], len(sys.modules) > 500]
"""


def run_in(ask: Asking, source: str) -> None:
    """Run a line in a copy, which it may end."""
    try:
        ask("replay", sources=[source], cells=[0])
    except SessionLost as lost:
        assert lost.kind == "ended"


@pytest.mark.parametrize("source", CHANGES.values(), ids=CHANGES.keys())
def test_what_happens_in_a_copy_leaves_no_trace_in_the_kernel(kernel: Kernel, source: str) -> None:
    kernel.cell(STATE)
    before = kernel.text("print(state())")
    ask = copy(kernel)
    run_in(ask, source)
    ask.channel.close()
    expected = copy(kernel).eval(call("draw")).value
    assert kernel.text("print(state())") == before
    assert kernel.text("print(draw())") == f"{expected}\n"


@pytest.mark.parametrize("source", CHANGES.values(), ids=CHANGES.keys())
def test_what_happens_in_a_copy_leaves_no_trace_in_another(kernel: Kernel, source: str) -> None:
    kernel.cell(STATE)
    other, ask = copy(kernel), copy(kernel)
    before = other.eval(call("state")).value
    run_in(ask, source)
    assert other.eval(call("state")).value == before
    other.channel.close()
    ask.channel.close()


def test_a_copy_prints_nothing_into_the_notebook(kernel: Kernel) -> None:
    kernel.cell("import os\ndef loud():\n    print('a'); os.write(1, b'b'); os.write(2, b'c')")
    ask = copy(kernel)
    assert ask.eval(call("loud")).head["output"] == "a\n"
    ask.channel.close()
    assert kernel.cell("None").outputs == []


def test_a_copy_computes_as_the_kernel_does(kernel: Kernel) -> None:
    kernel.cell("""
import torch
net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
x = torch.ones(2, 1, 8, 8)
def step():
    net.zero_grad(); net(x).square().sum().backward()
    return float(sum(p.grad.abs().sum() for p in net.parameters()))
""")
    value = float(kernel.text("print(step())"))
    ask = copy(kernel)
    assert ask.eval(call("step")).value == pytest.approx(value, rel=1e-5)
    ask.channel.close()


def test_a_copy_of_a_kernel_with_threads_answers(kernel: Kernel) -> None:
    kernel.cell("""
import threading, time
def spin():
    while True: time.sleep(0.001)
for _ in range(4): threading.Thread(target=spin, daemon=True).start()
def count(): return threading.active_count()
""")
    ask = copy(kernel)
    assert ask.eval(call("count")).value >= 1
    ask.channel.close()
    assert int(kernel.text("print(count())")) > 4


ENDS: dict[str, tuple[str, str]] = {
    "exit": ("os._exit(5)", "exit code 5"),
    "signal": ("os.abort()", "signal SIGABRT"),
}


@pytest.mark.parametrize(("source", "how"), ENDS.values(), ids=ENDS.keys())
def test_a_copy_that_ended_tells_how(kernel: Kernel, source: str, how: str) -> None:
    kernel.cell(f"import os\ndef end(): {source}")
    with pytest.raises(SessionLost) as caught:
        copy(kernel).eval(call("end"))
    assert str(caught.value) == f"ended its own process ({how})"


def test_a_copy_that_hangs_is_killed_with_no_harm_to_the_kernel(kernel: Kernel) -> None:
    kernel.cell("import os, time\ndef pid(): return os.getpid()\ndef hang(): time.sleep(600)")
    ask = copy(kernel)
    pid = ask.eval(call("pid")).value
    with pytest.raises(SessionLost, match=r"gave no answer within 0\.2 s"):
        ask.eval(call("hang"), timeout_s=0.2)
    assert kernel.text(f"print(os.path.exists('/proc/{pid}'))") == "False\n"


def test_copies_of_a_kernel_that_died_go_on(kernel: Kernel) -> None:
    kernel.cell("number = 7")
    ask = copy(kernel)
    with pytest.raises(CellFailed):
        kernel.cell("import os\nos._exit(1)")
    assert ask.eval(name("number")).value == 7
    ask.channel.close()


def test_there_are_as_many_copies_as_were_asked_for(start: Callable[..., Kernel]) -> None:
    kernel = start(sessions=2)
    copies: list[Any] = [kernel.run.fork(), kernel.run.fork()]
    with pytest.raises(CellFailed, match="ended too many of the processes") as caught:
        kernel.run.fork()
    assert caught.value.kind == "died"
    assert len({peer.socket.fileno() for peer in copies}) == 2
    assert kernel.text("print(1)") == "1\n"


def test_a_copy_cannot_reach_the_session_of_another(kernel: Kernel) -> None:
    kernel.cell("""
import os, socket
def sessions():
    count = 0
    for fd in range(3, 256):
        try:
            found = socket.socket(fileno=os.dup(fd))
            count += found.type == socket.SOCK_STREAM and found.getpeername() == b""
        except OSError:
            pass
    return count
""")
    copies = [copy(kernel) for _ in range(3)]
    counts = [ask.eval(call("sessions")).value for ask in copies]
    assert len(set(counts)) == 1
    for ask in copies:
        ask.channel.close()


def test_attributes_of_a_copys_objects_are_its_own(kernel: Kernel) -> None:
    kernel.cell("class Box: value = 1\nbox = Box()\ndef put(x): box.value = x")
    first, second = copy(kernel), copy(kernel)
    first.eval(call("put", 5))
    assert first.eval(attr(name("box"), "value")).value == 5
    assert second.eval(attr(name("box"), "value")).value == 1
    first.channel.close()
    second.channel.close()
