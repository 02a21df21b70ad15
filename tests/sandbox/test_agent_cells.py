"""The agent: helpers lent by the grader, cells run again, scaffolds, and the frames of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from grader.sandbox.frames import Message
from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.notebook_run import NotebookRun
from grader.sandbox.session import SessionLost
from grader.sandbox.wire import Encoder, decode_reply
from tests.sandbox.asking import Asking, attr, call, item, name, ref
from tests.sandbox.conftest import Kernel

CELL_1 = """\
import numpy as np
rate = 0.5
seen = []
def helper(x): return "the student's own"
def uses_helper(x, **more): return helper(x, **more)
class Digits:
    def __len__(self): return -1
def last_of(*args): return Digits(*args)[-1], len(Digits(*args))
"""
CELL_2 = """\
def divides(x):
    return x / 0
def through_numpy():
    return np.vectorize(divides)(np.ones(1))
def deep(n): return deep(n - 1) if n else 1 / 0
def chained():
    try:
        divides(1)
    except ZeroDivisionError as error:
        raise ValueError("not my day") from error
def from_text(): exec("1 / 0")
def not_python(): exec("1 +")
def loud(): raise ValueError("a" * 5000)
def leaves(): raise SystemExit(3)
"""


@pytest.fixture(scope="module")
def student(warm: WarmLauncher) -> Iterator[Kernel]:
    """A kernel in which both cells have run."""
    kernel = Kernel(warm, sessions=120)
    kernel.cell(CELL_1)
    kernel.cell(CELL_2)
    yield kernel
    kernel.run.close()


@pytest.fixture
def ask(student: Kernel) -> Iterator[Asking]:
    """Requests to a fresh copy of the kernel."""
    asking = Asking(student.run.fork)
    yield asking
    asking.channel.close()


def giving(value: Callable[..., Any]) -> Callable[[Message], Message]:
    """The grader's side of a lent function."""

    def answer(message: Message) -> Message:
        head = message.head
        args = [decode_reply(message, node) for node in head["args"]]
        kwargs = {key: decode_reply(message, node) for key, node in head["kwargs"].items()}
        encoder = Encoder()
        node = encoder.encode(value(*args, **kwargs))
        return Message({"value": node}, tuple(encoder.buffers))

    return answer


def test_a_lent_function_is_called_in_the_grader(ask: Asking) -> None:
    ask("lend", name="helper", kind="function")
    right = giving(lambda x, power=1: x**power)
    x = np.arange(3.0)
    assert ask.eval(call("uses_helper", x, power=2), answer=right).value.tolist() == [0, 1, 4]
    assert ask.eval(call("uses_helper", 3), answer=right).value == 3
    assert ask.eval(attr(name("helper"), "__name__")).value == "helper"


def test_a_lent_function_gets_lists_as_arrays(ask: Asking) -> None:
    ask("lend", name="helper", kind="function")
    kind = giving(lambda x: type(x).__name__)
    assert ask.eval(call("uses_helper", [1, 2]), answer=kind).value == "ndarray"
    assert ask.eval(call("uses_helper", (1, 2)), answer=kind).value == "tuple"


def test_what_a_lent_function_refuses_is_raised_there(ask: Asking) -> None:
    ask("lend", name="helper", kind="function")
    refuse = Message({"refused": "ValueError: shapes differ"})
    reply = ask.eval(call("uses_helper", 1), answer=lambda _: refuse)
    assert reply.raised == ("ValueError", "ValueError: shapes differ")
    assert [frame[3] for frame in reply.frames] == ["uses_helper"]


def test_a_lent_function_takes_plain_values_only(ask: Asking) -> None:
    ask("lend", name="helper", kind="function")
    reply = ask.eval(call("uses_helper", name("Digits")))
    assert reply.raised == ("TypeError", "type has no encoding on the wire")


def test_a_lent_sequence_holds_the_graders_items(ask: Asking) -> None:
    ask("lend", name="Digits", kind="sequence")
    items = giving(lambda a, b: [a, b, np.float32(a + b)])
    assert ask.eval(call("last_of", 1, 2), answer=items).value == (3.0, 3)


def test_lending_leaves_other_copies_alone(student: Kernel, ask: Asking) -> None:
    ask("lend", name="helper", kind="function")
    other = Asking(student.run.fork)
    assert other.eval(call("uses_helper", 1)).value == "the student's own"
    other.channel.close()


def test_a_scaffold_sees_the_students_names_but_is_not_among_them(ask: Asking) -> None:
    source = "def twice():\n    return 2 * student['rate']\n__hidden = 1"
    held = ask("scaffold", source=source).value
    assert ask.eval(call(attr(ref(held.ref), "twice"))).value == 1.0
    assert ask.eval(name("twice")).head["missing"] == "twice"
    assert ask.eval(attr(ref(held.ref), "__hidden")).raised[0] == "AttributeError"


def test_a_scaffold_that_fails_shows_no_frame_of_the_students(ask: Asking) -> None:
    reply = ask("scaffold", source="1 / 0")
    assert reply.raised == ("ZeroDivisionError", "division by zero")
    assert reply.frames == []


