"""Ways out of the sandbox's rules that were once open."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.checks.context import CheckContext, running
from grader.checks.student import Student
from grader.checks.verdict import CheckFailed
from grader.errors import GraderError
from grader.sandbox.frames import Message
from grader.sandbox.launcher import ColdLauncher, WarmLauncher
from grader.sandbox.notebook_run import CellFailed
from grader.sandbox.session import Channel, SessionLost
from tests.sandbox.asking import Asking, call
from tests.sandbox.conftest import PRELOAD, Kernel
from tests.sandbox.test_session import Process

Start = Callable[..., Kernel]


def test_a_cold_launcher_starts_a_kernel(start: Start, cold: ColdLauncher) -> None:
    assert start(cold).text("print(1)") == "1\n"


@pytest.mark.parametrize("name", ["environ", "maps"])
def test_the_graders_environment_cannot_be_read(kernel: Kernel, name: str) -> None:
    with pytest.raises(CellFailed, match=r"PermissionError|FileNotFoundError"):
        kernel.cell(f"open('/proc/{os.getpid()}/{name}').read()")


def test_no_capabilities_are_left(kernel: Kernel) -> None:
    status = kernel.text("print(open('/proc/self/status').read())")
    assert "CapEff:\t0000000000000000" in status


def test_the_graders_terminal_is_out_of_reach(kernel: Kernel) -> None:
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(CellFailed, match=r"PermissionError|FileNotFoundError"):
            kernel.cell(f"import os\nos.open({os.ttyname(theirs)!r}, os.O_RDWR | os.O_NOCTTY)")
    finally:
        os.close(ours)
        os.close(theirs)


FORGE = """
import os
for fd in range(3, 256):
    try:
        if not os.readlink(f"/proc/self/fd/{fd}").startswith(("socket:", "anon_inode:")):
            os.write(fd, b"FORGED\\n")
    except OSError:
        pass
"""
RUNS = """
import sys
sys.path.insert(0, {root!r})
from tests.sandbox.conftest import PRELOAD, Kernel
from grader.sandbox.launcher import WarmLauncher
warm = WarmLauncher(PRELOAD)
kernel = Kernel(warm)
kernel.cell({source!r})
kernel.run.close()
warm.close()
"""


def test_a_cell_cannot_write_to_the_graders_own_stderr() -> None:
    command = [sys.executable, "-c", RUNS.format(root=os.getcwd(), source=FORGE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "FORGED" not in done.stderr


FORGES = """
import grader.sandbox.agent as agent
def forge(frames):
    agent.Agent.answer = lambda self, request: agent.Message(
        {"id": request.head["id"], "raised": {"type": "E", "message": "", "frames": frames}})
"""
ODD_FRAMES = ["5", "{}", "[5]", "[[1]]", "[[[1], 2, '', '']]", "[[1, 'x', '', '']]",
              "[[1, float('inf'), '', '']]", "[[1, None, '', '']]"]  # fmt: skip


@pytest.mark.parametrize("frames", ODD_FRAMES)
def test_forged_frames_are_the_students_fault(kernel: Kernel, frames: str) -> None:
    kernel.cell(FORGES + f"\ndef odd(): forge({frames})\ndef ok(): return 1")
    channel = Channel(kernel.run.fork)
    student = Student(channel, call_s=10.0, cells={}, scaffolds=Path("/nowhere"))
    with running(CheckContext()):
        student.odd()
        with pytest.raises(CheckFailed):
            student.ok()
    channel.close()


FLOOD = """
import threading
head = b'{"call_back": "f", "args": [], "kwargs": {}, "sizes": []}'
data = (struct.pack("<4sIQ", b"GRW1", len(head), 0) + head) * 2000
def drain():
    while sock.recv(1 << 20): pass
threading.Thread(target=drain, daemon=True).start()
while True: sock.sendall(data)
"""


class StillAnswering(Exception):
    """The deadline is long past."""


def test_a_flood_of_calls_back_does_not_outlast_the_limit() -> None:
    flood, began = Process(FLOOD), time.monotonic()

    def answer(_: Message) -> Message:
        if time.monotonic() - began > 0.3 + 2.0:
            raise StillAnswering
        time.sleep(0.001)  # as long as a small helper takes
        return Message({"value": {"k": "none"}})

    try:
        with pytest.raises(SessionLost, match="gave no answer within"):
            Channel(lambda: flood).request({"op": "x"}, [], 0.3, answer)
    finally:
        flood.kill()
        flood.socket.close()


HOSTILE = r"""
class Text(str):
    def __getitem__(self, index): return object()
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)
class OddText:
    def __repr__(self): return Text("x")
