"""The agent: a student's objects that misbehave are observations and do not stop it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.session import SessionLost
from grader.sandbox.wire import Opaque
from tests.sandbox.asking import Asking, attr, call, name, ref
from tests.sandbox.conftest import Kernel

CELL = r"""
import os, signal, sys, threading
import numpy as np, torch

def ok(): return 1
def same(x): return x

def raising(*names):
    "A class whose methods of these names raise."
    def fails(*_, **__): raise RuntimeError("not for you")
    return type("Odd", (), {name: fails for name in names})

class Exits:
    def __repr__(self): sys.exit(3)
class Interrupts:
    def __repr__(self): raise KeyboardInterrupt
class Endless:
    def __repr__(self): return repr(self)
class LongText:
    def __repr__(self): return "a" * 10_000_000
class HalfCharacter:
    def __repr__(self): return "\ud800"
class NotText:
    def __repr__(self): return 5
class NoAttributes:
    def __getattribute__(self, name): raise RuntimeError(name)
class Everything:
    def __getattr__(self, name): return self
    def __call__(self, *_): return self
class Pickled:
    def __reduce__(self): os._exit(1)
    __reduce_ex__ = __deepcopy__ = __copy__ = __reduce__
class NoClass:
    @property
    def __class__(self): raise RuntimeError("no class")
class Impostor:
    @property
    def __class__(self): return torch.Tensor
class Meta(type):
    def __repr__(cls): raise RuntimeError("no")
    def __eq__(cls, other): raise RuntimeError("no")
    def __hash__(cls): raise RuntimeError("no")
class OddKind(metaclass=Meta): pass
class LongName: pass
LongName.__qualname__ = "N" * 100_000
class OddDict(dict):
    def items(self): raise RuntimeError("no items")
    def __iter__(self): raise RuntimeError("no iteration")
class EmptyDict(dict):
    def __len__(self): return -1
class OddArray(np.ndarray):
    def __array_finalize__(self, other): raise RuntimeError("no views")
class OddTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *_, **__): raise RuntimeError("no operations")
    def __repr__(self): raise RuntimeError("no text")

def array(): return np.ndarray.__new__(np.ndarray, 2).view(OddArray)
def tensor(): return torch.ones(2).as_subclass(OddTensor)
def own(): x = [1]; x.append(x); return x
def keys(): return {LongText(): 1, frozenset(): 2}
def make(kind): return kind()

class MuteError(Exception):
    def __str__(self): raise RuntimeError("no text")
    __repr__ = __str__
class ExitingError(Exception):
    def __str__(self): sys.exit()
class LongError(Exception):
    def __str__(self): return "a" * 10_000_000
class HalfError(Exception):
    def __str__(self): return "\ud800"
class LongNamed(Exception): pass
LongNamed.__name__ = "E" * 100_000
class OwnLine(SyntaxError):
    def __init__(self): self.filename, self.lineno, self.text = NoAttributes, "one", 5
def throw(kind): raise kind
def interrupt(): raise KeyboardInterrupt
def not_an_exception(): raise 5
def group():
    error = ValueError("inner")
    error.__cause__ = error.__context__ = error
    raise error

def no_stdout(): sys.stdout = sys.stderr = None; print("x"); return 1
def closed_stdout(): print("before"); sys.stdout.close(); return 1
def closed_files(): os.closerange(0, 3); return 1
def odd_print(): sys.stdout.write(5)
def odd_names(): globals().clear(); return 1
def thread_raises():
    t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join(); return 1
def handler(): signal.signal(signal.SIGTERM, lambda *_: 1 / 0); os.kill(os.getpid(), 15)
def recursion(): return recursion()
def low_limit(): sys.setrecursionlimit(60); return [[[[]]]]
def patched():
    np.asarray = np.ascontiguousarray = torch.allclose = lambda *_, **__: 1 / 0
    return 1
