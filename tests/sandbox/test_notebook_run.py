"""A notebook's cells in a kernel: whatever they do costs what it must, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grader.errors import GraderError
from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.notebook_run import CellFailed
from tests.sandbox.conftest import Kernel

Start = Callable[..., Kernel]


@pytest.fixture(scope="module")
def hardy(warm: WarmLauncher) -> Iterator[Kernel]:
    """A kernel for cells that do not end it: one after the other, in any order."""
    kernel = Kernel(warm)
    kernel.cell("alive = 'alive'")
    yield kernel
    kernel.run.close()


def alive(kernel: Kernel) -> bool:
    """Whether the kernel goes on with its state."""
    return kernel.text("print(alive)") == "alive\n"


def failure(kernel: Kernel, source: str, timeout_s: float = 60.0) -> CellFailed:
    """How a cell fails."""
    with pytest.raises(CellFailed) as caught:
        kernel.cell(source, timeout_s)
    return caught.value


def test_what_a_cell_prints_and_shows_is_kept(hardy: Kernel) -> None:
    outputs = hardy.cell("import sys\nprint('out'); print('err', file=sys.stderr)\n1 + 1").outputs
    # The kernel sends its two streams one after the other, in any order.
    assert {(o.name, o.text) for o in outputs[:2]} == {("stdout", "out\n"), ("stderr", "err\n")}
    assert outputs[2].data["text/plain"] == "2"


def test_a_figure_comes_as_a_picture(hardy: Kernel) -> None:
    cell = hardy.cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
    assert cell.outputs[0].data["image/png"].startswith("iVBOR")


PRINTS = {
    "echo": ("!echo $((1 + 1))", "2"),
    "input": ("print(repr(input('Name: ')))", "Name: \n''"),
    "pip magic": ("%pip install torch", "not carried out: %pip install torch"),
    "pip": ("!pip install torch", "not carried out: pip install torch"),
    "download": ("!wget https://example.org/a.csv", "not carried out: wget"),
    "colab": ("from google.colab import drive\ndrive.mount('/content')", "does nothing"),
    "upload": ("from google.colab import files\nprint(files.upload())", "{}"),
}


@pytest.mark.parametrize(("source", "text"), PRINTS.values(), ids=PRINTS.keys())
def test_what_a_notebook_expects_of_its_home_is_there(
    hardy: Kernel, source: str, text: str
) -> None:
    assert text in hardy.text(source).replace("\r\n", "\n")


FAILS = {
    "raises": ("x = 1\nx / 0", "raised", "ZeroDivisionError: division by zero", 2),
    "sys.exit": ("import sys; sys.exit(3)", "raised", "SystemExit: 3", 1),
    "exit": ("exit()", "raised", "SystemExit: exit() was called", 1),
    "quit": ("quit()", "raised", "SystemExit: exit() was called", 1),
    "interrupt": ("raise KeyboardInterrupt", "raised", "KeyboardInterrupt: ", 1),
    "no name": ("nowhere", "raised", "NameError: name 'nowhere' is not defined", 1),
    "base": ("\nraise BaseException('b')", "raised", "BaseException: b", 1),
    "recursion": ("def f(): f()\nf()", "raised", "RecursionError: maximum recursion", 1),
    "syntax": ("x = 1\nx = = 2", "syntax", "SyntaxError: invalid syntax", 2),
    "indentation": ("def f():\nreturn 1", "syntax", "IndentationError: expected an indented", 2),
    "not closed": ("print((1, 2)", "syntax", "SyntaxError: ", 1),
    "own exception": ("class Oops(Exception): pass\nraise Oops('o')", "raised", "Oops: o", 2),
    "raised syntax": ("raise SyntaxError('s')", "syntax", "SyntaxError: s", 1),
}


@pytest.mark.parametrize(("source", "kind", "message", "line"), FAILS.values(), ids=FAILS.keys())
def test_a_cell_that_fails_tells_its_line_and_the_kernel_goes_on(
    hardy: Kernel, source: str, kind: str, message: str, line: int
) -> None:
    failed = failure(hardy, source)
    assert (failed.kind, str(failed)[: len(message)]) == (kind, message)
    assert failed.raised is not None
    assert failed.raised["frames"][-1][1] == line
    assert alive(hardy)


def test_a_long_message_is_cut(hardy: Kernel) -> None:
    failed = failure(hardy, "raise ValueError('a' * 100_000)")
    assert len(str(failed)) == 1000
    assert failed.raised is not None and len(failed.raised["message"]) == 1000


HANGS = {
    "sleeps": "import time\ntime.sleep(600)",
    "loops": "while True: pass",
    "waits for a thread": "import threading\nthreading.Event().wait()",
    "reads a pipe": "import os\nos.read(os.pipe()[0], 1)",
}


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS.keys())
def test_a_cell_that_hangs_is_interrupted_and_the_kernel_goes_on(
    hardy: Kernel, source: str
) -> None:
    failed = failure(hardy, f"print('begun')\n{source}", timeout_s=1)
    assert (failed.kind, str(failed)) == ("timeout", "ran longer than 1 s")
    assert alive(hardy)


def test_a_cell_that_will_not_stop_costs_the_kernel(kernel: Kernel) -> None:
    source = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    failed = failure(kernel, source, timeout_s=1)
    assert failed.kind == "died"
    assert str(failed) == "ran longer than 1 s and did not stop when interrupted"
    assert kernel.run.job.exit_code == -9


DIES = {
    "os._exit": ("import os; os._exit(0)", "exit code 0"),
    "exit code": ("import os; os._exit(77)", "exit code 77"),
    "SIGKILL": ("import os; os.kill(os.getpid(), 9)", "signal SIGKILL"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "signal SIGSEGV"),
    "all descriptors": ("import os; os.closerange(0, 1000)", "signal SIGABRT"),
}


@pytest.mark.parametrize(("source", "how"), DIES.values(), ids=DIES.keys())
def test_a_cell_that_ends_the_kernel_is_told_from_one_that_fails(
    kernel: Kernel, source: str, how: str
) -> None:
    failed = failure(kernel, f"print('begun')\n{source}")
    assert (failed.kind, str(failed)) == ("died", f"ended its own process ({how})")
    again = failure(kernel, "print(1)")
    assert (again.kind, str(again)) == ("died", f"ended its own process ({how})")
    with pytest.raises(CellFailed, match="the kernel ended") as caught:
        kernel.run.fork()
    assert caught.value.kind == "died"


def test_a_kernel_with_a_forged_signature_is_given_up(kernel: Kernel) -> None:
    failed = failure(kernel, "get_ipython().kernel.session.key = b'mine'")
    assert failed.kind == "died"
    assert str(failed).startswith("its kernel sent a malformed message (ValueError: Invalid Sig")
    assert failure(kernel, "1").kind == "died"


# The kernel's own loop would stop a tenth of a second after it was told to.
WAITS = "import asyncio\nawait asyncio.sleep(0.3)"

SPOILS = {
    "descriptors 0 to 2": "import os\nfor fd in (0, 1, 2): os.close(fd)",
    "working folder": "import os\nos.chdir('/')",
    "removed folder": "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
    "a thread that raises": "import threading\nthreading.Thread(target=lambda: 1 / 0).start()",
    "a thread that exits": "import threading, sys\nthreading.Thread(target=sys.exit).start()",
    "a child": "import os\nif os.fork() == 0: os._exit(0)",
    "a child that stays": "import subprocess\nsubprocess.Popen(['sleep', '600'])",
    "an exit handler": "import atexit, os\natexit.register(os._exit, 9)",
    "hooks": "import sys\nsys.excepthook = sys.displayhook = sys.settrace = lambda *_: 1 / 0",
    "a trace": "import sys\nsys.settrace(lambda *_: None); sys.setprofile(lambda *_: None)",
    "an alarm": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: None); signal.alarm(1)",
    "the recursion limit": "import sys\nsys.setrecursionlimit(400)",
    "the clock": "import time\ntime.time = time.monotonic = lambda: 0.0",
    "warnings": "import warnings\nwarnings.simplefilter('error')",
    "the main module": "import sys\nsys.modules['__main__'] = None",
    "an event loop": "import asyncio\nasyncio.get_running_loop().call_soon(lambda: 1 / 0)",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "shutdown": f"get_ipython().kernel.do_shutdown(False)\n{WAITS}",
    "restart": f"import IPython\nIPython.Application.instance().kernel.do_shutdown(True)\n{WAITS}",
    "asked to exit": f"get_ipython().ask_exit()\n{WAITS}",
}


@pytest.mark.parametrize("source", SPOILS.values(), ids=SPOILS.keys())
def test_the_kernel_goes_on_after_a_cell_that_spoils(start: Start, source: str) -> None:
    kernel = start()
    kernel.cell("alive = 'alive'")
    kernel.cell(source)
    assert alive(kernel)
    assert failure(kernel, "1 / 0").kind == "raised"
    assert alive(kernel)


def test_a_flood_of_output_is_cut(kernel: Kernel) -> None:
    cell = kernel.cell("alive = 'alive'\nfor _ in range(40): print('x' * (1 << 20))")
    text = "".join(output.text for output in cell.outputs)
    assert len(text) <= (16 << 20) + 100
    assert text.endswith("The output of this cell beyond 16 MiB was dropped.\n")
    assert alive(kernel)


def test_a_line_of_output_that_is_too_long_is_dropped(kernel: Kernel) -> None:
    cell = kernel.cell("alive = 'alive'\nprint('x' * (80 << 20))")
    assert cell.outputs[-1].text == "The output of this cell beyond 16 MiB was dropped.\n"
    assert alive(kernel)


@pytest.mark.parametrize("draw", ["np.random.rand()", "torch.rand(()).item()"])
def test_kernels_of_one_seed_draw_the_same(start: Start, draw: str) -> None:
    source = f"import numpy as np, torch\nprint({draw})"
    first, second, other = (start(seed=seed).text(source) for seed in (1, 1, 2))
    assert first == second != other


def test_closing_twice_is_closing_once(start: Start) -> None:
    kernel = start()
    kernel.run.close()
    kernel.run.close()
    with pytest.raises(GraderError, match="the notebook's kernel is not running"):
        assert kernel.run.job


def test_cells_are_counted_from_one(kernel: Kernel) -> None:
    def frames(source: str) -> Any:
        raised = failure(kernel, source).raised
        return raised["frames"] if raised else None

    assert frames("def fails():\n    return 1 / 0\nfails()") == [
        [1, 3, "fails()", "<module>"],
        [1, 2, "return 1 / 0", "fails"],
    ]
    assert [frame[0] for frame in frames("fails()")] == [2, 1]
