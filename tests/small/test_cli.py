"""The command line: exit codes as the README lists them, one clear sentence for each mistake,
and nothing half-written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import torch

from tests.small.assignment import (
    CHECKS,
    HALF,
    RUBRIC,
    Ended,
    Run,
    files_below,
    write_assignment,
    write_small,
)

PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from grader.cli import main; main()"
)


def refusal(ended: Ended, code: int) -> str:
    """The one sentence of a run that was refused with that exit code."""
    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("grader: ")
    return line.removeprefix("grader: ")


def test_graded_submission_gives_two_files_and_a_line(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb", "--out", "graded")
    assert (ended.code, ended.err) == (0, "")
    (line,) = ended.out.splitlines()
    assert line.startswith("ada: 12 of 12 automatic points")
    assert line.endswith("  →  graded/reports/ada.html")
    assert files_below(place / "graded") == {"results/ada.json", "reports/ada.html"}
    report = json.loads((place / "graded/results/ada.json").read_text(encoding="utf-8"))
    assert (report["assignment"], report["submission"]["student"]) == ("small", "ada")


def test_score_below_the_pass_mark_is_told_by_the_exit_code(grader: Run, place: Path) -> None:
    write_small(place / "bob.ipynb", HALF)
    ended = grader("grade", "bob.ipynb")
    assert ended.code == 1
    assert ended.out.startswith("bob: 3 of 12 automatic points")
    assert files_below(place / "grader-out") == {"results/bob.json", "reports/bob.html"}


def test_chosen_parts_and_examples_reach_the_report(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb", "--parts", "1b, 1a", "--examples", "3")
    assert ended.code == 0
    report = json.loads((place / "grader-out/results/ada.json").read_text(encoding="utf-8"))
    assert [part["id"] for part in report["parts"]] == ["1a", "1b"]
    assert report["parts"][1]["checks"][0]["examples"] == 3


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [({}, 0, "Passed"), (HALF, 1, "double(x).shape=(), but should be (1,)")],
    ids=["right", "wrong"],
)
def test_check_tells_in_the_terminal_and_writes_nothing(
    grader: Run, place: Path, answers: dict[str, str | None], code: int, told: str
) -> None:
    write_small(place / "mine.ipynb", answers)
    ended = grader("check", "mine.ipynb", "--part", "1b")
    assert (ended.code, ended.err) == (code, "")
    assert told in ended.out
    assert "on a number" not in ended.out  # hidden from students
    assert files_below(place) == {"mine.ipynb"}


def _fill(place: Path) -> None:
    """Files that are no submissions of the assignment, and one that is."""
    for name, data in {
        "empty.ipynb": b"",
        "broken.ipynb": b'{"cells": [',
        "binary.ipynb": b"\x89PNG\r\n\x1a\n\xff",
        "other.ipynb": b'{"rows": []}',
        "notes.docx": b"words",
        "comments.py": b"# nothing to run\n",
        "broken.zip": b"PK\x03\x04",
    }.items():
        (place / name).write_bytes(data)
    (place / "folder").mkdir()
    write_small(place / "ada.ipynb")


UNREADABLE = {
    "empty.ipynb": "empty.ipynb is empty: save the notebook again and hand that in.",
    "broken.ipynb": "broken.ipynb is not a notebook: its JSON is broken (line 1). ",
    "binary.ipynb": "binary.ipynb is not UTF-8 text (byte 0)",
    "other.ipynb": "other.ipynb is JSON but not a notebook: it has no cells.",
    "notes.docx": "notes.docx is not a submission: hand in a notebook (.ipynb), a module (.py)",
    "comments.py": "comments.py holds no code.",
    "broken.zip": "broken.zip is not a ZIP that can be read: ",
    "folder": "folder holds no notebook (.ipynb) and no module (.py).",
}


AS_A_CLASS = {
    "notes.docx": "notes.docx is no notebook, module or ZIP: ask the student for one.",
    "folder": "folder holds no submission: is it the right download?",
}


@pytest.mark.parametrize("command", ["grade", "check"])
@pytest.mark.parametrize(("name", "told"), UNREADABLE.items(), ids=UNREADABLE)
def test_file_that_is_no_submission_is_refused(
    grader: Run, place: Path, command: str, name: str, told: str
) -> None:
    _fill(place)
    code = 3
    if command == "grade":  # which takes a path for a class's download
        told = AS_A_CLASS.get(name, told)
        code = 2 if name == "folder" else 3
    assert refusal(grader(command, name), code).startswith(told)
    assert not files_below(place / "grader-out")


def test_another_homeworks_notebook_is_refused(grader: Run, place: Path) -> None:
    cell = nbformat.v4.new_code_cell("x = 1")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), place / "other.ipynb")
    told = refusal(grader("grade", "other.ipynb"), 3)
    assert told.startswith("other.ipynb does not look like small: of its 6 parts 0 were found")


WRONG_USE = {
    "path": (["grade", "nowhere.ipynb"], "There is no file or folder nowhere.ipynb. "),
    "part": (
        ["grade", "ada.ipynb", "--parts", "1a,1z"],
        "small has no part '1z'. Did you mean 1e? Its parts: 1a, 1b, 1c, 1d, 1e, 2",
    ),
    "part-of-check": (["check", "ada.ipynb", "--part", "2a"], "small has no part '2a'. Did you "),
    "mark": (
        ["check", "ada.ipynb", "--pass-mark", "60"],
        "--pass-mark 60: give a share from 0 to ",
    ),
    "device": (["grade", "ada.ipynb", "--device", "tpu"], "--device tpu: choose auto, cpu or cuda"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_refused_with_a_hint(
    grader: Run, place: Path, arguments: list[str], told: str
) -> None:
    _fill(place)
    assert refusal(grader(*arguments), 2).startswith(told)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    told = refusal(grader("grade", "ada.ipynb", "--device", "cuda"), 2)
    assert told.startswith("--device cuda: this machine has no GPU that torch can use (torch ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["grade", "ada.ipynb", "--examples", "0"], "0 is not in the range x>=1"),
        (["grade", "ada.ipynb", "--speed", "9"], "No such option"),
        (["grade"], "Missing argument 'PATHS...'"),
        (["mark"], "No such command 'mark'"),
    ],
)
def test_wrong_option_shows_how_it_is_used(grader: Run, arguments: list[str], told: str) -> None:
    ended = grader(*arguments, assignment="")
    assert ended.code == 2
    assert ended.err.startswith("Usage: grader ") and told in ended.err


def test_unknown_assignment_is_refused_with_those_there_are(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    told = refusal(grader("grade", "ada.ipynb", assignment="smal"), 2)
    assert told.startswith("There is no assignment 'smal'. Assignments here: hw5, small. ")


def test_the_nearest_assignment_is_meant_where_none_is_named(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    assert grader("grade", "ada.ipynb", assignment="").code == 0
    assert "ok    assignment small: " in grader("doctor", assignment="").out


def test_of_several_assignments_one_has_to_be_named(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    shutil.copytree(place.parent / "rubrics" / "small", place.parent / "rubrics" / "other")
    ended = grader("check", "ada.ipynb", assignment="")
    assert ended.code == 2
    assert "There are several assignments here: other, small. Name one of them" in ended.err
    assert "FIX   assignment: There are several" in grader("doctor", assignment="").out


def test_rubric_with_a_wrong_key_is_refused_with_its_line(grader: Run, place: Path) -> None:
    folder = write_assignment(place.parent, rubric=RUBRIC.replace("title: A helper", "titel: x"))
    write_small(place / "ada.ipynb")
    first, second = grader("grade", "ada.ipynb").err.splitlines()
    line = RUBRIC.splitlines().index("    title: A helper") + 1
    assert f"{folder / 'rubric.yaml'}:{line}: parts.1.titel: unknown key 'titel'" in first + second


def test_folder_that_cannot_be_written_is_refused(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb")
    told = refusal(grader("grade", "ada.ipynb", "--out", "ada.ipynb/graded"), 2)
    assert told == "ada.ipynb/graded/gradebook.sqlite cannot be written: Not a directory"


def test_fault_of_the_grader_gives_no_report(grader: Run, place: Path) -> None:
    checks = CHECKS.replace('what="v")', 'what="v")\n    {}["ours"]')
    (place.parent / "rubrics" / "small" / "test_small.py").unlink()
    write_assignment(place.parent, checks=checks, name="test_faulty_check.py")
    write_small(place / "ada.ipynb")
    told = refusal(grader("grade", "ada.ipynb"), 4)
    assert told.startswith("test_vector: KeyError: 'ours' at ")
    assert files_below(place) == {"ada.ipynb"}


def test_bad_submission_does_not_stop_the_others(grader: Run, place: Path) -> None:
    _fill(place)
    write_small(place / "bob.ipynb", HALF)
    ended = grader("grade", "ada.ipynb", "broken.ipynb", "bob.ipynb")
    assert ended.code == 3
    assert [line.split(":")[0] for line in ended.out.splitlines()] == ["ada", "bob"]
    (line,) = ended.err.splitlines()
    assert "broken.ipynb is not a notebook: its JSON is broken" in line
    assert files_below(place / "grader-out/results") == {"ada.json", "bob.json"}


@pytest.mark.parametrize(
    ("names", "code"),
    [(["empty.ipynb", "folder"], 3), (["broken.zip", "nowhere.py", "empty.ipynb"], 2)],
)
def test_worst_of_several_codes_is_given(
    grader: Run, place: Path, names: list[str], code: int
) -> None:
    _fill(place)
    ended = grader("grade", *names)
    assert ended.code == code
    told = ended.err.splitlines()
    assert len(told) == len(names)
    assert [sum(name in line for line in told) for name in names] == [1] * len(names)


def test_help_lists_the_exit_codes(grader: Run) -> None:
    ended = grader("--help", assignment="")
    codes = [line.split()[0] for line in ended.out.partition("Exit codes:")[2].splitlines()[1:]]
    assert (ended.code, codes) == (0, ["0", "1", "2", "3", "4", "130"])


def test_doctor_says_what_there_is(place: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "doctor", "--assignment", "small"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = [line[6:].split(":")[0] for line in ended.stdout.splitlines()]
    assert {"Python", "torch", "GPU", "isolation tier", "kernels", "cache"} <= set(told)
    assert "ok    assignment small: 6 parts, 14 points, 6 checks" in ended.stdout


def test_doctor_fails_where_something_has_to_be_mended(grader: Run) -> None:
    ended = grader("doctor", assignment="smal")
    assert (ended.code, ended.err) == (4, "")
    assert "FIX   assignment smal: There is no assignment 'smal'." in ended.out


def _processes() -> dict[int, tuple[int, str, str]]:
    """Parent, state and start of each process of this machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = (int(told[1]), told[0], told[19])
    return found


