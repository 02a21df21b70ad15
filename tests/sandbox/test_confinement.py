"""A student's kernel from inside: what it is given, what it can see, and what it cannot reach."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.sandbox.launcher import WarmLauncher
from grader.sandbox.notebook_run import CellFailed
from tests.sandbox.asking import Asking, call
from tests.sandbox.conftest import Kernel

Start = Callable[..., Kernel]
CELL = """
import os, resource, socket, sys
def outcome(source):
    try:
        exec(source, {"os": os})
    except BaseException as error:
        return type(error).__name__
    return "done"
"""


@pytest.fixture(scope="module")
def inside(warm: WarmLauncher) -> Iterator[Kernel]:
    """A kernel that tries things out."""
    kernel = Kernel(warm, sessions=40, environment={"GIVEN": "yes"})
    kernel.cell(CELL)
    yield kernel
    kernel.run.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the grader's."""
    path = tmp_path / "secret.txt"
    path.write_text("the answers", encoding="utf-8")
    return path


def confines(kernel: Kernel, layer: str) -> None:
    """Skip the test where the machine does not have a layer: the report says so."""
    state, detail = kernel.run.job.layers[layer]
    if state == "absent":
        pytest.skip(f"{layer}: {detail}")


def test_the_environment_holds_nothing_of_the_graders(inside: Kernel) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    names = set(inside.text("print(*os.environ)").split())
    assert {"PATH", "HOME", "TMPDIR", "GIVEN"} <= names
    assert names & os.environ.keys() <= {
        "PATH", "HOME", "TMPDIR", "LANG", "TERM", "PAGER", "GIT_PAGER", "CLICOLOR", "FORCE_COLOR",
        "CLICOLOR_FORCE", "MPLBACKEND", "MPLCONFIGDIR", "PYTHONHASHSEED", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GLIBC_TUNABLES", "PYDEVD_USE_FRAME_EVAL",
    }  # fmt: skip
    values = inside.text("print(os.environ['GIVEN'], os.environ['HOME'], os.environ['TMPDIR'])")
    folder = inside.run.job.folder
    assert values.split() == ["yes", str(folder / "home"), str(folder / "tmp")]


def test_the_first_environment_is_as_empty(inside: Kernel) -> None:
    text = inside.text("print(open('/proc/self/environ').read().replace(chr(0), chr(10)))")
    assert "HOME=/\n" in text
    assert "PYTEST" not in text


def test_the_command_line_names_no_file_of_the_graders(inside: Kernel) -> None:
    words = inside.text("print(open('/proc/self/cmdline').read().replace(chr(0), ' '))").split()
    assert words[1:4] == ["-I", "-m", "grader.sandbox.zygote"]
    assert not any(Path(word).is_absolute() for word in words[1:])


def test_the_process_has_never_seen_checks_or_answers(inside: Kernel) -> None:
    modules = inside.text("print(*sys.modules)").split()
    assert "grader.sandbox.agent" in modules
    foreign = ("grader.checks", "grader.rubric", "grader.assignment", "grader.report",
               "grader.submission", "reference", "rubrics", "hypothesis", "pytest")  # fmt: skip
    assert [name for name in modules if name.startswith(foreign)] == []
    assert inside.text("print('grader' in globals())") == "False\n"


def test_one_thread_computes(inside: Kernel) -> None:
    assert inside.text("import torch\nprint(torch.get_num_threads())") == "1\n"


def test_the_working_folder_is_the_jobs_own(inside: Kernel) -> None:
    assert inside.text("print(os.getcwd())").strip() == str(inside.run.job.work)
    told = inside.text("s = os.stat('.'); print(oct(s.st_mode & 0o777), s.st_uid == os.getuid())")
    assert told == "0o700 True\n"


WRITABLE = ["open('a', 'w')", "open(os.environ['HOME'] + '/a', 'w')",
            "open(os.environ['TMPDIR'] + '/a', 'w')",
            "import tempfile; tempfile.TemporaryFile()"]  # fmt: skip


@pytest.mark.parametrize("source", WRITABLE)
def test_the_jobs_own_folders_are_writable(inside: Kernel, source: str) -> None:
    assert inside.text(f"print(outcome({source!r}))") == "done\n"


# How what is out of reach looks: refused, or not there at all.
OUT_OF_REACH = ("PermissionError", "OSError", "FileNotFoundError", "ProcessLookupError",
                "AssertionError")  # fmt: skip

REACH = {
    "read": "open(SECRET).read()",
    "write": "open(SECRET, 'w')",
    "delete": "os.unlink(SECRET)",
    "list": "os.listdir(os.path.dirname(SECRET))",
    "link": "os.symlink(SECRET, 'l'); open('l').read()",
    "hard link": "os.link(SECRET, 'h')",
    "other jobs": "assert len(os.listdir(JOBS)) > 1",  # where it may look at all: only itself
    "the grader's code": "open(CODE).read()",
    "the grader's memory": "open('/proc/GRADER/mem', 'rb').read(1)",
    "the grader's folder": "os.listdir('/proc/GRADER/cwd/')",
    "its parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "its parent's program": "os.readlink(f'/proc/{os.getppid()}/exe')",
}


