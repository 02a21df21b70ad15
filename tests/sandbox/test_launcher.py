"""Launchers: every one starts jobs alike, says how they ended, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.sandbox.launcher import ColdLauncher, Launcher, WarmLauncher
from grader.sandbox.notebook_run import CellFailed
from grader.sandbox.spec import JobSpec
from grader.sandbox.tiers import TIERS
from tests.processes import below, running, soon
from tests.sandbox.asking import Asking, call
from tests.sandbox.conftest import PRELOAD, Kernel

LAUNCHERS: dict[str, type[WarmLauncher] | type[ColdLauncher]] = {"warm": WarmLauncher}


@pytest.fixture(params=LAUNCHERS)
def launcher(request: pytest.FixtureRequest) -> Launcher:
    """Each launcher, one for all tests."""
    shared: Launcher = request.getfixturevalue(request.param)
    return shared


@pytest.fixture
def started(launcher: Launcher, start: Callable[..., Kernel]) -> Callable[..., Kernel]:
    """Start a kernel with the launcher; the test's end closes it."""
    return lambda **spec: start(launcher, **spec)


Started = Callable[..., Kernel]


def test_a_job_runs_cells_and_serves_copies(started: Started) -> None:
    kernel = started()
    kernel.cell("def double(x): return 2 * x")
    assert kernel.text("print(double(2))") == "4\n"
    ask = Asking(kernel.run.fork)
    assert ask.eval(call("double", 4)).value == 8
    ask.channel.close()
    assert kernel.run.job.poll() is None


def test_a_job_says_how_it_is_confined(started: Started) -> None:
    layers = started().run.job.layers
    assert {"files", "network", "rlimit data"} <= layers.keys()
    assert all(state in ("enforced", "best effort", "absent") for state, _ in layers.values())


def test_a_job_gets_its_data_and_files(started: Started, tmp_path: Path) -> None:
    data, own = tmp_path / "data", tmp_path / "own.txt"
    (data / "my_images").mkdir(parents=True)
    (data / "my_images" / "a.txt").write_text("given", encoding="utf-8")
    (data / "both.txt").write_text("given", encoding="utf-8")
    own.write_text("own", encoding="utf-8")
    kernel = started(data=(data,), files={"both.txt": own, "deep/er/b.txt": own})
    names = ("my_images/a.txt", "both.txt", "deep/er/b.txt")
    told = kernel.text(f"for name in {names}: print(open(name).read())")
    assert told.split() == ["given", "own", "own"]
    kernel.cell("open('my_images/a.txt', 'w').write('changed')")
    assert (data / "my_images" / "a.txt").read_text(encoding="utf-8") == "given"


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/{folder}/out.txt"])
def test_files_are_not_put_outside_the_working_folder(
    started: Started, tmp_path: Path, name: str
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("own", encoding="utf-8")
    kernel = started(files={name.format(folder=tmp_path): own})
    assert list(kernel.run.job.folder.rglob("out.txt")) == []
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]


