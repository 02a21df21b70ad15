"""The catalogue of attacks: none wins a point, learns a secret, stays behind or harms the next.

The grader gets secrets to guard: in its environment and memory, in a copy of the assignment, in
a folder with grades, and in a process that has nothing to do with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from grader.assignment import Assignment
from grader.grading import Options, grade
from grader.judge import make_launcher
from grader.model import GradeReport, PartResult, Status
from grader.report.html import render_html
from grader.report.json import render_json
from grader.report.text import render_text
from grader.sandbox.launcher import Launcher
from grader.sandbox.tiers import best_tier
from grader.submission import read_submission
from tests.processes import below, soon
from tests.submissions.hostile import Attack, attacks, innocent

# Graded along with the attacked part: one from before its cell, one from behind it.
BYSTANDERS = ("1c", "5b-i")
LIMITS = {"cell_s": 10, "call_s": 3, "notebook_s": 30, "shrink_s": 0.5, "cpu_s": 120,
          "memory_mb": 4096, "processes": 1000, "file_mb": 100}  # fmt: skip
# How much longer a grading may take than its limits grant it. What fails is tried again, and a
# kernel that ended is replaced: that costs some of what the grading in peace does.
SLACK_S = 2.0
MORE_WORK = 5
BUSY_TIMES = 4
_SUBREAPER = 36
# System V objects by their kind, with the option that removes one; and the key of the attacks'.
KERNEL_OBJECTS = {"shm": "-m", "msg": "-q"}
KEY = 0x6C656674
SHARED = ("/tmp", "/var/tmp", "/dev/shm")


def canary() -> str:
    """A secret text, of the form that attacks look for."""
    return f"canary-{secrets.token_hex(8)}"


@dataclass
class Planted:
    """What the attacks go for, and whether it is as it was."""

    folder: Path
    canaries: list[str]
    bystander: subprocess.Popen[bytes]
    udp: socket.socket
    listeners: list[socket.socket]
    before: dict[str, object] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, object]:
        """What stands for `@name@` in the texts of an attack."""
        return {
            "reference": self.folder / "reference" / "hw5",
            "rubric": self.folder / "rubrics" / "hw5",
            "roster": self.folder / "roster",
            "unix": self.folder / "roster" / "socket",
            "grader": os.getpid(),
            "bystander": self.bystander.pid,
            "udp": self.udp.getsockname()[1],
            "tcp": self.listeners[0].getsockname()[1],
        }

    def state(self) -> dict[str, object]:
        """The grades' files, what has arrived, and how the other process is."""
        told: dict[str, object] = {}
        for path in sorted((self.folder / "roster").rglob("*")):
            known = path.lstat()
            text = path.read_bytes() if path.is_file() else None
            told[str(path)] = (known.st_mode, known.st_mtime_ns, text)
        told["roster"] = (self.folder / "roster").stat().st_mode
        told["attributes"] = os.listxattr(self.folder / "roster" / "grades.csv")
        told["arrived"] = [arrived(one) for one in (self.udp, *self.listeners)]
        pid = self.bystander.pid
        told["bystander"] = (
            self.bystander.poll(),
            os.getpriority(os.PRIO_PROCESS, pid),
            os.sched_getaffinity(pid),
            os.sched_getscheduler(pid),
            Path(f"/proc/{pid}/limits").read_text("utf-8"),
        )
        return told


def arrived(listener: socket.socket) -> bool:
    """Whether anything has come to a socket."""
    found = False
    while True:
        try:
            if listener.type == socket.SOCK_DGRAM:
                listener.recv(1000)
            else:
                listener.accept()[0].close()
            found = True
        except BlockingIOError:
            return found