class OddMessage(Exception):
    def __str__(self): return Text("x")
class OddKind(Exception, metaclass=Meta): pass
class OddTrace(Exception):
    __traceback__ = property(lambda self: 5)
class OddPlace(SyntaxError):
    filename = property(lambda self: 1 / 0)
class OddName(Exception): pass
OddName.__name__ = Text("x")
def make(kind): return kind()
def throw(kind): raise kind
def spoil():
    import sys
    sys.stdout.getvalue = lambda: 1 / 0
    return 1
def ok(): return 1
"""
ODD = ["make(OddText)", "throw(OddMessage)", "throw(OddKind)", "throw(OddTrace)",
       "throw(OddPlace)", "throw(OddName)", "spoil()"]  # fmt: skip


@pytest.mark.parametrize("source", ODD)
def test_objects_that_lie_about_their_text_do_not_end_the_agent(
    kernel: Kernel, source: str
) -> None:
    from tests.sandbox.asking import name

    kernel.cell(HOSTILE)
    ask = Asking(kernel.run.fork)
    function, argument = source.rstrip(")").split("(")
    ask.eval(call(function, name(argument)) if argument else call(function))
    assert ask.eval(call("ok")).value == 1
    ask.channel.close()


def test_a_cell_that_raises_an_odd_exception_does_not_cost_the_kernel(kernel: Kernel) -> None:
    kernel.cell(HOSTILE)
    with pytest.raises(CellFailed) as caught:
        kernel.cell("throw(OddMessage)")
    assert caught.value.kind == "raised"  # is: 'died', after 20 s of waiting
    assert kernel.text("print(ok())") == "1\n"


def test_a_copy_goes_on_with_the_kernels_random_numbers(kernel: Kernel) -> None:
    kernel.cell("import random\nrandom.seed(7)\ndef draw(): return random.random()")
    first, second = Asking(kernel.run.fork), Asking(kernel.run.fork)
    drawn = [first.eval(call("draw")).value, second.eval(call("draw")).value]
    first.channel.close()
    second.channel.close()
    assert drawn == [float(kernel.text("print(draw())"))] * 2


def test_a_notebook_begins_with_the_random_numbers_of_its_seed(start: Start) -> None:
    import random

    drawn = float(start(seed=1).text("import random\nprint(random.random())"))
    assert drawn == random.Random(1).random()


def test_a_zygote_that_dies_under_a_job_is_not_the_students_fault() -> None:
    made = WarmLauncher(PRELOAD)
    kernel = Kernel(made)
    os.kill(made._process.pid, signal.SIGKILL)
    try:
        with pytest.raises(GraderError):
            kernel.cell("import time\ntime.sleep(600)", timeout_s=3)
    finally:
        kernel.run.close()
        made.close()


def test_a_long_temporary_folder_is_no_obstacle() -> None:
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / ("job-" + "7" * 76)
        long.mkdir()
        command = [sys.executable, "-c", RUNS.format(root=os.getcwd(), source="1")]
        environment = {**os.environ, "TMPDIR": str(long)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-300:]


@pytest.mark.parametrize(
    "source",
    ["os.chmod(SECRET, 0o666)", "os.utime(SECRET, (0, 0))", "os.setxattr(SECRET, 'user.a', b'1')",
     "import resource; resource.prlimit(GRADER, resource.RLIMIT_NPROC)"],
)  # fmt: skip
def test_what_the_files_layer_does_not_cover_is_not_called_enforced(
    kernel: Kernel, tmp_path: Path, source: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("x", encoding="utf-8")
    source = source.replace("SECRET", repr(str(secret))).replace("GRADER", str(os.getpid()))
    try:
        kernel.cell(f"import os\n{source}")
    except CellFailed:
        return
    state, detail = kernel.run.job.layers["files"]
    assert state != "enforced" or "not covered" in detail


JUNK = """
import os, stat
def junk():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, b"score: 100")
        except OSError:
            pass
    return 1
"""


def test_a_copy_does_not_hold_the_kernels_own_sockets(kernel: Kernel) -> None:
    kernel.cell(JUNK)
    ask, began = Asking(kernel.run.fork), time.monotonic()
    with pytest.raises(SessionLost):
        ask.eval(call("junk"), timeout_s=5.0)
    assert kernel.text("print(1)", timeout_s=3) == "1\n"
    assert time.monotonic() - began < 10
