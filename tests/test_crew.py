"""Worker processes: each task is done once, whatever becomes of the process that had it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader import crew as crew_module
from grader.crew import Crew, Lost
from grader.errors import UsageError
from tests.processes import below, soon


@dataclass(frozen=True)
class Errand:
    """Something to do: a number to double, or a way to go wrong."""

    number: int
    how: str = ""
    mark: str = ""


class Doubler:
    """Doubles numbers, and says how many it has done."""

    def __init__(self) -> None:
        self._done = 0

    def work(self, errand: Errand) -> tuple[int, int, int]:
        if errand.how == "die" or (errand.how == "die once" and not os.path.exists(errand.mark)):
            Path(errand.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if errand.how == "sleep":
            Path(errand.mark).touch()
            time.sleep(600)
        if errand.how == "misuse":
            raise UsageError("the rubric is wrong")
        if errand.how == "bug":
            raise ZeroDivisionError
        self._done += 1
        return 2 * errand.number, os.getpid(), self._done

    def close(self) -> None:
        """Nothing is open."""


def results(
    errands: list[Errand], size: int = 2, recycle: int = 0
) -> dict[Errand, tuple[int, int, int] | Lost]:
    with Crew(Doubler, size, recycle) as crew:
        for errand in errands:
            crew.add(errand)
        return dict(crew.results())


def test_each_task_is_done_once_by_few_processes() -> None:
    begun: list[Errand] = []
    errands = [Errand(n) for n in range(12)]
    with Crew(Doubler, 3) as crew:
        crew.started = begun.append
        for errand in errands:
            crew.add(errand)
        done = list(crew.results())
    assert begun == errands
    assert sorted(task.number for task, _ in done) == list(range(12))
    assert all(not isinstance(r, Lost) and r[0] == 2 * t.number for t, r in done)
    assert len({r[1] for _, r in done if not isinstance(r, Lost)}) <= 3


def test_tasks_may_be_added_while_others_are_done() -> None:
    found = []
    with Crew(Doubler, 2) as crew:
        crew.add(Errand(1))
        for task, result in crew.results():
            assert not isinstance(result, Lost)
            found.append(result[0])
            if task.number < 8:
                crew.add(Errand(result[0]))
    assert found == [2, 4, 8, 16]


def test_a_process_that_ended_is_replaced_and_its_task_tried_again(tmp_path: Path) -> None:
    errands = [Errand(1), Errand(2, "die once", str(tmp_path / "mark")), Errand(3)]
    told = results(errands, size=1)
    assert [not isinstance(r, Lost) and r[0] for r in told.values()] == [2, 4, 6]


def test_a_task_that_ends_two_processes_is_given_up_and_the_others_done(tmp_path: Path) -> None:
    told = results([Errand(1), Errand(2, "die", str(tmp_path / "mark")), Errand(3)])
    lost = told.pop(Errand(2, "die", str(tmp_path / "mark")))
    assert isinstance(lost, Lost) and "SIGKILL" in lost.reason
    assert all(not isinstance(r, Lost) for r in told.values()) and len(told) == 2


def test_a_bug_in_a_worker_is_a_lost_task(capfd: pytest.CaptureFixture[str]) -> None:
    told = results([Errand(1, "bug"), Errand(2)])
    lost = told[Errand(1, "bug")]
    assert isinstance(lost, Lost) and "exit code 1" in lost.reason
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_makes_all_tasks_useless_is_raised() -> None:
    with pytest.raises(UsageError, match="the rubric is wrong"):
        results([Errand(1, "misuse"), Errand(2)])
    assert soon(lambda: not _spawned())


def test_processes_make_room_for_new_ones() -> None:
    told = results([Errand(n) for n in range(7)], size=1, recycle=3)
    counts = [r[2] for r in told.values() if not isinstance(r, Lost)]
    assert counts == [1, 2, 3, 1, 2, 3, 1]
    assert len({r[1] for r in told.values() if not isinstance(r, Lost)}) == 3


def test_closing_ends_processes_in_the_middle_of_their_task(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    crew = Crew(Doubler, 1)
    crew.add(Errand(1, "sleep", str(mark)))
    crew._hand_out()
    assert soon(mark.exists, 60)
    assert crew.at_work == [Errand(1, "sleep", str(mark))]
    crew.close()
    assert soon(lambda: not _spawned())


class Reader:
    """Has pytest run a file that takes its time."""

    def work(self, file: str) -> int:
        return int(pytest.main(["-p", "no:terminal", "-p", "no:cacheprovider", file]))

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("where", ["", "def test_it():\n    "], ids=["file", "test"])
def test_closing_ends_checks_in_their_middle_without_a_word(
    where: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark, file = tmp_path / "mark", tmp_path / "test_slow.py"
    waits = f"__import__('pathlib').Path({str(mark)!r}).touch(), __import__('time').sleep(600)"
    file.write_text(where + waits + "\n", "utf-8")
    crew = Crew(Reader, 1)
    crew.add(str(file))
    crew._hand_out()
    assert soon(mark.exists, 60)
    before = time.monotonic()
    crew.close()
    assert time.monotonic() - before < crew_module._CLOSE_S
    told = capfd.readouterr()
    assert told.err == told.out == ""


def _spawned() -> set[int]:
    """Processes below this one that were made by the crew."""
    return {pid for pid in below(os.getpid()) if b"spawn_main" in _command(pid)}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Interrupting:
    """A way to make workers; Ctrl-C comes as it is handed over, and the process being started notes
    whether it is shielded as it takes it.
    """

    def __init__(self, mark: Path) -> None:
        self.handed = False
        self._mark = mark
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._interrupt)
        self._thread.start()

    def _interrupt(self) -> None:
        """From a thread that was there before: any may be given a process's signals."""
        self._go.wait()
        signal.raise_signal(signal.SIGINT)

    def __call__(self) -> Doubler:
        return Doubler()

    def __getstate__(self) -> str:
        self._go.set()
        self._thread.join()
        self.handed = True
        return str(self._mark)

    def __setstate__(self, mark: str) -> None:
        shielded = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        Path(mark).write_text("shielded" if shielded else "open")


def interrupted_start(mark: Path) -> None:
    """In an interpreter that has started no process yet."""
    make = Interrupting(mark)
    with Crew(make, 1) as crew:
        crew.add(Errand(1))
        with pytest.raises(KeyboardInterrupt):
            list(crew.results())
        assert make.handed and soon(mark.exists)


def test_ctrl_c_in_the_middle_of_a_start_comes_after_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = "import sys; from tests.test_crew import *; interrupted_start(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(mark)],
        capture_output=True, text=True, timeout=60,
        # A shell starts what it runs in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert mark.read_text() == "shielded"
