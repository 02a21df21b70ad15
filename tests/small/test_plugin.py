"""The pytest plugin as an instructor uses it: `pytest RUBRIC --submission FILE`, and as everyone
else has it: without notice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from tests.launchers import Stock
from tests.small.assignment import CHECKS, write_assignment, write_small
from tests.submissions.build import perfect, slim, with_edit

ROOT = Path(__file__).resolve().parents[2]
WRONG_DOUBLE: dict[str, str | None] = {"1b": "def double(x):\n    return x + 2"}
Run = Callable[..., "subprocess.CompletedProcess[str]"]
# What a run within a run would take from the outer one.
OWN = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there as a shell would, without what this very run has set."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120
    )


def lines(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return ended.stdout.splitlines()


@pytest.fixture
def run_here(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """As `run_pytest`, but in this process, which has the libraries loaded already."""
    monkeypatch.setattr("grader.judge.make_launcher", stock.make_launcher)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    plain = [word for name in OWN for word in ("-p", f"no:{name}")]

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        sys.modules.pop("test_small", None)  # another folder's
        capfd.readouterr()
        code = pytest.main([*plain, *arguments])
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    yield run
    for name in set(sys.modules) - before:
        if name.startswith("test_"):
            del sys.modules[name]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with the small assignment and two submissions of it."""
    write_assignment(tmp_path)
    write_small(tmp_path / "right.ipynb")
    write_small(tmp_path / "wrong.ipynb", WRONG_DOUBLE)
    return tmp_path


def test_right_sigmoid_of_hw5_passes(tmp_path: Path) -> None:
    path = tmp_path / "perfect.ipynb"
    nbformat.write(slim(perfect()), path)
    ended = run_pytest(ROOT, "rubrics/hw5", "--submission", str(path), "-k", "sigmoid_of_a")
    assert ended.returncode == 0
    assert " 2 passed" in lines(ended)[-1]


def test_wrong_sigmoid_of_hw5_fails_with_its_smallest_example(
    run_here: Run, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.ipynb"
    nbformat.write(slim(with_edit("5b-i", "np.exp(-x)", "np.exp(x)")), path)
    ended = run_here(ROOT, "rubrics/hw5", "--submission", str(path), "-k", "sigmoid_of_a")
    assert ended.returncode == 1
    told = lines(ended)
    assert any(line.startswith("sigmoid(x)[0]=") for line in told)
    assert any(line.startswith("  expected: [") for line in told)
    assert "Traceback" not in ended.stdout and "def test_" not in ended.stdout
    assert " 2 failed" in told[-1]


def test_failure_shows_input_and_both_answers(run_here: Run, small: Path) -> None:
    ended = run_here(small, "rubrics/small", "--submission", "wrong.ipynb", "-k", "of_arrays")
    told = lines(ended)
    start = next(n for n, line in enumerate(told) if line.startswith("double(x)[0]="))
    assert ended.returncode == 1
    assert told[start + 1 : start + 5] == [
        "  x = [0.]",
        "  expected: [0.]",
        "  actual: [2.]",
        "  hint: Twice each entry.",
    ]


def test_checks_run_in_the_order_of_the_notebook_and_lend_right_helpers(
    run_here: Run, small: Path
) -> None:
    ended = run_here(small, "rubrics/small", "-v", "--submission", "wrong.ipynb")
    ran = [line.split()[0].partition("::")[2] for line in lines(ended) if "%]" in line]
    assert ran == [
        "test_vector", "test_double_of_arrays", "test_double_of_a_number", "test_total",
        "test_slope_is_learned", "test_scaled",
    ]  # fmt: skip
    assert "2 failed, 4 passed" in lines(ended)[-1]


def test_without_a_submission_checks_are_skipped_with_the_reason(
    run_here: Run, small: Path
) -> None:
    ended = run_here(small, "rubrics/small", "-rs")
    assert ended.returncode == 0
    assert "no submission was named: add --submission FILE" in ended.stdout
    assert "6 skipped" in lines(ended)[-1]


def test_submission_that_is_not_there_is_wrong_use(small: Path) -> None:
    ended = run_pytest(small, "rubrics/small", "--submission", "nowhere.ipynb")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    told = "ERROR: There is no file or folder nowhere.ipynb. Check the path's spelling."
    assert ended.stderr.strip() == told


def test_rubric_that_is_not_named_is_wrong_use(run_here: Run, small: Path) -> None:
    ended = run_here(small, "--submission", "right.ipynb")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    told = "ERROR: name the folder of a rubric too: pytest rubrics/NAME --submission FILE"
    assert ended.stderr.strip() == told


def test_check_without_a_marker_is_wrong_use(run_here: Run, small: Path) -> None:
    write_assignment(small, checks=CHECKS.replace('@pytest.mark.part("1e")\n', ""))
    ended = run_here(small, "rubrics/small", "--submission", "right.ipynb")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    told = "ERROR: rubrics/small/test_small.py::test_scaled has no @pytest.mark.part(...)"
    assert told in ended.stderr.splitlines()


def test_fault_of_a_check_is_shown_as_such(run_here: Run, small: Path) -> None:
    write_assignment(small, checks=CHECKS.replace('what="v")', 'what="v")\n    1 / 0'))
    ended = run_here(small, "rubrics/small", "--submission", "right.ipynb", "-k", "vector")
    assert ended.returncode != 0
    assert "ZeroDivisionError: division by zero" in ended.stdout


PLAIN = """\
import sys

import pytest


@pytest.fixture
def student():
    return "Ada"


@pytest.mark.parametrize("number", [1, 2])
def test_plain(student, number):
    assert student == "Ada"


def test_nothing_heavy_is_imported():
    assert {"torch", "numpy", "matplotlib", "nbformat"} & set(sys.modules) == set()
"""


def test_other_projects_do_not_notice_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(PLAIN, encoding="utf-8")
    ended = run_pytest(tmp_path, "--strict-markers", "-W", "error", "-v")
    assert ended.returncode == 0
    assert "homework-grader" in ended.stdout
    assert "3 passed" in lines(ended)[-1]


def test_plugin_says_what_it_adds(tmp_path: Path) -> None:
    told = run_pytest(tmp_path, "--markers").stdout
    assert "@pytest.mark.part(id): the part of the assignment that a check is of" in told
    assert "--submission=FILE" in run_pytest(tmp_path, "--help").stdout


def test_check_without_an_entry_in_the_rubric_is_wrong_use(run_here: Run, small: Path) -> None:
    more = CHECKS + '\n\n@pytest.mark.part("1e")\ndef test_new(student):\n    """New."""\n'
    write_assignment(small, checks=more)
    ended = run_here(small, "rubrics/small", "--submission", "right.ipynb")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "INTERNALERROR" not in ended.stdout + ended.stderr
    (told,) = [line for line in ended.stderr.splitlines() if line.startswith("ERROR: ")]
    assert "the rubric has no entry for test_new: add `- test: test_new` to the checks of" in told


def test_wrong_use_is_told_without_a_traceback(run_here: Run, small: Path) -> None:
    write_assignment(small, checks=CHECKS.replace('@pytest.mark.part("1e")\n', ""))
    ended = run_here(small, "rubrics/small", "--submission", "right.ipynb")
    assert "Traceback" not in ended.stderr
