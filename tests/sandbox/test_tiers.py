"""Isolation tiers: each layer that is reported holds when it is tried from inside."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox.tiers import TIERS, LayerStates, Policy, best_tier

AVAILABLE = [label for label, tier in TIERS.items() if tier.available()]
STATES = {"enforced", "best effort", "absent"}
LIMITS = ["core", "cpu", "data", "fsize", "nofile", "nproc", "msgqueue"]
INSIDE = """
import json, os, sys
from grader.sandbox.tiers import TIERS, Policy
told = json.loads(sys.argv[1])
for name in told["before"]:
    __import__(name)
print(json.dumps(TIERS[told["tier"]]().confine(Policy.from_json(told["policy"]))), flush=True)
exec(told["source"], {"os": os, **told["names"]})
"""


class Confined:
    """Runs lines of Python in a process that has confined itself."""

    LIBRARIES = ("/usr", "/lib", "/lib64", "/proc", sys.prefix, sys.base_prefix)

    def __init__(self, tier: str, folder: Path) -> None:
        self.tier = tier
        self.work, self.secret = folder / "work", folder / "secret.txt"
        self.work.mkdir()
        self.secret.write_text("the answers", encoding="utf-8")

    def policy(self, **changes: Any) -> Policy:
        """What the process may use: its folder, the system's libraries and little else."""
        given = {
            "writable": (str(self.work),),
            "readable": self.LIBRARIES,
            "cpu_s": 60,
            "memory_mb": 1024,
            "processes": 4096,
            "file_mb": 64,
        }
        return Policy(**{**given, **changes})  # type: ignore[arg-type]

    def run(
        self, source: str, before: tuple[str, ...] = (), **changes: Any
    ) -> tuple[LayerStates, str, int]:
        """The layers, what the source prints, and how the process ended."""
        told = {
            "tier": self.tier,
            "policy": self.policy(**changes).to_json(),
            "source": source,
            "before": before,
            "names": {"WORK": str(self.work), "SECRET": str(self.secret), "GRADER": os.getpid()},
        }
        done = subprocess.run(
            [sys.executable, "-I", "-c", INSIDE, json.dumps(told)],
            cwd=self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
        first, _, rest = done.stdout.partition("\n")
        layers = {layer: (state[0], state[1]) for layer, state in json.loads(first).items()}
        return layers, rest, done.returncode

    def outcome(self, source: str, **changes: Any) -> str:
        """'done', or the exception's name, of lines that are tried inside."""
        lines = "\n".join(f"    {line}" for line in source.splitlines())
        tried = f"try:\n{lines}\n    print('done')\nexcept BaseException as e:\n    print(repr(e))"
        return self.run(tried, **changes)[1].partition("(")[0].strip()


@pytest.fixture(params=AVAILABLE)
def confined(request: pytest.FixtureRequest, tmp_path: Path) -> Confined:
    """Each tier that this machine can make."""
    return Confined(request.param, tmp_path)


@pytest.fixture
def landlock(tmp_path: Path) -> Confined:
    """The tier that confines files."""
    if "landlock" not in AVAILABLE:
        pytest.skip("this kernel has no Landlock")
    return Confined("landlock", tmp_path)


@pytest.fixture
def layers(landlock: Confined) -> LayerStates:
    """What the tier reports."""
    return landlock.run("")[0]


def test_the_best_tier_is_the_first_that_can_be_made() -> None:
    assert best_tier().name == AVAILABLE[0]
    assert AVAILABLE[-1] == "process"


# Dismissed while it forks: what a handler raises there is printed by Python, and lost.
DISMISSED = """
import os, signal
from grader.sandbox.tiers import TIERS
def dismiss(number, frame):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, dismiss)
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    TIERS["namespaces"].available()
except KeyboardInterrupt:
    print("dismissed")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_a_dismissal_waits_until_it_is_known_what_can_be_made() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DISMISSED], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("dismissed\n", "")


def test_tiers_are_known_by_their_own_names() -> None:
    assert {label: tier.name for label, tier in TIERS.items()} == {k: k for k in TIERS}


def test_a_policy_survives_the_way_to_the_job() -> None:
    policy = Policy(("/a", "/b"), ("/c",), 1, 2, 3, 4, open_files=5, network=True)
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


def test_every_layer_has_a_state(confined: Confined) -> None:
    layers, _, code = confined.run("")
    assert code == 0
    assert {state for state, _ in layers.values()} <= STATES
    assert {f"rlimit {name}" for name in LIMITS} | {"files", "network"} <= set(layers)


def test_the_process_tier_claims_no_more_than_limits(tmp_path: Path) -> None:
    process = Confined("process", tmp_path)
    layers, text, _ = process.run("print(open(SECRET).read())")
    assert text == "the answers\n"
    assert layers["files"][0] == layers["network"][0] == "absent"
    claimed = {name for name, (state, _) in layers.items() if state != "absent"}
    assert all(name.startswith("rlimit ") for name in claimed)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a user id away")
def test_the_process_tier_gives_a_job_a_user_where_root_grades(tmp_path: Path) -> None:
    assert (TIERS["process"]().user(["/usr"]) or 0) >= 1_000_000_000
    process, user = Confined("process", tmp_path), 1_000_000_007
    process.secret.chmod(0o600)
    layers, text, _ = process.run("print(os.getresuid())", user=user)
    assert text == f"({user}, {user}, {user})\n"
    assert {layers[name][0] for name in ("user", "capabilities")} == {"enforced"}
    assert layers["files"][0] == layers["network"][0] == "absent"
    for source in ("open(SECRET)", "os.kill(GRADER, 0)", "os.setuid(0)"):
        assert process.outcome(source, user=user) == "PermissionError"


OUTSIDE = {
    "read": "open(SECRET).read()",
    "read by a link": "os.symlink(SECRET, 'mine'); open('mine').read()",
    "read through /proc": "open('/proc/self/cwd/../secret.txt').read()",
    "list": "os.listdir(os.path.dirname(SECRET))",
    "walk up": "os.listdir(WORK + '/..')",
    "write": "open(SECRET, 'w')",
    "append": "open(SECRET, 'a')",
    "truncate": "os.truncate(SECRET, 0)",
    "delete": "os.unlink(SECRET)",
    "rename": "os.rename(SECRET, SECRET + '2')",
    "move in": "os.rename(SECRET, WORK + '/mine')",
    "move out": "open('mine', 'w').close(); os.rename('mine', SECRET)",
    "create": "open(SECRET + '2', 'w')",
    "folder": "os.mkdir(SECRET + '2')",
    "link": "os.symlink('/', SECRET + '2')",
    "hard link in": "os.link(SECRET, WORK + '/mine')",
    "pipe": "os.mkfifo(SECRET + '2')",
}
SYSTEM = {
    "root": "os.listdir('/')",
    "temporary files": "os.listdir('/tmp')",
    "passwords": "open('/etc/shadow').read()",
    "system folder": "open('/usr/mine', 'w')",
    "device": "os.mknod(WORK + '/null', 0o20666, os.makedev(1, 3))",
    "kernel setting": "open('/proc/sys/kernel/core_pattern', 'w')",
    "mount": """import ctypes
if ctypes.CDLL(None).mount(b"x", WORK.encode(), b"tmpfs", 0, None):
    raise PermissionError""",
}
REACH = {**OUTSIDE, **SYSTEM}
REFUSED = ("PermissionError", "OSError")


@pytest.mark.parametrize("source", REACH.values(), ids=REACH.keys())
def test_files_outside_are_out_of_reach(
    landlock: Confined, layers: LayerStates, source: str
) -> None:
    assert layers["files"][0] == "enforced"
    assert landlock.outcome(source) in REFUSED
    assert landlock.secret.read_text(encoding="utf-8") == "the answers"
    assert {path.name for path in landlock.secret.parent.iterdir()} == {"work", "secret.txt"}


@pytest.mark.parametrize("source", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_files_outside_are_within_reach_where_that_is_said(tmp_path: Path, source: str) -> None:
    assert Confined("process", tmp_path).outcome(source) == "done"


def test_a_child_is_confined_as_its_parent_is(landlock: Confined) -> None:
    source = "import subprocess\nprint(subprocess.call(['/usr/bin/cat', SECRET]))"
    assert landlock.run(source)[1] == "1\n"


def test_a_thread_is_confined_as_its_process_is(landlock: Confined) -> None:
    source = "import threading\nt = threading.Thread(target=lambda: print(open(SECRET).read()))"
    assert landlock.run(f"{source}\nt.start(); t.join(); print('joined')")[1] == "joined\n"


ALLOWED = {
    "files of its own": "open('a', 'w').write('b'); os.rename('a', 'c'); os.unlink('c')",
    "folders": "os.makedirs('a/b'); os.symlink('a', 'l'); os.mkfifo('p'); os.link('p', 'q')",
    "libraries": "import decimal, sqlite3; open('/usr/bin/env', 'rb').read(1)",
    "programs": "import subprocess; subprocess.run(['/usr/bin/true'], check=True)",
    "null": "open('/dev/null', 'w').write('x'); open('/dev/urandom', 'rb').read(1)",
    "shared memory": "import multiprocessing.shared_memory as m\n"
    "s = m.SharedMemory(create=True, size=10); s.close(); s.unlink()",
    "itself": "open('/proc/self/status').read(); os.kill(os.getpid(), 0)",
    "a child": "import subprocess\np = subprocess.Popen(['sleep', '9'])\np.kill(); p.wait()",
    "a socket pair": "import socket\na, b = socket.socketpair()\na.send(b'x'); b.recv(1)",
}


@pytest.mark.parametrize("source", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_ordinary_code_does_is_allowed(confined: Confined, source: str) -> None:
    assert confined.outcome(source) == "done"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user, outside."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


SIGNALS = {
    "signal 0": "os.kill(PID, 0)",
    "SIGTERM": "os.kill(PID, 15)",
    "SIGKILL": "os.kill(PID, 9)",
    "by descriptor": "import signal; signal.pidfd_send_signal(os.pidfd_open(PID), 9)",
    "its parent": "os.kill(os.getppid(), 0)",
    "the grader": "os.kill(GRADER, 0)",
}


@pytest.mark.parametrize("source", SIGNALS.values(), ids=SIGNALS.keys())
def test_signals_stay_inside(
    landlock: Confined, layers: LayerStates, bystander: subprocess.Popen[bytes], source: str
) -> None:
    if layers["signals"][0] == "absent":
        pytest.skip("this kernel does not scope signals, and the report says so")
    assert landlock.outcome(source.replace("PID", str(bystander.pid))) == "PermissionError"
    assert bystander.poll() is None


PEEKS = {
    "memory": "open('/proc/PID/mem', 'rb').read(1)",
    "folder": "os.readlink('/proc/PID/cwd')",
    "files through its root": "open('/proc/PID/root' + SECRET).read()",
    "descriptors": "os.readlink('/proc/PID/fd/1')",
    "program": "os.readlink('/proc/PID/exe')",
    "oom score": "open('/proc/PID/oom_score_adj', 'w').write('1000')",
    "ptrace": "import ctypes; c = ctypes.CDLL(None)\nif c.ptrace(0x4206, PID, 0, 0): raise OSError",
}


@pytest.mark.parametrize("source", PEEKS.values(), ids=PEEKS.keys())
def test_the_graders_process_cannot_be_read(
    landlock: Confined, bystander: subprocess.Popen[bytes], source: str
) -> None:
    for pid in (os.getpid(), bystander.pid):
        assert landlock.outcome(source.replace("PID", str(pid))) in REFUSED


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of something that listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


CONNECTS = {
    "connect": "socket.create_connection(('127.0.0.1', PORT), 5)",
    "bind": "socket.create_server(('127.0.0.1', 0))",
    "urllib": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:PORT')",
}


@pytest.mark.parametrize("source", CONNECTS.values(), ids=CONNECTS.keys())
def test_tcp_is_refused_where_that_is_claimed(
    landlock: Confined, layers: LayerStates, listener: int, source: str
) -> None:
    if layers["network"][0] == "absent":
        pytest.skip("this kernel does not confine TCP, and the report says so")
    tried = f"import socket\n{source}".replace("PORT", str(listener))
    assert landlock.outcome(tried) in ("PermissionError", "URLError", "<urlopen error")


def test_a_network_that_the_policy_allows_is_reported(landlock: Confined, listener: int) -> None:
    source = f"import socket\nsocket.create_connection(('127.0.0.1', {listener}), 5).close()"
    assert landlock.outcome(source, network=True) == "done"
    layers, _, _ = landlock.run("", network=True)
    assert layers["network"] == ("absent", "allowed by the policy")


def test_what_of_the_network_is_not_covered_is_said(layers: LayerStates) -> None:
    assert layers["network"][0] != "enforced"
    if layers["network"][0] == "best effort":
        assert layers["network"][1] == "TCP refused, UDP not covered"


def test_no_new_privileges_are_to_be_had(landlock: Confined, layers: LayerStates) -> None:
    assert layers["no new privileges"][0] == "enforced"
    _, status, _ = landlock.run("print(open('/proc/self/status').read())")
    assert "NoNewPrivs:\t1" in status


def test_confinement_cannot_be_taken_off(landlock: Confined) -> None:
    source = "import ctypes\nctypes.CDLL(None).prctl(38, 0, 0, 0, 0)\nopen(SECRET).read()"
    assert landlock.outcome(source) == "PermissionError"


def test_limits_are_what_the_policy_says(confined: Confined) -> None:
    source = f"import resource\nfor n in {[f'RLIMIT_{x.upper()}' for x in LIMITS]}: " + (
        "print(*resource.getrlimit(getattr(resource, n)))"
    )
    layers, text, _ = confined.run(source, cpu_s=50, memory_mb=512, file_mb=3, processes=5000,
                                   open_files=100)  # fmt: skip
    wanted = [0, 50, 512 << 20, 3 << 20, 100, 5000, 0]
    ceilings = [resource.getrlimit(getattr(resource, f"RLIMIT_{x.upper()}"))[1] for x in LIMITS]
    capped = [n if m < 0 else min(n, m) for n, m in zip(wanted, ceilings, strict=True)]
    hard = [n + (limit == "cpu") for limit, n in zip(LIMITS, capped, strict=True)]
    assert text.splitlines() == [f"{n} {m}" for n, m in zip(capped, hard, strict=True)]
    for name, value in zip(LIMITS, capped, strict=True):
        state, detail = layers[f"rlimit {name}"]
        assert detail == str(value) or (name == "nproc" and state == "best effort")


PASSED: dict[str, tuple[str, dict[str, int], str]] = {
    "memory": ("x = bytearray(1 << 30)", {"memory_mb": 256}, "MemoryError"),
    "files": (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "open('a', 'wb').write(bytes(2 << 20))",
        {"file_mb": 1},
        "OSError",
    ),
    "sparse file": ("os.truncate(os.open('a', os.O_CREAT | os.O_RDWR), 1 << 40)", {}, "OSError"),
    "open files": ("x = [open('/dev/null') for _ in range(100)]", {"open_files": 64}, "OSError"),
}


@pytest.mark.parametrize(("source", "limit", "kind"), PASSED.values(), ids=PASSED.keys())
def test_what_passes_a_limit_fails(
    confined: Confined, source: str, limit: dict[str, int], kind: str
) -> None:
    assert confined.outcome(source, **limit) == kind


def test_a_limit_cannot_be_lifted_where_the_kernel_forbids(confined: Confined) -> None:
    if os.getuid() == 0:
        pytest.skip("root may lift its limits")
    source = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (900, 900))"
    assert confined.outcome(source) == "ValueError"


def test_time_on_the_processor_runs_out(confined: Confined) -> None:
    assert confined.run("while True: pass", cpu_s=1)[2] == -signal.SIGXCPU


def test_who_ignores_that_is_killed_a_second_later(confined: Confined) -> None:
    source = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert confined.run(source, cpu_s=1)[2] == -signal.SIGKILL


def test_processes_of_root_are_said_not_to_be_counted(confined: Confined) -> None:
    layers, _, _ = confined.run("")
    root = "the kernel does not count the processes of root"
    state = layers["rlimit nproc"]
    assert state == ("best effort", root) if os.getuid() == 0 else state[0] == "enforced"


def test_processes_of_a_user_are_counted(confined: Confined) -> None:
    if os.getuid() == 0:
        pytest.skip("the kernel does not count the processes of root, and the report says so")
    assert confined.outcome("os.fork()", processes=1) == "BlockingIOError"
