"""The agent: what each of its operations does in the student's process, takes and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.wire import Opaque
from tests.sandbox.asking import Asking, Expr, attr, call, item, name, ref
from tests.sandbox.conftest import Kernel

CELL = '''
import random, sys
import numpy as np, torch

answer = 42
table = {"a": [1, 2, 3], 2: "two"}

class Net:
    """Remembers."""
    bias = 0.5
    def __init__(self, width, *, deep=False):
        self.width, self.deep = width, deep
    def __call__(self, x):
        return x * self.width
    def twin(self):
        return Net(self.width)

empty = None
def double(x): return 2 * x
def same(x): return x
def keywords(**given): return given
def wider(net, by): return net.width + by
def draw(): return [random.random(), float(np.random.rand()), float(torch.rand(()))]
def nothing(): raise NotImplementedError
def uses_undefined(): return not_defined_anywhere
def says(text): print(text); print("and this", file=sys.stderr)
def adds(numbers): numbers.append(1)
def fills(array): array[...] = 7
def fills_first(arrays): arrays[0][...] = 7
def fills_keyword(array=None): array[...] = 7
'''


@pytest.fixture(scope="module")
def student(warm: WarmLauncher) -> Iterator[Kernel]:
    """A kernel in which CELL has run."""
    kernel = Kernel(warm, sessions=120)
    kernel.cell(CELL)
    yield kernel
    kernel.run.close()


@pytest.fixture
def ask(student: Kernel) -> Iterator[Asking]:
    """Requests to a fresh copy of the kernel."""
    asking = Asking(student.run.fork)
    yield asking
    asking.channel.close()


EXPRESSIONS = {
    "name": (name("answer"), 42),
    "attribute": (attr(name("Net"), "bias"), 0.5),
    "item": (item(name("table"), "a"), [1, 2, 3]),
    "item of an item": (item(item(name("table"), "a"), -1), 3),
    "call": (call("double", 21), 42),
    "keywords": (call("keywords", a=1, b=[2.0]), {"a": 1, "b": [2.0]}),
    "method": (call(attr(name("table"), "get"), 2), "two"),
    "attribute of a call": (attr(call("Net", 3, deep=True), "deep"), True),
    "call of a call": (call(call("Net", 3), 5), 15),
    "call as an argument": (call("double", call("double", 1)), 4),
    "object as an argument": (call("wider", call("Net", 3), 1), 4),
    "expression in a list": (call("same", [name("answer"), (call("double", 1),)]), [42, (2,)]),
    "expression in a keyword": (call("keywords", a=name("answer")), {"a": 42}),
}


@pytest.mark.parametrize(("expr", "value"), EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_expressions_have_the_value_that_they_have_in_python(
    ask: Asking, expr: Expr, value: Any
) -> None:
    assert ask.eval(expr).value == value


@pytest.mark.parametrize(
    "value", [np.arange(6.0).reshape(2, 3), np.float32(0.1), torch.arange(4.0), "ü", None, 2**70]
)
def test_values_go_there_and_back(ask: Asking, value: Any) -> None:
    back = ask.eval(call("same", value)).value
    assert type(back) is type(value)
    assert np.array_equal(back, value)


MISSING = {
    "name": name("nowhere"),
    "function": call("nowhere", 1),
    "argument": call("double", name("nowhere")),
    "keyword": call("keywords", a=name("nowhere")),
    "owner": attr(name("nowhere"), "x"),
    "index": item(name("table"), name("nowhere")),
}


@pytest.mark.parametrize("expr", MISSING.values(), ids=MISSING.keys())
def test_a_name_that_is_not_there_is_missing(ask: Asking, expr: Expr) -> None:
    head = ask.eval(expr).head
    assert head["missing"] == "nowhere"
    assert "raised" not in head and "value" not in head


RAISES = {
    "attribute": (attr(name("Net"), "depth"), "AttributeError"),
    "key": (item(name("table"), "b"), "KeyError"),
    "not callable": (call("answer"), "TypeError"),
    "signature": (call("double"), "TypeError"),
    "body": (call("nothing"), "NotImplementedError"),
    "name in the body": (call("uses_undefined"), "NameError"),
}


@pytest.mark.parametrize(("expr", "kind"), RAISES.values(), ids=RAISES.keys())
def test_what_student_code_raises_is_told(ask: Asking, expr: Expr, kind: str) -> None:
    reply = ask.eval(expr)
    assert reply.raised[0] == kind
    assert "missing" not in reply.head


NONSENSE = {
    "no such operation": ({"op": "dance"}, "KeyError"),
    "no node": ({"op": "eval"}, "KeyError"),
    "unknown node": ({"op": "eval", "node": {"k": "dance", "of": {"k": "none"}}}, "ValueError"),
    "unknown handle": ({"op": "eval", "node": {"k": "ref", "ref": 99}}, "KeyError"),
    "no buffer": (
        {"op": "eval", "node": {"k": "array", "dtype": "<f8", "shape": [1], "buf": 0}},
        "WireError",
    ),
    "bind without a name": ({"op": "bind", "node": {"k": "none"}}, "KeyError"),
    "seed of text": ({"op": "seed", "seed": "one"}, "TypeError"),
    "rerun without cells": ({"op": "rerun", "sources": ["x = 1"], "cells": []}, "ValueError"),
    "replay without cells": ({"op": "replay", "sources": ["x = 1"], "cells": []}, "ValueError"),
    "scaffold that does not parse": ({"op": "scaffold", "source": "("}, "SyntaxError"),
}


@pytest.mark.parametrize(("head", "kind"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_and_the_agent_goes_on(
    ask: Asking, head: dict[str, Any], kind: str
) -> None:
    reply = ask(**head)
    assert reply.raised[0] == kind
    assert reply.frames == []
    assert ask.eval(name("answer")).value == 42


def test_objects_stay_there_under_a_handle(ask: Asking) -> None:
    held = ask.eval(call("Net", 3)).value
    assert isinstance(held, Opaque)
    assert held.type == "__main__.Net"
    assert held.callable
    assert ask.eval(attr(ref(held.ref), "width")).value == 3
    assert ask.eval(call(attr(ref(held.ref), "twin"))).value.ref != held.ref


def test_a_plain_value_may_be_held_too(ask: Asking) -> None:
    held = ask.eval(call("double", 21), hold=True).value
    assert (held.type, held.text, held.callable) == ("int", "", False)
    assert ask.eval(ref(held.ref)).value == 42


def test_what_is_empty_says_so_where_it_is_held(ask: Asking) -> None:
    held = ask.eval(name("empty"), hold=True).value
    assert (held.type, held.text) == ("NoneType", "None")


def test_a_held_name_is_not_copied(ask: Asking) -> None:
    held = ask.eval(item(name("table"), "a"), hold=True).value
    ask.eval(call("adds", ref(held.ref)))
    assert ask.eval(item(name("table"), "a")).value == [1, 2, 3, 1]


CHANGED = {
    "array": (call("fills", np.zeros(2)), {"0": [7.0, 7.0]}),
    "tensor": (call("fills", torch.zeros(2)), {"0": [7.0, 7.0]}),
    "list": (call("adds", [0]), {"0": [0, 1]}),
    "scalars in a list": (call("same", [1, 2]), {}),
    "nothing": (call("same", np.zeros(2)), {}),
    "keyword": (call("fills_keyword", array=np.zeros(2)), {}),
}


@pytest.mark.parametrize(("expr", "changed"), CHANGED.values(), ids=CHANGED.keys())
def test_arguments_that_a_call_changed_come_back(
    ask: Asking, expr: Expr, changed: dict[str, Any]
) -> None:
    reply = ask.eval(expr)
    told = reply.mutated
    assert {i: v if isinstance(v, list) else v.tolist() for i, v in told.items()} == changed


def test_a_list_with_an_array_that_a_call_changed_comes_back(ask: Asking) -> None:
    ((first, second),) = ask.eval(call("fills_first", [np.zeros(2), 3])).mutated.values()
    assert first.tolist() == [7.0, 7.0]
    assert second == 3


def test_what_a_call_prints_comes_along(ask: Asking) -> None:
    assert ask.eval(call("says", "hello")).head["output"] == "hello\nand this\n"
    assert ask.eval(name("answer")).head["output"] == ""


def test_what_a_call_prints_is_bounded(ask: Asking) -> None:
    output = ask.eval(call("says", "a" * 100_000)).head["output"]
    assert output == "a" * 4000


def test_a_reply_tells_how_long_the_call_took(ask: Asking) -> None:
    assert 0 <= ask.eval(call("double", 1)).head["seconds"] < 30


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 1, 2**62])
def test_a_seed_makes_every_generator_repeat_itself(ask: Asking, seed: int) -> None:
    drawn = []
    for _ in range(2):
        assert ask("seed", seed=seed).value is None
        drawn.append(ask.eval(call("draw")).value)
    assert drawn[0] == drawn[1]
    assert ask.eval(call("draw")).value != drawn[0]


def test_binding_puts_a_value_under_a_name(ask: Asking) -> None:
    ask("bind", name="answer", node=call("same", np.ones(2)))
    assert ask.eval(name("answer")).value.tolist() == [1.0, 1.0]


def test_binding_can_name_one_of_the_students_objects(ask: Asking) -> None:
    ask("bind", name="double", node=name("same"))
    assert ask.eval(call("double", 3)).value == 3


def test_binding_to_what_is_missing_changes_nothing(ask: Asking) -> None:
    assert ask("bind", name="answer", node=name("nowhere")).head["missing"] == "nowhere"
    assert ask.eval(name("answer")).value == 42
