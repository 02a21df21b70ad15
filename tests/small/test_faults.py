"""Faults of the grader, made on purpose: what is hit is tried again or left ungraded, with the
reason; it is never given a grade, and the next submission does not notice.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.model import GradeReport
from grader.sandbox.launcher import WarmLauncher
from tests.launchers import Stock
from tests.processes import below, running, soon
from tests.small.assignment import RUBRIC, Run, files_below, write_assignment, write_small

pytestmark = pytest.mark.skipif(not WarmLauncher.available(), reason="no warm process here")

Kill = Callable[[WarmLauncher], None]


def kill_zygote(launcher: WarmLauncher) -> None:
    """With its jobs, which end when it does: on a busy machine one could outrun its end."""
    jobs = below(launcher._process.pid)
    launcher._process.kill()
    assert soon(lambda: not any(map(running, jobs)))


def kill_watchers(launcher: WarmLauncher) -> None:
    """Every process that watches over a job: what lies below the warm one."""
    for pid in _children(launcher._process.pid):
        os.kill(pid, signal.SIGKILL)


def kill_kernels(launcher: WarmLauncher) -> None:
    """Every process of a job but those that watch over it."""
    watchers = _children(launcher._process.pid)
    inner = [pid for watcher in watchers for pid in _children(watcher)]
    for kernel in [child for pid in inner for child in _children(pid)]:
        os.kill(kernel, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in text.split()]


class Saboteur:
    """Hits one submission: before it is started, at a word of its progress, or after a check."""

    def __init__(self, stock: Stock, kill: Kill, stage: str, times: int) -> None:
        self.stock, self.kill, self.stage, self.left = stock, kill, stage, times
        self.hits = 0

    def hit(self, stage: str, launcher: Any) -> None:
        if stage == self.stage and self.left:
            self.left, self.hits = self.left - 1, self.hits + 1
            self.stock.spoil(launcher)
            self.kill(launcher)

    def grade(self, *args: Any, **options: Any) -> GradeReport:
        assignment, submission, launcher, given = args
        if submission.id != "bob":
            return self._grade(*args, **options)
        self.hit("start", launcher)
        told = []

        def progress(what: str) -> None:
            told.append(what)
            if len(told) == 2:  # its kernel runs by now
                self.hit("cell", launcher)

        def on_check(_: object) -> None:
            self.hit("check", launcher)

        return self._grade(
            assignment, submission, launcher, given, progress=progress, on_check=on_check
        )

    @staticmethod
    def _grade(*args: Any, **options: Any) -> GradeReport:
        raise NotImplementedError  # set by the fixture


@pytest.fixture
def three(place: Path) -> tuple[str, ...]:
    """Submissions of which the second is hit.

    What waits for a cell's answer may notice its end by the limit alone: here that is short.
    """
    write_assignment(place.parent, rubric=RUBRIC.replace("cell_s: 60", "cell_s: 8"))
    names = ("ada.ipynb", "bob.ipynb", "cyn.ipynb")
    for name in names:
        write_small(place / name)
    return names


@pytest.fixture
def sabotage(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Saboteur]:
    """Have the grading of bob's submission sabotaged."""
    import grader.grading

    right = grader.grading.grade

    def begin(kill: Kill, stage: str, times: int) -> Saboteur:
        made = Saboteur(stock, kill, stage, times)
        monkeypatch.setattr(Saboteur, "_grade", staticmethod(right))
        monkeypatch.setattr("grader.grading.grade", made.grade)
        return made

    return begin


KILLS = {"zygote": kill_zygote, "watcher": kill_watchers, "kernel": kill_kernels}


@pytest.mark.parametrize(
    ("kill", "stage"),
    [
        pytest.param(KILLS[who], stage, id=f"{who}-{stage}")
        for who, stage in (
            ("zygote", "start"), ("zygote", "cell"), ("zygote", "check"),
            ("watcher", "cell"), ("kernel", "cell"), ("kernel", "check"),
        )
    ],
)  # fmt: skip
def test_what_was_hit_once_gets_its_grade(
    grader: Run, place: Path, three: tuple[str, ...], sabotage: Any, kill: Kill, stage: str
) -> None:
    saboteur = sabotage(kill, stage, times=1)
    ended = grader("grade", *three)
    assert saboteur.hits == 1
    assert (ended.code, ended.err) == (0, "")
    assert [line.split(" automatic")[0] for line in ended.out.splitlines()] == [
        "ada: 12 of 12", "bob: 12 of 12", "cyn: 12 of 12",
    ]  # fmt: skip


@pytest.mark.parametrize("stage", ["start", "check"])
def test_what_is_hit_each_time_stays_ungraded(
    grader: Run, place: Path, three: tuple[str, ...], sabotage: Any, stage: str
) -> None:
    saboteur = sabotage(kill_zygote, stage, times=9)
    ended = grader("grade", *three)
    assert saboteur.hits >= 2
    assert ended.code == 4
    (line,) = ended.err.splitlines()
    assert line.startswith("bob.ipynb: ")
    assert "the warm process ended" in line or "that watches over the notebook's was killed" in line
    assert [line.split(":")[0] for line in ended.out.splitlines()] == ["ada", "cyn"]
    assert files_below(place / "grader-out") == {
        "results/ada.json", "reports/ada.html", "results/cyn.json", "reports/cyn.html",
    }  # fmt: skip


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own with no byte left."""
    folder = tmp_path / "full"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k,nr_inodes=64", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with pytest.raises(OSError, match="No space"):
            (folder / "filler").write_bytes(bytes(1 << 16))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_no_room_for_the_report(grader: Run, place: Path, full_disk: Path) -> None:
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb", "--out", str(full_disk / "out"))
    assert (ended.code, ended.out) == (2, "")
    assert "database or disk is full" in ended.err
    assert not files_below(full_disk / "out")


@pytest.mark.usefixtures("own_launchers")
def test_no_room_for_a_job(
    grader: Run, place: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(place / "ada.ipynb")
    monkeypatch.setattr("tempfile.tempdir", str(full_disk))
    ended = grader("grade", "ada.ipynb")
    assert (ended.code, ended.out) == (4, "")
    assert "No space left on device" in ended.err
    assert not files_below(place / "grader-out")


def test_reports_are_those_of_an_undisturbed_run(
    grader: Run, place: Path, three: tuple[str, ...], sabotage: Any
) -> None:
    assert grader("grade", *three, "--out", "quiet").code == 0
    sabotage(kill_zygote, "check", times=1)
    assert grader("grade", *three, "--out", "loud").code == 0
    for name in ("ada", "bob", "cyn"):
        quiet, loud = (
            json.loads((place / out / f"results/{name}.json").read_text("utf-8"))
            for out in ("quiet", "loud")
        )
        assert _grades(quiet) == _grades(loud)


def _grades(report: dict[str, Any]) -> list[Any]:
    return [
        (part["id"], part["score"], [(c["id"], c["status"], c["message"]) for c in part["checks"]])
        for part in report["parts"]
    ]
