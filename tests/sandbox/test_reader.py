"""Plain values are told by the kernel itself, whatever else by a copy; neither leaves a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.session import Channel, Peer, SessionLost
from tests.sandbox.asking import Asking, Expr, Reply, attr, call, name
from tests.sandbox.conftest import Kernel

CELL = """
import os, numpy as np, torch
ran = []
number, text, rows = 2**70, "é", [(1, 2.5), {"a": None}]
array, scalar = np.arange(6.0).reshape(2, 3), np.float32(0.5)
vector = torch.tensor([1.0, 2.0], requires_grad=True)
(vector ** 2).sum().backward()
double = vector * 2

class Odd:
    def __getattribute__(self, key):
        ran.append(key); return 1
    def __repr__(self):
        ran.append("repr"); return "odd"
class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        ran.append("torch"); return super().__torch_function__(*args, **kwargs)
class Pair(tuple):
    pass
odd, inside, objects = Odd(), [1, Odd()], np.empty(1, dtype=object)
objects[0] = odd
ran.clear()  # NumPy has asked it whether it is an array
tensor, pair, sparse = torch.ones(2).as_subclass(Tensor), Pair((1, 2)), torch.eye(2).to_sparse()
class Ending(type):
    __module__ = property(lambda cls: os._exit(7))
class Ended(metaclass=Ending): pass
ending = Ended()
def f(): return os.getpid()
"""
PLAIN = {
    "number": 2**70,
    "text": "é",
    "rows": [(1, 2.5), {"a": None}],
    "array": np.arange(6.0).reshape(2, 3),
    "scalar": np.float32(0.5),
    "vector": torch.tensor([1.0, 2.0]),
    "double": torch.tensor([2.0, 4.0]),
}
IN_A_COPY = {
    "a class of the student's": name("odd"),
    "one inside of a list": name("inside"),
    "one inside of an array": name("objects"),
    "a subclass of a tensor": name("tensor"),
    "a subclass of a tuple": name("pair"),
    "a tensor that is not sent": name("sparse"),
    "a function": name("f"),
    "a call": call("f"),
    "an attribute that is code": attr(name("odd"), "width"),
    "another attribute of a tensor": attr(name("vector"), "data"),
}


class Watched:
    """A channel to a kernel, with a list of how each of its sessions was opened."""

    def __init__(self, kernel: Kernel) -> None:
        self.opened: list[str] = []

        def look() -> Peer:
            self.opened.append("kernel")
            return kernel.run.serve_live(looks=True)

        def copy() -> Peer:
            self.opened.append("copy")
            return kernel.run.fork()

        self.ask = Asking(copy)
        self.ask.channel = Channel(copy, look=look)

    def eval(self, expr: Expr, **head: Any) -> Reply:
        """Evaluate one expression."""
        return self.ask.eval(expr, **head)


@pytest.fixture(scope="module")
def student(warm: WarmLauncher) -> Iterator[Kernel]:
    """A kernel in which CELL has run."""
    kernel = Kernel(warm, sessions=120)
    try:
        kernel.cell(CELL)
        yield kernel
    finally:
        kernel.run.close()


@pytest.fixture
def watched(student: Kernel) -> Iterator[Watched]:
    """A channel that is closed after the test."""
    watched = Watched(student)
    yield watched
    watched.ask.channel.close()


@pytest.mark.parametrize("plain", PLAIN)
def test_a_plain_value_is_told_by_the_kernel(watched: Watched, plain: str) -> None:
    value = watched.eval(name(plain)).value
    np.testing.assert_equal(
        value.detach().numpy() if isinstance(value, torch.Tensor) else value,
        PLAIN[plain].numpy() if isinstance(PLAIN[plain], torch.Tensor) else PLAIN[plain],
    )
    assert watched.opened == ["kernel"]


def test_attributes_of_a_tensor_are_told_by_the_kernel(watched: Watched) -> None:
    grad = watched.eval(attr(name("vector"), "grad")).value
    leaf = watched.eval(attr(name("double"), "is_leaf")).value
    assert (grad.tolist(), leaf, watched.opened) == ([2.0, 4.0], False, ["kernel"])


def test_what_is_missing_is_said_by_the_kernel(watched: Watched) -> None:
    assert watched.eval(name("nowhere")).head["missing"] == "nowhere"
    assert watched.opened == ["kernel"]


def test_the_type_of_anything_is_told_by_the_kernel(watched: Watched) -> None:
    assert watched.eval(name("f"), hold=True).head["value"]["type"] == "function"
    assert watched.opened == ["kernel"]


@pytest.mark.parametrize("what", IN_A_COPY)
def test_anything_else_goes_to_a_copy(watched: Watched, what: str) -> None:
    assert watched.eval(name("number")).value == 2**70
    watched.eval(IN_A_COPY[what])
    assert watched.opened == ["kernel", "copy"]
    assert watched.eval(name("number")).value == 2**70  # and stays there
    assert watched.opened == ["kernel", "copy"]


def test_what_is_about_to_be_called_goes_to_a_copy_at_once(watched: Watched) -> None:
    watched.eval(name("f"), hold=True, function=True)
    assert watched.opened == ["copy"]


def test_no_code_of_the_students_ran_in_the_kernel(student: Kernel, watched: Watched) -> None:
    for expr in (*IN_A_COPY.values(), *map(name, PLAIN)):
        once = Watched(student)
        once.eval(name("number"))
        once.eval(expr)
        once.ask.channel.close()
    assert watched.eval(name("ran")).value == []
    assert watched.opened == ["kernel"]


def test_a_cell_runs_after_the_kernel_has_told_values(warm: WarmLauncher) -> None:
    kernel = Kernel(warm)
    kernel.cell("number = 1")
    first = Watched(kernel)
    assert first.eval(name("number")).value == 1
    first.ask.channel.close()
    kernel.cell("number += 1")
    second = Watched(kernel)
    assert second.eval(name("number")).value == 2
    second.ask.channel.close()
    kernel.run.close()


def test_a_type_that_ends_the_kernel_is_noticed(warm: WarmLauncher) -> None:
    kernel = Kernel(warm)
    kernel.cell(CELL)
    watched = Watched(kernel)
    with pytest.raises(SessionLost, match="exit code 7"):
        watched.eval(name("ending"), hold=True)
    assert watched.ask.channel.dead
    kernel.run.close()
