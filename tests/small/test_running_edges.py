"""Odd ways through a grading: cold starts, helpers out of order, misfits of rubric and checks."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from grader.assignment import Assignment, load_assignment
from grader.errors import GraderError, UsageError
from grader.grading import Options, grade
from grader.model import CheckResult, GradeReport, Status
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.small.assignment import (
    CHECKS,
    FAULTY,
    PARTS,
    WRONG_DOUBLE,
    Grade,
    check,
    part,
    short_of,
    small_notebook,
    write_assignment,
    write_small,
)


def test_cold_launcher_starts(small: Assignment, cold: Launcher, tmp_path: Path) -> None:
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    report = grade(small, submission, cold)
    assert (report.auto_score, report.isolation.kernel) == (12, "cold start")


def outcome(report: GradeReport) -> list[tuple[str, str, float, str]]:
    return [(c.id, c.status.value, c.score, c.message) for p in report.parts for c in p.checks]


def test_cold_launcher_gives_the_grades_of_the_warm_one(
    small: Assignment, warm: Launcher, cold: Launcher, tmp_path: Path
) -> None:
    answers: dict[str, str | None] = {"1a": "raise ValueError('no more')", "1b": WRONG_DOUBLE}
    submission = read_submission(write_small(tmp_path / "submission.ipynb", answers))
    told, expected = (outcome(grade(small, submission, one)) for one in (cold, warm))
    assert told == expected


def test_cold_launcher_goes_on_after_a_call_that_ends_the_process(
    small: Assignment, warm: Launcher, cold: Launcher, tmp_path: Path
) -> None:
    answers: dict[str, str | None] = {"1b": "import os\ndef double(x):\n    os._exit(3)"}
    submission = read_submission(write_small(tmp_path / "submission.ipynb", answers))
    reports = [grade(small, submission, one, Options(parts=("1b", "1c"))) for one in (cold, warm)]
    scores = [{p.id: p.score for p in report.parts} for report in reports]
    assert scores[0] == scores[1]


def test_missing_helper_is_charged_once(graded: Grade) -> None:
    report = graded({"1b": None})
    assert short_of(report) == {"1b"}
    assert part(report, "1d").status is Status.PASSED


def test_helper_defined_below_its_user_is_found(
    small: Assignment, warm: Launcher, tmp_path: Path
) -> None:
    notebook = small_notebook()
    notebook.cells[2], notebook.cells[3] = notebook.cells[3], notebook.cells[2]
    nbformat.write(notebook, tmp_path / "submission.ipynb")
    report = grade(small, read_submission(tmp_path / "submission.ipynb"), warm)
    assert short_of(report) == set()


def test_wrong_helper_of_a_part_that_was_not_chosen_is_not_charged_here(graded: Grade) -> None:
    assert short_of(graded({"1b": WRONG_DOUBLE}, parts=("1c",))) == set()


@pytest.mark.parametrize("chosen", [(), ("1e",)], ids=["all parts", "one part"])
def test_right_helper_is_not_replaced_where_its_own_part_was_not_chosen(
    graded: Grade, chosen: tuple[str, ...]
) -> None:
    spoilt = "v = v + 1\ndef scaled(factor):\n    return factor * v"
    report = graded({"1e": spoilt}, parts=chosen, public_only=True)
    assert short_of(report) == {"1e"}
    assert check(report, "scaled").message.startswith("scaled(2.5)[0]=5, but should be 2.5")
    assert [p.id for p in report.parts] == list(chosen or (*PARTS, "2"))


def test_helper_that_is_wrong_for_a_hidden_check_is_not_charged_twice(graded: Grade) -> None:
    source = "def double(x):\n    return 2 * x if x.ndim else x.missing"
    uses = "def total(x):\n    return sum(double(np.asarray(n)) for n in x.ravel())"
    report = graded({"1b": source, "1c": uses}, public_only=True)
    assert short_of(report) == set()


def test_seed_that_a_cell_sets_holds_in_the_checks(graded: Grade) -> None:
    answers = {
        "start": "import random\nimport numpy as np\nrandom.seed(3)\n"
        "first = random.Random(3).random()",
        "1a": "v = np.array([1.0, 2.0, 3.0])",
        "1c": "def total(x):\n    assert random.random() == first\n    return double(x).sum()",
    }
    assert short_of(graded(answers, examples=1, parts=("1c",))) == set()


def test_check_that_is_run_again_counts_its_examples_once(graded: Grade) -> None:
    assert check(graded({"1b": WRONG_DOUBLE}, examples=5), "total").examples == 5


def test_first_fault_ends_the_run(warm: Launcher, tmp_path: Path) -> None:
    folder = write_assignment(tmp_path, checks=FAULTY, name="test_faulty_first.py")
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    seen: list[CheckResult] = []
    with pytest.raises(GraderError):
        grade(load_assignment(str(folder)), submission, warm, on_check=seen.append)
    assert seen == []


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (
            CHECKS + '\n\n@pytest.mark.part("1e")\ndef test_new(student): ...\n',
            "no entry for test_new",
        ),
        (CHECKS.replace('@pytest.mark.part("1e")\n', ""), "test_scaled has no @pytest.mark.part"),
        (CHECKS.replace('part("1e")', 'part("1a")'), "is marked part 1a, but listed under 1e"),
        (CHECKS.replace("def test_scaled", "def skip_scaled"), "test_scaled"),
    ],
    ids=["not-in-the-rubric", "no-marker", "another-part", "not-in-the-files"],
)
def test_check_that_does_not_fit_the_rubric_is_wrong_use(
    warm: Launcher, tmp_path: Path, checks: str, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name = f"test_misfit_{abs(hash(checks))}.py"
    folder = write_assignment(tmp_path, checks=checks, name=name)
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    with pytest.raises(UsageError) as caught:
        grade(load_assignment(str(folder)), submission, warm)
    assert told in str(caught.value)
    assert "INTERNALERROR" not in "".join(capfd.readouterr())


def test_rubric_without_check_files_runs_nothing_else(
    warm: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_assignment(tmp_path / "assignment", name="checks.py")
    (tmp_path / "test_mine.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    with pytest.raises(UsageError, match=r"no check file"):
        grade(load_assignment(str(folder)), submission, warm)
    assert not (tmp_path / "ran").exists()


def test_two_versions_of_a_check_in_one_process_are_told_apart(
    warm: Launcher, tmp_path: Path
) -> None:
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    for where, value in (("first", "1.0"), ("second", "2.0")):
        checks = CHECKS.replace("reference.SLOPE", value)
        folder = write_assignment(tmp_path / where, checks=checks, name="test_version.py")
        message = check(
            grade(load_assignment(str(folder)), submission, warm), "slope_is_learned"
        ).message
        assert message == f"slope=3, but should be {float(value):g}"


def test_check_file_that_does_not_load_is_wrong_use(warm: Launcher, tmp_path: Path) -> None:
    folder = write_assignment(tmp_path, checks="def test_x(:\n", name="test_unreadable.py")
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    with pytest.raises(UsageError, match=r"A check file cannot be loaded:[^$]*test_unreadable\.py"):
        grade(load_assignment(str(folder)), submission, warm)