"""


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


def goes_on(ask: Asking) -> bool:
    """Whether the same process still answers."""
    return bool(ask.channel.is_open and ask.eval(call("ok")).value == 1)


OBJECTS = {
    "Exits": ("Exits", "<repr raised SystemExit>"),
    "Interrupts": ("Interrupts", "<repr raised KeyboardInterrupt>"),
    "Endless": ("Endless", "<repr raised RecursionError>"),
    "NotText": ("NotText", "<repr raised TypeError>"),
    "LongText": ("LongText", "a" * 500),
    "HalfCharacter": ("HalfCharacter", "?"),
}


@pytest.mark.parametrize(("kind", "text"), OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_with_an_odd_text_are_held(ask: Asking, kind: str, text: str) -> None:
    held = ask.eval(call("make", name(kind))).value
    assert held == Opaque(f"__main__.{kind}", text, held.ref, False)
    assert goes_on(ask)


@pytest.mark.parametrize("kind", ["Everything", "Pickled", "Impostor", "OddKind", "NoAttributes"])
def test_objects_that_misbehave_are_held_or_raise(ask: Asking, kind: str) -> None:
    reply = ask.eval(call("make", name(kind)))
    assert ("raised" in reply.head) or isinstance(reply.value, Opaque)
    assert goes_on(ask)


METHODS = ["__repr__", "__eq__", "__hash__", "__bool__", "__len__", "__iter__", "__reduce__",
           "__getstate__", "__del__", "__format__", "__sizeof__", "__array__"]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_raises_does_not_stop_the_agent(ask: Asking, method: str) -> None:
    kind = ask.eval(call("raising", method)).value
    held = ask.eval(call(ref(kind.ref)), hold=True).value
    assert held.type == "__main__.Odd"
    assert ask.eval(call("same", ref(held.ref))).value.type == "__main__.Odd"
    assert goes_on(ask)


@pytest.mark.parametrize("made", ["array", "tensor", "own", "keys"])
def test_values_that_misbehave_are_told_held_or_raise(ask: Asking, made: str) -> None:
    reply = ask.eval(call(made))
    assert "raised" in reply.head or reply.value is not None
    assert goes_on(ask)


@pytest.mark.parametrize("kind", ["OddDict", "EmptyDict"])
def test_dicts_that_misbehave_are_told_held_or_raise(ask: Asking, kind: str) -> None:
    reply = ask.eval(call("make", name(kind)))
    assert "raised" in reply.head or reply.value == {}
    assert goes_on(ask)


def test_a_long_name_of_a_class_is_cut(ask: Asking) -> None:
    held = ask.eval(call("make", name("LongName"))).value
    assert held.type == f"__main__.{'N' * 191}"


def test_an_object_with_every_attribute_gives_an_object_each_time(ask: Asking) -> None:
    held = ask.eval(call("make", name("Everything"))).value
    assert ask.eval(attr(ref(held.ref), "k")).value.type == "__main__.Everything"
    assert ask.eval(call(attr(ref(held.ref), "__anything__"), 1)).value.type.endswith("Everything")


ERRORS = {
    "MuteError": ("MuteError", "<str raised RuntimeError>"),
    "ExitingError": ("ExitingError", "<str raised SystemExit>"),
    "LongError": ("LongError", "a" * 1000),
    "HalfError": ("HalfError", "\ud800"),
    "LongNamed": ("E" * 100, ""),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_exceptions_that_misbehave_are_told(ask: Asking, kind: str) -> None:
    reply = ask.eval(call("throw", name(kind)))
    expected, message = ERRORS[kind]
    assert reply.raised == (expected, message.encode("utf-8", "replace").decode())
    assert [frame[3] for frame in reply.frames] == ["throw"]
    assert goes_on(ask)


RAISED = {
    "interrupt": "KeyboardInterrupt",
    "not_an_exception": "TypeError",
    "group": "ValueError",
    "odd_print": "TypeError",
    "handler": "ZeroDivisionError",
    "recursion": "RecursionError",
}


@pytest.mark.parametrize(("function", "kind"), RAISED.items(), ids=RAISED.keys())
def test_whatever_a_call_raises_is_an_observation(ask: Asking, function: str, kind: str) -> None:
    assert ask.eval(call(function)).raised[0] == kind
    assert goes_on(ask)


def test_an_exceptions_own_idea_of_its_place_is_not_believed(ask: Asking) -> None:
    reply = ask.eval(call("throw", name("OwnLine")))
    assert reply.raised[0] == "OwnLine"
    assert [frame[3] for frame in reply.frames] == ["throw"]
    assert goes_on(ask)


@pytest.mark.parametrize(
    "function", ["no_stdout", "closed_stdout", "closed_files", "thread_raises", "patched"]
)
def test_a_call_that_spoils_its_surroundings_is_answered(ask: Asking, function: str) -> None:
    assert ask.eval(call(function)).value == 1
    assert goes_on(ask)


def test_what_was_printed_to_a_closed_stdout_is_told(ask: Asking) -> None:
    assert ask.eval(call("closed_stdout")).head["output"] == "before\n"


def test_names_that_a_call_deletes_are_missing(ask: Asking) -> None:
    assert ask.eval(call("odd_names")).value == 1
    assert ask.eval(name("ok")).head["missing"] == "ok"


def test_a_low_recursion_limit_is_the_students_own(ask: Asking) -> None:
    reply = ask.eval(call("low_limit"))
    assert "raised" in reply.head or reply.value == [[[[]]]]


ENDS = {
    "os._exit(0)": "exit code 0",
    "os._exit(77)": "exit code 77",
    "os.abort()": "signal SIGABRT",
    "os.kill(os.getpid(), signal.SIGKILL)": "signal SIGKILL",
}


@pytest.mark.parametrize(("source", "how"), ENDS.items(), ids=ENDS.keys())
def test_a_call_that_ends_its_process_costs_that_process_only(
    student: Kernel, source: str, how: str
) -> None:
    ask = Asking(student.run.fork)
    ask("replay", sources=[f"def end(): {source}"], cells=[1])
    with pytest.raises(SessionLost) as caught:
        ask.eval(call("end"))
    assert (caught.value.kind, str(caught.value)) == ("ended", f"ended its own process ({how})")
    assert not ask.channel.dead
    assert ask.eval(call("ok")).value == 1
    ask.channel.close()
