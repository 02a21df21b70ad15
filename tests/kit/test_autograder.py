"""The autograder for Gradescope: its ZIP, and its scripts in the folders that Gradescope makes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from grader.assignment import load_assignment
from grader.cli import cli
from grader.errors import ExitCode, UsageError
from grader.gradescope_run import Handed, _check_walls, read_handed, run
from grader.kit.autograder import build_autograder
from grader.sandbox.tiers import best_tier
from tests.small.assignment import RUBRIC, write_assignment, write_small

NEEDS_WALLS = pytest.mark.skipif(
    best_tier().name == "process" and os.getuid() != 0,
    reason="nothing would keep student code from the reference here",
)
ROOT = Path(__file__).resolve().parents[2]
LATE = "policies: [{policy: lateness, price: 2, due: 2025-03-14 20:00, zone: America/New_York}]\n"
METADATA = {
    "id": 4711,
    "created_at": "2025-03-14T21:30:00.250000-04:00",
    "assignment": {"due_date": "2025-03-14T20:00:00.000000-04:00", "total_points": "14.0"},
    "users": [{"name": "Ada Lovelace", "sid": "9001", "email": "ada@example.edu"}],
    "previous_submissions": [],
}
# Writes what it likes over the results for as long as it lives, and leaves a process behind.
FORGER = """\
import subprocess, sys
code = '''
import time
for _ in range(200):
    try:
        open({results!r}, "w").write('{{"score": 999}}')
    except OSError:
        pass
    time.sleep(0.1)
'''
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
import numpy as np
"""


def _unpack(packed: Path, to: Path) -> None:
    """As unzip does: with the bits that say what may be executed."""
    with ZipFile(packed) as archive:
        for told in archive.infolist():
            path = Path(archive.extract(told, to))
            path.chmod(told.external_attr >> 16)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small assignment's autograder, with a rule on lateness."""
    folder = tmp_path_factory.mktemp("small")
    rubric = write_assignment(folder, rubric=RUBRIC + LATE)
    target = folder / "made" / "small.zip"
    build_autograder(load_assignment(str(rubric)), target)
    return target