@pytest.fixture(scope="module")
def planted(hw5: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """Secrets in every place that an attack looks into."""
    folder = tmp_path_factory.mktemp("planted")
    told = [canary() for _ in range(5)]
    for name, source in (("rubrics", hw5.folder), ("reference", hw5.reference_folder)):
        copy = folder / name / "hw5"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for path in [*copy.glob("*.py"), *copy.glob("*.yaml")]:
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n# {told[0]}\n")
    roster = folder / "roster"
    (roster / "other").mkdir(parents=True)
    (roster / "grades.csv").write_text(f"name,grade\n{told[1]},99\n", "utf-8")
    (roster / "other" / "submission.ipynb").write_text(f'{{"cells": ["{told[1]}"]}}', "utf-8")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOSTILE_CANARY", told[2])
        bystander = subprocess.Popen(
            [sys.executable, "-I", "-c", "import time; time.sleep(3600)", told[3]],
            env={"TOKEN": told[4]}, cwd=roster, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(bystander.wait)
        stack.callback(bystander.kill)
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(roster / "socket"))
        unix.listen()
        for one in (udp, tcp, unix):
            one.setblocking(False)
        yield Planted(folder, told, bystander, udp, [tcp, unix])


@pytest.fixture(scope="module")
def guarded(hw5: Assignment, planted: Planted) -> Assignment:
    """The assignment with secrets in it, and with short limits."""
    limits = hw5.rubric.limits.model_copy(update=LIMITS)
    rubric = hw5.rubric.model_copy(update={"limits": limits, "data": str(hw5.data_script)})
    return Assignment(planted.folder / "rubrics" / "hw5", rubric)


@pytest.fixture(scope="module")
def own_launcher(hw5: Assignment, planted: Planted) -> Iterator[Launcher]:
    """A launcher that was started by a grader with a secret in its environment.

    Processes that run away from their job come to this process, which can so tell them.
    """
    if best_tier().name != "namespaces":
        pytest.skip("attacks are told by what they may do in the tier `namespaces`")
    libc = ctypes.CDLL(None)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    made = make_launcher(hw5)
    made.wait_ready()
    yield made
    made.close()
    libc.prctl(_SUBREAPER, 0, 0, 0, 0)


def with_limits(assignment: Assignment, changes: dict[str, float]) -> Assignment:
    """The assignment with other limits."""
    limits = assignment.rubric.limits.model_copy(update=changes)
    return Assignment(assignment.folder, assignment.rubric.model_copy(update={"limits": limits}))


@dataclass(frozen=True)
class Peace:
    """What grading the small notebook gives, and takes, where nobody attacks.

    `enforced` are the layers of isolation that the system grants.
    """

    scores: dict[str, float]
    seconds: float
    enforced: frozenset[str]


@pytest.fixture(scope="module")
def peace(
    guarded: Assignment, own_launcher: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> Peace:
    """The small notebook as it is."""
    folder = tmp_path_factory.mktemp("innocent")
    for _ in range(2):  # the first also loads the reference
        report = in_peace(guarded, own_launcher, folder)
    assert all(part.status is Status.PASSED for part in report.parts)
    layers = report.isolation.layers.items()
    enforced = frozenset(name for name, layer in layers if layer.state == "enforced")
    return Peace({part.id: part.score for part in report.parts}, report.duration_s, enforced)


def in_peace(assignment: Assignment, launcher: Launcher, folder: Path) -> GradeReport:
    """Grade the small notebook as it is."""
    path = folder / "innocent.ipynb"
    nbformat.write(innocent(), path)
    options = Options(parts=(*BYSTANDERS, "5c-i"), examples=3)
    return grade(assignment, read_submission(path), launcher, options)


def marked(attack: Attack) -> object:
    """A parameter of the test; what is not held yet fails, and is told where that has changed."""
    marks: list[pytest.MarkDecorator] = []
    if attack.found:
        marks.append(pytest.mark.xfail(reason=attack.found, strict=True))
        # A fault of the grader leaves open what it had open.
        marks.append(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
    return pytest.param(attack, id=f"{attack.section}-{attack.name}", marks=marks)


@pytest.mark.catalogue
@pytest.mark.parametrize("attack", [marked(attack) for attack in attacks()])
def test_attack_wins_nothing_and_harms_nobody(
    attack: Attack,
    guarded: Assignment,
    own_launcher: Launcher,
    planted: Planted,
    peace: Peace,
    tmp_path: Path,
) -> None:
    if attack.machine not in ("", platform.machine()):
        pytest.skip(f"the attack is written for {attack.machine}")
    if attack.layer and attack.layer not in peace.enforced:
        pytest.skip(f"the report says that the layer is not enforced: {attack.layer}")
    others, state = below(os.getpid()), planted.state()
    assignment = with_limits(guarded, attack.limits)
    options = Options(parts=(*BYSTANDERS, attack.part), examples=3)

    def judged() -> GradeReport:
        path = attack.write(tmp_path, planted.names)
        report = grade(assignment, read_submission(path), own_launcher, options)
        assert_judged(attack, report, peace)
        return report

    def seconds_in_peace() -> float:
        return in_peace(guarded, own_launcher, tmp_path).duration_s

    try:
        for _ in range(2 if attack.twice else 1):
            report = judged()
            assert_within(attack, report, peace, judged, seconds_in_peace)
        assert_harmless_to_read(attack, report, planted)
        assert planted.state() == state
        assert_nothing_left(own_launcher, others)
        assert_next_is_unharmed(guarded, own_launcher, tmp_path)
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # they hold what a fault has left open
        raise
    finally:
        clear_up(own_launcher, planted, others)


def assert_within(
    attack: Attack,
    report: GradeReport,
    peace: Peace,
    again: Callable[[], GradeReport],
    seconds_in_peace: Callable[[], float],
) -> None:
    """Grading took no longer than its limits grant it, and some of what it takes in peace.

    The machine may be busier than it was then, for a while: what no limit holds takes too long
    each time.
    """
    over = report.duration_s - attack.within_s - SLACK_S
    for _ in range(BUSY_TIMES):
        if over <= MORE_WORK * peace.seconds or over <= MORE_WORK * seconds_in_peace():
            return
        over = again().duration_s - attack.within_s - SLACK_S
    pytest.fail(f"took {over:.1f} s more than {attack.within_s + SLACK_S:g} s, each time")


def assert_judged(attack: Attack, report: GradeReport, peace: Peace) -> None:
    """The attacked part has what it is worth, and says why; the other parts have their own."""
    parts = {part.id: part for part in report.parts}
    attacked = parts[attack.part]
    if attack.expect == "harmless":
        assert (attacked.score, attacked.status) == (attacked.max_score, Status.PASSED), told(
            attacked
        )
    else:
        assert attacked.score == 0, told(attacked)
    if attack.expect == "review":
        assert attacked.status is Status.NEEDS_REVIEW
    assert attack.says in told(attacked)
    for name in set(BYSTANDERS) - set(attack.spoils):
        assert parts[name].score == peace.scores[name], told(parts[name])


def told(part: PartResult) -> str:
    """What the report says about a part."""
    return "\n".join(check.message for check in part.checks)


def assert_harmless_to_read(attack: Attack, report: GradeReport, planted: Planted) -> None:
    """No form of the report holds a secret, or does anything to who reads it."""
    page, data, text = render_html(report), render_json(report), render_text(report)
    # A part's source is the student's own, and is quoted.
    bare = report.model_copy(
        update={"parts": tuple(p.model_copy(update={"source": ""}) for p in report.parts)}
    )
    for form in (page, data, text):
        assert not [secret for secret in planted.canaries if secret in form]
    for form in (render_html(bare), render_json(bare), render_text(bare)):
        assert not [hidden for hidden in attack.hides if hidden in form]
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page + text) is None
    assert data.isascii()
    assert Elements.of(page).active == []


class Elements(HTMLParser):
    """Finds what is active on a page: what runs, loads or leads somewhere else."""

    QUIET = ("#", "data:image/svg+xml;base64,", "data:image/png;base64,")

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    @classmethod
    def of(cls, page: str) -> Elements:
        """The elements of a page."""
        made = cls()
        made.feed(page)
        return made

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is active, or has an attribute that is."""
        if tag in ("script", "iframe", "object", "embed", "base", "form", "link"):
            self.active.append(tag)
        for name, value in attrs:
            leads = name in ("src", "href", "xlink:href", "action", "formaction", "srcset", "data")
            if name.startswith("on") or (leads and not (value or "").startswith(self.QUIET)):
                self.active.append(f"{tag} {name}={value}")


def assert_nothing_left(launcher: Launcher, others: set[int]) -> None:
    """No process, file, memory or queue of the job is there any more."""
    assert soon(lambda: below(os.getpid()) <= others)
    assert jobs_folders(launcher) == []
    assert [path for place in SHARED for path in Path(place).glob("*left-behind*")] == []
    assert kernel_objects() == []


def assert_next_is_unharmed(assignment: Assignment, launcher: Launcher, folder: Path) -> None:
    """The next submission of the same launcher gets its usual grade."""
    path = folder / "next.ipynb"
    nbformat.write(innocent(), path)
    report = grade(assignment, read_submission(path), launcher, Options(parts=("1c",), examples=1))
    assert [(part.status, part.problems) for part in report.parts] == [(Status.PASSED, ())]


def jobs_folders(launcher: Launcher) -> list[Path]:
    """Folders of jobs that a launcher still has; its log is no folder."""
    return [path for path in launcher._folder.iterdir() if path.is_dir()]


def kernel_objects() -> list[tuple[str, str]]:
    """System V objects with the key that attacks use: kind and identity of each."""
    found = []
    for kind in KERNEL_OBJECTS:
        for line in Path(f"/proc/sysvipc/{kind}").read_text("utf-8").splitlines()[1:]:
            key, identity, *_ = line.split()
            if key == str(KEY):
                found.append((kind, identity))
    return found


def clear_up(launcher: Launcher, planted: Planted, others: set[int]) -> None:
    """Remove what an attack has left that was not held."""
    for pid in below(os.getpid()) - others:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for place in SHARED:
        for path in Path(place).glob("*left-behind*"):
            path.unlink()
    for kind, identity in kernel_objects():
        subprocess.run(["ipcrm", KERNEL_OBJECTS[kind], identity], check=True)
    for path in jobs_folders(launcher):
        subprocess.run(["rm", "-rf", path], check=True)
    planted.state()  # what has arrived is not the next attack's
    gc.collect()  # nor is what a fault of the grader has left open