def test_a_job_gets_its_environment_and_readable_folders(started: Started, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("w", encoding="utf-8")
    tmp_path.chmod(0o755)  # a job may have a user of its own
    kernel = started(environment={"TORCH_HOME": str(tmp_path)}, readable=(tmp_path,))
    path = "os.environ['TORCH_HOME'] + '/weights'"
    assert kernel.text(f"import os\nprint(open({path}).read())") == "w\n"
    if kernel.run.job.layers["files"][0] == "enforced":
        with pytest.raises(CellFailed, match=r"PermissionError|Read-only file system"):
            kernel.cell(f"open({path}, 'w')")


def test_jobs_run_side_by_side(started: Started) -> None:
    first, second = started(), started()
    first.cell("x = 1")
    second.cell("x = 2")
    assert (first.text("print(x)"), second.text("print(x)")) == ("1\n", "2\n")
    assert first.run.job.folder != second.run.job.folder
    first.run.close()
    assert second.text("print(x)") == "2\n"


@pytest.mark.parametrize(("source", "code"), [("os._exit(5)", 5), ("os.kill(os.getpid(), 9)", -9)])
def test_a_job_that_ends_tells_its_exit_code(started: Started, source: str, code: int) -> None:
    kernel = started()
    with pytest.raises(CellFailed):
        kernel.cell(f"import os\n{source}")
    assert kernel.run.job.poll() == code


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGTERM", -15)])
def test_a_signal_reaches_the_kernel(started: Started, name: str, code: int) -> None:
    job = started().run.job
    job.signal(name)
    assert soon(lambda: job.poll() == code)
    job.signal(name)  # nobody is there, and nothing happens


def test_only_processes_of_the_job_are_killed_for_it(started: Started) -> None:
    kernel = started()
    kernel.cell("import subprocess\nslept = subprocess.Popen(['sleep', '600'])")
    own = int(kernel.text("print(slept.pid)"))
    with subprocess.Popen(["sleep", "600"]) as bystander:
        kernel.run.job.kill(bystander.pid)
        kernel.run.job.kill(1 << 22)
        kernel.run.job.kill(own)
        ended = soon(lambda: kernel.text("print(slept.poll())") == "-9\n")
        spared = bystander.poll() is None
        bystander.kill()
    assert ended and spared


LEFT = {
    "child": "subprocess.Popen(['sleep', '600'])",
    "session": "subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "daemon": "subprocess.call(['sh', '-c', 'setsid sleep 600 & setsid sleep 600 &'])",
    "deaf": "subprocess.Popen(['sh', '-c', 'trap \"\" TERM INT HUP; sleep 600; sleep 600'])",
    "stopped": "os.kill(subprocess.Popen(['sleep', '600']).pid, 19)",
    "many": "[subprocess.Popen(['sleep', '600']) for _ in range(40)]",
    "breeding": "subprocess.Popen(['sh', '-c', 'while :; do sleep 0.01 & wait; done'])",
    "dead kernel": "subprocess.Popen(['sleep', '600']); os._exit(1)",
}


@pytest.mark.parametrize("source", LEFT.values(), ids=LEFT.keys())
def test_the_end_of_a_job_leaves_nothing_behind(started: Started, source: str) -> None:
    before = below(os.getpid())
    kernel = started()
    folder = kernel.run.job.folder
    try:
        kernel.cell(f"import os, subprocess\n{source}\nopen('a.txt', 'w').write('a')")
    except CellFailed as failed:
        assert failed.kind == "died"
    assert below(os.getpid()) - before
    kernel.run.close()
    assert soon(lambda: below(os.getpid()) <= before)
    assert not folder.exists()


def test_ending_twice_is_ending_once(started: Started) -> None:
    job = started().run.job
    job.end()
    job.end()
    job.signal("SIGKILL")
    job.kill(os.getpid())
    assert not job.folder.exists()


def test_a_kernel_that_cannot_start_is_the_graders_fault(started: Started) -> None:
    with pytest.raises(GraderError, match="the student's kernel did not start") as caught:
        started(memory_mb=1)
    assert "exit code" in str(caught.value)


@pytest.mark.parametrize("kind", LAUNCHERS.values(), ids=LAUNCHERS.keys())
def test_closing_a_launcher_leaves_nothing_behind(
    kind: type[WarmLauncher] | type[ColdLauncher],
) -> None:
    before = below(os.getpid())
    made = kind(PRELOAD)
    made.wait_ready()
    kernel = Kernel(made)
    kernel.cell("import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)")
    folder = kernel.run.job.folder.parent
    kernel.run.close()
    assert folder.exists()
    made.close()
    assert soon(lambda: below(os.getpid()) <= before)
    assert not folder.exists()


def test_closing_a_launcher_ends_the_jobs_that_it_has() -> None:
    before = below(os.getpid())
    made = WarmLauncher(PRELOAD)
    kernel = Kernel(made)
    kernel.cell("import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)")
    made.close()
    assert soon(lambda: below(os.getpid()) <= before)
    kernel.run.close()


def test_launchers_say_how_a_kernel_comes_to_be() -> None:
    assert (WarmLauncher.kernel, ColdLauncher.kernel) == ("warm fork", "cold start")
    assert WarmLauncher.available() is (sys.platform == "linux")


@pytest.fixture
def light() -> Iterator[WarmLauncher]:
    """A zygote that has imported next to nothing."""
    made = WarmLauncher(["json", "no_such_module"])
    yield made
    made.close()


def only_child(before: set[int]) -> int:
    """The process that was started since."""
    (pid,) = below(os.getpid()) - before
    return pid


def test_what_cannot_be_imported_is_reported(light: WarmLauncher) -> None:
    light.wait_ready()
    light.wait_ready()
    error = "ModuleNotFoundError: No module named 'no_such_module'"
    assert light.missing == {"no_such_module": error}


@pytest.mark.parametrize("ready", [True, False], ids=["ready", "starting"])
def test_a_zygote_that_dies_is_the_graders_fault(ready: bool) -> None:
    before = below(os.getpid())
    made = WarmLauncher(["json"])
    pid = only_child(before)
    if ready:
        made.wait_ready()
    os.kill(pid, signal.SIGKILL)
    assert soon(lambda: not running(pid))
    with pytest.raises(GraderError, match=r"the warm process ended \(exit code -9\)"):
        made.launch(JobSpec(sessions=1), {"key": ""})
    made.close()


def test_an_interrupt_is_not_the_zygotes_to_handle() -> None:
    before = below(os.getpid())
    made = WarmLauncher(["json"])
    pid = only_child(before)
    made.wait_ready()
    os.kill(pid, signal.SIGINT)
    made.launch(JobSpec(sessions=1), {"key": ""}).end()
    assert running(pid)
    made.close()
    assert not running(pid)


def test_a_zygote_inherits_no_descriptor_but_its_own(tmp_path: Path) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("the answers", encoding="utf-8")
    before = below(os.getpid())
    with path.open(encoding="utf-8") as file:
        os.set_inheritable(file.fileno(), True)
        made = WarmLauncher(["json"])
        pid = only_child(before)
        made.wait_ready()
        links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    made.close()
    assert len(links) == 4
    assert str(path) not in links


def test_the_time_of_a_job_that_ended_is_known(warm: WarmLauncher) -> None:
    kernel = Kernel(warm)
    kernel.cell("import time\nwhile time.process_time() < 0.3: pass")
    kernel.run.close()
    assert 0.3 <= warm.last_job_cpu_s() < 60


GRADER = """
import sys, time
from tests.sandbox.conftest import PRELOAD, Kernel
from grader.sandbox.launcher import WarmLauncher
kernel = Kernel(WarmLauncher(PRELOAD))
kernel.cell("import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)")
print(flush=True)
time.sleep(600)
"""


def test_nothing_goes_on_when_the_grader_is_killed() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {os.getcwd()!r})\n{GRADER}"]
    with tempfile.TemporaryDirectory() as folder:  # what is killed cannot remove its own
        environment = {**os.environ, "TMPDIR": folder}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            family = below(process.pid)
            assert len(family) >= 4  # zygote, supervisor, kernel, and the kernel's child
            process.kill()
        assert soon(lambda: not any(map(running, family)))


