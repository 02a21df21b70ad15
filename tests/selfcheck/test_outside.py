"""The public checks of a file as pytest's tests, and `pytest` alone in the folder of a kit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from grader.assignment import Assignment
from grader.errors import UsageError
from grader.exam.notebooks import read_blank
from grader.model import CheckResult, Status
from grader.selfcheck import outside
from grader.selfcheck.outside import checks_of


def test_there_is_a_test_for_each_public_check(hw5: Assignment) -> None:
    test = checks_of("homework5.ipynb", assignment=str(hw5.folder))
    (mark,) = test.pytestmark  # type: ignore[attr-defined]
    assert set(mark.args[1]) == {n for n, (_, entry) in hw5.checks.items() if entry.public}


def test_an_assignment_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no assignment 'nothing'"):
        checks_of("x.ipynb", assignment="nothing")


def told(status: Status, score: float) -> dict[str, CheckResult]:
    result = CheckResult(id="a", title="It works.", status=status, score=score, max_score=1,
                         message="f(x)=1, but should be 2")  # fmt: skip
    return {"a": result}


@pytest.mark.parametrize(
    ("status", "score", "raises", "text"),
    [
        (Status.FAILED, 0.0, pytest.fail.Exception, "It works.\n.*f(x)=1, but should be 2"),
        (Status.NEEDS_REVIEW, 0.0, pytest.skip.Exception, "a person decides: f(x)=1"),
        (Status.MISSING, 0.0, pytest.fail.Exception, "f(x)=1"),
    ],
)
def test_what_a_check_says_is_what_pytest_says(
    hw5: Assignment, monkeypatch: pytest.MonkeyPatch, status: Status, score: float,
    raises: type[BaseException], text: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(outside, "_results", lambda *_: told(status, score))
    test = checks_of("homework5.ipynb", assignment=str(hw5.folder))
    with pytest.raises(raises, match=re.compile(re.escape(text).replace(r"\.\*", ".*"), re.DOTALL)):
        test("test_a")


def test_a_passed_check_is_a_passed_test(hw5: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_results", lambda *_: told(Status.PASSED, 1.0))
    checks_of("homework5.ipynb", assignment=str(hw5.folder))("test_a")


def test_pytest_alone_judges_the_folder_of_a_kit(
    hw5: Assignment, kit: Path, tmp_path: Path
) -> None:
    here = tmp_path / "hw5"
    shutil.copytree(kit, here)
    blank = read_blank(hw5)
    wrong = blank.answers["6"].replace("product = patch *", "product = 2 * patch *")
    nbformat.write(blank.answered({"6": wrong}), here / "homework5.ipynb")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=here, text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(kit.parent / "wheel")},
    )  # fmt: skip
    assert ended.returncode == 1, ended.stdout + ended.stderr
    failed = re.findall(r"^FAILED \S+\[(\w+)\]", ended.stdout, re.MULTILINE)
    assert failed == ["test_convolution_matches_torch", "test_convolution_of_extremes"]
    assert re.search(r"my_convolution\(x, k\)\[\d", ended.stdout) and " passed" in ended.stdout