def written(source: str, kernel: Kernel, secret: Path) -> str:
    """Lines with the names that they use filled in."""
    told = {
        "SECRET": repr(str(secret)),
        "JOBS": repr(str(kernel.run.job.folder.parent)),
        "CODE": repr(__file__),
        "GRADER": str(os.getpid()),
    }
    for word, text in told.items():
        source = source.replace(word, text)
    return source


@pytest.mark.parametrize("source", REACH.values(), ids=REACH.keys())
def test_a_cell_does_not_reach_beyond_its_folders(
    inside: Kernel, secret: Path, source: str
) -> None:
    confines(inside, "files")
    told = inside.text(f"print(outcome({written(source, inside, secret)!r}))")
    assert told.strip() in OUT_OF_REACH
    assert secret.read_text(encoding="utf-8") == "the answers"


@pytest.mark.parametrize("attempt", ["read", "write", "delete", "list", "other jobs"])
def test_a_copy_is_confined_as_its_kernel_is(inside: Kernel, secret: Path, attempt: str) -> None:
    confines(inside, "files")
    ask = Asking(inside.run.fork)
    tried = written(REACH[attempt], inside, secret)
    assert ask.eval(call("outcome", tried)).value in OUT_OF_REACH
    ask.channel.close()


def test_a_shell_line_is_confined_as_its_kernel_is(inside: Kernel, secret: Path) -> None:
    confines(inside, "files")
    told = inside.text(f"!cat {secret}")
    assert "Permission denied" in told or "No such file" in told


def test_a_job_does_not_reach_the_files_of_another(start: Start) -> None:
    first, second = start(), start()
    confines(first, "files")
    first.cell("open('mine.txt', 'w').write('my answers')")
    second.cell(CELL)
    path = first.run.job.work / "mine.txt"
    assert first.text(f"print(open({str(path)!r}).read())") == "my answers\n"
    tried = f"open({str(path)!r})"
    assert second.text(f"print(outcome({tried!r}))").strip() in OUT_OF_REACH


def test_a_job_does_not_signal_another(start: Start) -> None:
    first, second = start(), start()
    confines(first, "signals")
    first.cell("import os")
    second.cell(CELL)
    pid = first.text("print(os.getpid())").strip()
    if second.text("print(os.getpid())").strip() != pid:  # its own, where numbers are private
        assert second.text(f"print(outcome('os.kill({pid}, 9)'))").strip() in OUT_OF_REACH
    second.text("import signal; signal.signal(9 - 7, signal.SIG_IGN)")
    assert second.text("print(outcome('os.kill(-1, 2)'))").strip() in {"done", *OUT_OF_REACH}
    assert first.text("print(1)") == "1\n"


@pytest.mark.parametrize("signal", [0, 2, 15, 9])
def test_a_job_does_not_signal_what_is_outside(inside: Kernel, signal: int) -> None:
    confines(inside, "signals")
    with subprocess.Popen(["sleep", "600"]) as bystander:
        told = inside.text(f"print(outcome('os.kill({bystander.pid}, {signal})'))")
        code = bystander.poll()
        bystander.kill()
    assert told.strip() in OUT_OF_REACH
    assert code is None


LIMITED = {
    "memory": ("x = bytearray(2 << 30)", "raised", "MemoryError"),
    "tensors": ("import torch\nx = torch.zeros(1 << 29)", "raised", "RuntimeError"),
    "files": ("open('large', 'wb').truncate(3 << 20)", "raised", "OSError"),
    "descriptors": ("x = [os.open('/dev/null', 0) for _ in range(2000)]", "raised", "OSError"),
}


@pytest.mark.parametrize(("source", "kind", "error"), LIMITED.values(), ids=LIMITED.keys())
def test_a_cell_that_passes_a_limit_fails_and_the_kernel_goes_on(
    start: Start, source: str, kind: str, error: str
) -> None:
    kernel = start(memory_mb=1500, file_mb=2)
    kernel.cell("import os\nx = None")
    with pytest.raises(CellFailed, match=error) as caught:
        kernel.cell(source)
    assert caught.value.kind == kind
    assert kernel.text("print(x)") == "None\n"


def test_a_kernel_that_has_used_its_time_is_ended(start: Start) -> None:
    kernel = start(cpu_s=2)
    with pytest.raises(CellFailed, match="out of CPU time: its limit is 2 s") as e:
        kernel.cell("while True: pass")
    assert e.value.kind == "died"