@pytest.fixture
def place(packed: Path, tmp_path: Path) -> Path:
    """The folders that Gradescope makes, with nothing handed in yet."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    _unpack(packed, root / "source")
    (root / "submission_metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
    return root


def _results(root: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((root / "results/results.json").read_text(encoding="utf-8"))
    return told


def _run_script(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as Gradescope does, with this Python in place of what setup.sh installs."""
    (root / "source/run_autograder").replace(root / "run_autograder")
    known = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable}
    return subprocess.run(
        [str(root / "run_autograder")], cwd=root, env=os.environ | known, capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip


def test_scripts_lie_at_the_top_and_can_be_executed(packed: Path) -> None:
    with ZipFile(packed) as archive:
        modes = {told.filename: told.external_attr >> 16 for told in archive.infolist()}
    scripts = {name for name, mode in modes.items() if mode & stat.S_IXUSR}
    assert scripts == {"setup.sh", "run_autograder"}
    assert all(stat.S_ISREG(mode) for mode in modes.values())


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_scripts_are_bash_with_unix_line_ends(packed: Path, name: str) -> None:
    with ZipFile(packed) as archive:
        text = archive.read(name)
    assert text.startswith(b"#!/usr/bin/env bash\n") and b"\r" not in text
    assert subprocess.run(["bash", "-n"], input=text, capture_output=True).stderr == b""


def test_zip_holds_the_wheel_and_the_folders_of_this_assignment_alone(tmp_path: Path) -> None:
    build_autograder(
        load_assignment(str(ROOT / "tests/assignments/rubrics/linear")), tmp_path / "a.zip"
    )
    with ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        settings = json.loads(archive.read("grader.json"))
    assert settings == {"rubric": "assignment/rubrics/linear", "hidden": "after_published"}
    assert {name.split("/")[0] for name in names} == {
        "assignment", "grader.json", "homework_grader-0.1.0-py3-none-any.whl", "run_autograder",
        "setup.sh",
    }  # fmt: skip
    assert {"/".join(n.split("/")[:3]) for n in names if n.startswith("assignment/")} == {
        "assignment/reference/linear", "assignment/rubrics/linear",
        "assignment/student_template/linear",
    }  # fmt: skip
    assert not [name for name in names if "__pycache__" in name]


def test_same_assignment_makes_the_same_zip(packed: Path, tmp_path: Path) -> None:
    rubric = write_assignment(tmp_path, rubric=RUBRIC + LATE)
    build_autograder(load_assignment(str(rubric)), tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


@NEEDS_WALLS
def test_late_work_with_a_mistake_is_graded_and_cannot_forge_its_score(place: Path) -> None:
    forger = FORGER.format(results=str(place / "results/results.json"))
    answers = {"start": forger, "1b": "def double(x):\n    return x + 2"}
    notebook = write_small(place / "work.ipynb", answers)
    with ZipFile(place / "submission/homework.zip", "w") as archive:
        archive.write(notebook, "homework.ipynb")
    (place / "submission/homework.pdf").write_bytes(b"%PDF-1.7")

    ended = _run_script(place)
    assert (ended.returncode, ended.stderr) == (0, "")
    results = _results(place)
    # Of 12 automatic points 4 are for part 1b; being late takes 2.
    assert results["score"] == 6.0
    assert results["extra_data"]["submission"].startswith("Ada_Lovelace-4711")
    assert results["extra_data"]["auto_max_score"] == 12.0
    tests = {test["name"]: test for test in results["tests"]}
    late = tests.pop("Handed in on time")
    assert late["score"] == -2.0
    assert late["output"].startswith(
        "Handed in 2025-03-14 21:30 -0400, due 2025-03-14 20:00 -0400: 1 day late"
    )
    hidden = tests.pop("1b: double works on a number.")
    assert (hidden["visibility"], hidden["status"]) == ("after_published", "failed")
    assert {test["visibility"] for test in tests.values()} == {"visible"}
    assert tests["1a: v is the vector that was given."]["status"] == "passed"


@NEEDS_WALLS
def test_zip_with_two_notebooks_gets_no_points_and_is_told_why(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ZipFile(place / "submission/homework.zip", "w") as archive:
        for name in ("a.ipynb", "b.ipynb"):
            archive.write(write_small(place / name), name)
    (place / "submission/homework.pdf").write_bytes(b"%PDF-1.7")
    assert run(place) is ExitCode.GRADED
    results = _results(place)
    assert (results["score"], results["tests"]) == (0.0, [])
    assert results["output"].startswith(
        "This could not be graded: what you handed in holds 2 files that could be the submission"
    )
    assert "refused: what you handed in holds 2 files" in capsys.readouterr().out


UNREADABLE: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "There is no notebook, module or ZIP, but nothing."),
    "a PDF alone": ({"a.pdf": b"%PDF-"}, "There is no notebook, module or ZIP, but a.pdf."),
    "a broken ZIP": ({"a.zip": b"PK\x03\x04", "a.pdf": b"%PDF-"}, "a.zip is not a ZIP that can be"),
}


@pytest.mark.parametrize(("files", "told"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_gets_no_points_and_is_told_why(
    place: Path, files: dict[str, bytes], told: str
) -> None:
    for name, data in files.items():
        (place / "submission" / name).write_bytes(data)
    assert run(place) is ExitCode.GRADED
    results = _results(place)
    assert (results["score"], results["tests"]) == (0.0, [])
    assert told in results["output"]
    assert str(place) not in results["output"]
    assert (results["visibility"], results["stdout_visibility"]) == ("visible", "hidden")


def _break_settings(root: Path) -> None:
    (root / "source/grader.json").write_text("{}", encoding="utf-8")


def _misspell(root: Path) -> None:
    path = root / "source/grader.json"
    path.write_text(path.read_text("utf-8").replace("after_published", "later"), encoding="utf-8")


def _break_rubric(root: Path) -> None:
    (root / "source/assignment/rubrics/small/rubric.yaml").write_text("a: 1", encoding="utf-8")


def _break_metadata(root: Path) -> None:
    (root / "submission_metadata.json").write_text('{"id": 1, "users": []}', encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_break_settings, "grader.json is not as `grader gradescope` wrote it: KeyError: 'rubric'"),
        (_misspell, "ValueError: hidden='later', but should be one of hidden, after_due_date, "),
        (_break_rubric, "rubric.yaml:1: a: unknown key 'a'."),
        (_break_metadata, "submission_metadata.json cannot be read: KeyError: 'created_at'"),
    ],
)
def test_fault_that_is_not_the_students_gives_no_score(
    place: Path,
    spoil: Callable[[Path], None],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_small(place / "submission/homework.ipynb")
    spoil(place)
    assert run(place) is ExitCode.GRADER_FAULT
    results = _results(place)
    assert results.keys() == {"output", "output_format", "visibility", "stdout_visibility"}
    assert results["output"].startswith("The grader failed. This is not your fault")
    assert told in capsys.readouterr().err


def test_nothing_is_graded_where_the_reference_could_be_read(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed: list[bool] = []
    launcher = SimpleNamespace(tested={}, close=lambda: closed.append(True))
    monkeypatch.setattr("grader.gradescope_run.start_launcher", lambda *_: launcher)
    layers = {"files": ("absent", "no Landlock"), "user": ("absent", "root")}
    monkeypatch.setattr("grader.sandbox.canaries.try_layers", lambda _: layers)
    write_small(place / "submission/homework.ipynb")
    assert run(place) is ExitCode.GRADER_FAULT
    assert (closed, "score" in _results(place)) == ([True], False)
    assert "nothing keeps student code from the reference here" in capsys.readouterr().err


@pytest.mark.parametrize("held", ["files", "user"])
def test_either_wall_before_the_reference_is_enough(held: str) -> None:
    _check_walls({held: ("enforced", "")})


def test_folders_are_closed_before_anything_is_read(place: Path) -> None:
    (place / "results").chmod(0o777)
    assert run(place) is ExitCode.GRADED
    private = [place / n for n in ("source", "submission", "results", "submission_metadata.json")]
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0, 0]


def test_fault_while_grading_is_told_to_the_staff_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the answer is 42")

    monkeypatch.setattr("grader.gradescope_run.start_launcher", fail)
    write_small(place / "submission/homework.ipynb")
    (place / "results/results.json").write_text('{"score": 999}', encoding="utf-8")
    assert run(place) is ExitCode.GRADER_FAULT
    assert "score" not in _results(place)
    assert "42" not in json.dumps(_results(place))
    assert "the answer is 42" in capsys.readouterr().err


def test_group_shares_a_submission_and_local_runs_have_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "submission_metadata.json"
    assert read_handed(path) == Handed("submission", "")
    users = [{"name": "Ada"}, {"name": "Bob\x1b"}, {"name": None}]
    path.write_text(json.dumps(METADATA | {"users": users[:2]}), encoding="utf-8")
    assert read_handed(path).student == "Ada, Bob\\x1b"
    path.write_text(json.dumps(METADATA | {"users": users[2:]}), encoding="utf-8")
    assert (read_handed(path).student, read_handed(path).id) == ("", "4711")


def test_command_writes_the_zip_and_says_how_many_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubric = write_assignment(tmp_path)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli, ["gradescope", "small"])
    assert ended.output.splitlines() == [
        "→  small-autograder.zip",
        "In Gradescope, under Configure Autograder: 12 autograder points.",
    ]
    ended = CliRunner().invoke(cli, ["gradescope", str(rubric), "--to", "made/other.zip"])
    assert ended.output.startswith("→  made/other.zip\n")
    for name in ("small-autograder.zip", "made/other.zip"):
        with ZipFile(name) as archive:
            assert "setup.sh" in archive.namelist()


def test_assignment_that_cannot_be_moved_is_refused(tmp_path: Path) -> None:
    rubric = write_assignment(tmp_path)
    path = tmp_path / "reference"
    text = RUBRIC.replace("../../reference", str(path))
    (rubric / "rubric.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"rubric\.yaml: reference: .* will not be there on"):
        build_autograder(load_assignment(str(rubric)), tmp_path / "a.zip")
    (rubric / "rubric.yaml").write_text(RUBRIC.replace("../../reference", "../ref"), "utf-8")
    with pytest.raises(UsageError, match=r"rubric\.yaml: reference: there is no folder "):
        build_autograder(load_assignment(str(rubric)), tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