def _family(root: int) -> set[tuple[int, str]]:
    """A process and all below it, with their starts: a number alone may be given again."""
    known, below = _processes(), {root}
    while more := {pid for pid, told in known.items() if told[0] in below} - below:
        below |= more
    return {(pid, known[pid][2]) for pid in below if pid in known}


def _alive(family: set[tuple[int, str]]) -> set[tuple[int, str]]:
    return family & {
        (pid, start) for pid, (_, state, start) in _processes().items() if state != "Z"
    }


def _wait_for(condition: Callable[[], bool], patience_s: float = 60) -> bool:
    deadline = time.monotonic() + patience_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)  # each look costs time on the processor that the grader waits for
    return condition()


# What is running when the interrupt comes; the file says that it has begun.
BUSY = {
    "cell": {"1a": "open('begun', 'w').close()\nwhile True: pass"},
    "call": {"1b": "def double(x):\n    open('begun', 'w').close()\n    while True: pass"},
}


def _has_begun(temporary: Path) -> bool:
    """Whether the file is there, as a process of the job may see it in a root of its own."""
    works = [str(folder / "work") for folder in temporary.glob("grader-*/*")]
    roots = ["", *(f"/proc/{name}/root" for name in os.listdir("/proc") if name.isdigit())]
    return any(os.path.exists(f"{root}{work}/begun") for root in roots for work in works)


