"""The small assignment, a launcher for it, and ways to grade."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Assignment
from grader.cli import main
from grader.grading import Options, grade
from grader.judge import make_launcher
from grader.model import GradeReport
from grader.sandbox.canaries import REQUIRED, TESTED
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.launchers import Stock
from tests.small.assignment import Ended, Grade, Run, load_small, write_assignment, write_small


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    """The small assignment."""
    return load_small(tmp_path_factory.mktemp("assignment"))


@pytest.fixture
def warm(small: Assignment, stock: Stock) -> Launcher:
    """A warm launcher."""
    return stock.make_launcher(small)


@pytest.fixture
def graded(small: Assignment, warm: Launcher, tmp_path: Path) -> Grade:
    """Grade the right submission with some answers replaced: `graded({"1a": "v = 1"})`."""

    def run(
        answers: dict[str, str | None] | None = None, /, within: Assignment = small, **options: Any
    ) -> GradeReport:
        path = write_small(tmp_path / "submission.ipynb", answers or {})
        return grade(within, read_submission(path), warm, Options(**options))

    return run


@pytest.fixture
def cold(small: Assignment) -> Iterator[Launcher]:
    """A launcher that starts a new interpreter for each submission."""
    made = make_launcher(small, warm=False)
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory below the small assignment, with nothing in it yet."""
    write_assignment(tmp_path)
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def grader(
    place: Path,
    stock: Stock,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Run the program in the working directory: `grader("grade", "a.ipynb")`.

    The machine's sandbox is taken for whole: what is said where it is not has its own tests.
    The warm process is one that was used before, but for tests with `own_launchers`.
    """
    whole = {name: (TESTED, "") for name in REQUIRED["strict"]}
    monkeypatch.setattr("grader.sandbox.canaries.try_layers", lambda launcher: whole)
    monkeypatch.setattr("grader.desk.make_launcher", stock.make_launcher)

    def run(*arguments: str, assignment: str = "small") -> Ended:
        named = ["--assignment", assignment] if assignment else []
        monkeypatch.setattr(sys, "argv", ["grader", *arguments, *named])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ended(code, out, err)

    return run


@pytest.fixture
def own_launchers(grader: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the program start and close launchers of its own."""
    monkeypatch.setattr("grader.desk.make_launcher", make_launcher)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder with a short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="g-"))
    yield folder
    shutil.rmtree(folder)