def test_a_rerun_works_on_a_copy_of_the_names(ask: Asking) -> None:
    held = ask("rerun", sources=["rate = 2", "rate += 1; more = 1"], cells=[1, 2]).value
    assert ask.eval(item(ref(held.ref), "rate")).value == 3
    assert ask.eval(name("rate")).value == 0.5
    assert ask.eval(name("more")).head["missing"] == "more"


def test_a_rerun_tells_the_cell_and_line_that_raised(ask: Asking) -> None:
    reply = ask("rerun", sources=["rate = 2", "rate = 3\nrate / 0"], cells=[4, 7])
    assert reply.raised == ("ZeroDivisionError", "division by zero")
    assert reply.frames == [[7, 2, "rate / 0", "<module>"]]


def test_a_rerun_of_what_does_not_parse_tells_the_line(ask: Asking) -> None:
    reply = ask("rerun", sources=["x = 1\nx = = 2"], cells=[5])
    assert reply.raised[0] == "SyntaxError"
    assert reply.frames == [[5, 2, "x = = 2", ""]]


def test_a_replay_works_on_the_names_themselves(ask: Asking) -> None:
    assert ask("replay", sources=["rate = 2"], cells=[1]).value is None
    assert ask.eval(name("rate")).value == 2


@pytest.mark.parametrize(
    "source", ["1 / 0", "x = = 1", "raise SystemExit", "raise KeyboardInterrupt", "nowhere"]
)
def test_a_replay_goes_on_after_a_cell_that_fails(ask: Asking, source: str) -> None:
    ask("replay", sources=["rate = 1", source, "rate += 1"], cells=[1, 2, 3])
    assert ask.eval(name("rate")).value == 2


FRAMES = {
    "own line": ("divides(1)", [[2, 2, "return x / 0", "divides"]]),
    "through a library": (
        "through_numpy()",
        [
            [2, 4, "return np.vectorize(divides)(np.ones(1))", "through_numpy"],
            [2, 2, "return x / 0", "divides"],
        ],
    ),
    "the last of a chain": (
        "chained()",
        [[2, 10, 'raise ValueError("not my day") from error', "chained"]],
    ),
    "made-up code": (
        "from_text()",
        [[2, 11, 'def from_text(): exec("1 / 0")', "from_text"]],
    ),
    "made-up code that does not parse": (
        "not_python()",
        [[2, 12, 'def not_python(): exec("1 +")', "not_python"]],
    ),
    "an exit": ("leaves()", [[2, 14, "def leaves(): raise SystemExit(3)", "leaves"]]),
}


@pytest.mark.parametrize(("source", "frames"), FRAMES.values(), ids=FRAMES.keys())
def test_errors_carry_the_students_frames_only(
    ask: Asking, source: str, frames: list[list[Any]]
) -> None:
    function, args = source.rstrip(")").split("(")
    assert ask.eval(call(function, *map(int, args))).frames == frames


def test_errors_carry_the_innermost_frames(ask: Asking) -> None:
    reply = ask.eval(call("deep", 100))
    assert reply.raised[0] == "ZeroDivisionError"
    assert [frame[3] for frame in reply.frames] == ["deep"] * 12


def test_errors_have_short_messages(ask: Asking) -> None:
    assert ask.eval(call("loud")).raised == ("ValueError", "a" * 1000)


def test_an_expression_of_the_graders_shows_no_frame(ask: Asking) -> None:
    assert ask.eval(call("divides")).frames == []


def served_live(run: NotebookRun) -> Asking:
    """Requests to the kernel itself."""
    return Asking(run.serve_live)


def test_names_are_as_before_when_the_kernel_has_served(kernel: Kernel) -> None:
    kernel.cell("rate, seen = 1, [0]\ndef helper(x): return x")
    ask = served_live(kernel.run)
    ask("bind", name="rate", node=call("helper", 5))
    ask("bind", name="extra", node=call("helper", 6))
    ask("lend", name="helper", kind="function")
    ask("replay", sources=["del seen\nmore = 1"], cells=[1])
    assert ask.eval(name("rate")).value == 5
    ask.channel.close()
    assert kernel.text("print(rate, seen, helper(3))") == "1 [0] 3\n"
    assert kernel.text("print('extra' in globals(), 'more' in globals())") == "False False\n"


def test_a_kernel_that_has_served_serves_again(kernel: Kernel) -> None:
    for number in range(3):
        kernel.cell(f"number = {number}")
        ask = served_live(kernel.run)
        assert ask.eval(name("number")).value == number
        assert ask.channel.live
        ask.channel.close()


def test_a_kernel_that_hangs_while_it_serves_is_killed(kernel: Kernel) -> None:
    kernel.cell("import time\ndef hangs(): time.sleep(600)")
    ask = served_live(kernel.run)
    with pytest.raises(SessionLost, match=r"gave no answer within 0\.2 s") as caught:
        ask.eval(call("hangs"), timeout_s=0.2)
    assert caught.value.kind == "timeout"
    assert ask.channel.dead