@pytest.mark.parametrize("name", [name for name, tier in TIERS.items() if tier.available()])
def test_each_tier_runs_a_notebook(
    warm: WarmLauncher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Also where what it needs lies in a folder that only the grader may enter."""
    monkeypatch.setattr("grader.sandbox.spec.best_tier", TIERS[name])
    (tmp_path / "data.txt").write_text("given", encoding="utf-8")
    given = tmp_path / "data.txt"
    kernel = Kernel(warm, data=(tmp_path,), files={"own.txt": given})
    try:
        told = kernel.text("print(open('data.txt').read(), open('own.txt').read())")
        assert told == "given given\n"
        kernel.cell("import torch\ntorch.save(torch.ones(2), 'a')\ndef count(x): return len(x)")
        ask = Asking(kernel.run.fork)
        assert ask.eval(call("count", [1, 2])).value == 2
        ask.channel.close()
    finally:
        kernel.run.close()


@pytest.fixture
def crowded(started: Started) -> Kernel:
    """A kernel that may have 40 processes; skipped where nobody counts them."""
    kernel = started(processes=40)
    if kernel.run.job.layers.get("user", ("",))[0] != "enforced":
        pytest.skip("the system does not count the processes of this user")
    return kernel


BOMB = "import os\nwhile os.fork(): pass\nos.execlp('sleep', 'sleep', '600')"
THREADS = """import threading, time
while True:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"""


def test_processes_that_were_left_running_make_room_for_a_copy(crowded: Kernel) -> None:
    crowded.cell("def count(x): return len(x)")
    with contextlib.suppress(CellFailed):
        crowded.cell(BOMB)
    ask = Asking(crowded.run.fork)
    assert ask.eval(call("count", [1, 2])).value == 2
    ask.channel.close()


def test_a_kernel_without_room_for_a_copy_says_so_at_once(crowded: Kernel) -> None:
    with contextlib.suppress(CellFailed):
        crowded.cell(THREADS)
    began = time.monotonic()
    with pytest.raises(CellFailed, match="as many processes as it may") as caught:
        crowded.run.fork()
    assert caught.value.kind == "crowded"
    assert time.monotonic() - began < 10


def test_memory_is_named_where_the_system_has_ended_a_process_for_it(started: Started) -> None:
    kernel = started(memory_mb=600)
    if kernel.run.job.layers.get("memory", ("",))[0] != "enforced":
        pytest.skip("this system has no control groups for the grader")
    with pytest.raises(CellFailed, match="out of memory: its limit is 600 MiB"):
        kernel.cell("import mmap\nm = mmap.mmap(-1, 2 << 30)\nwhile m.write(bytes(1 << 20)): pass")


def test_no_group_of_a_job_is_left() -> None:
    before = below(os.getpid())
    made = WarmLauncher(PRELOAD)
    kernel = Kernel(made)
    groups = {name for pid in below(os.getpid()) - before for name in groups_of(pid)}
    made.close()  # in the middle of a job
    assert not [p for name in groups for p in Path("/sys/fs/cgroup").glob(f"**/{name}")]
    kernel.run.close()
    if not groups:
        pytest.skip("this system has no control groups for the grader")


def groups_of(pid: int) -> set[str]:
    """Names of a process's control groups that were made for a job."""
    with contextlib.suppress(OSError):
        return set(re.findall(r"grader-\d+-\w+", Path(f"/proc/{pid}/cgroup").read_text()))
    return set()