def _busy(
    place: Path, temporary: Path, answers: dict[str, str | None]
) -> tuple[subprocess.Popen[str], set[tuple[int, str]]]:
    """A grader that has graded ada's and is at work on bob's, and its processes."""
    write_small(place / "ada.ipynb")
    write_small(place / "bob.ipynb", answers)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "grade", "ada.ipynb", "bob.ipynb", "--assignment", "small"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert _wait_for(lambda: _has_begun(temporary))
    return process, _family(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("answers", BUSY.values(), ids=BUSY)
def test_interrupt_leaves_whole_reports_and_no_process(
    place: Path, short_folder: Path, answers: dict[str, str | None]
) -> None:
    process, family = _busy(place, short_folder, answers)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.split(":")[0]) == (130, "ada")
    assert err.strip() == "grader: interrupted; nothing half-written was left behind"
    assert files_below(place / "grader-out") == {"results/ada.json", "reports/ada.html"}
    assert len(family) > 3 and _wait_for(lambda: not _alive(family))
    assert list(short_folder.glob("grader-*/*/work")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("answers", BUSY.values(), ids=BUSY)
def test_a_killed_grader_leaves_whole_reports_and_no_process(
    place: Path, short_folder: Path, answers: dict[str, str | None]
) -> None:
    process, family = _busy(place, short_folder, answers)
    process.kill()
    assert process.communicate(timeout=60)[0].startswith("ada: ")
    assert files_below(place / "grader-out") == {"results/ada.json", "reports/ada.html"}
    assert len(family) > 3 and _wait_for(lambda: not _alive(family))
