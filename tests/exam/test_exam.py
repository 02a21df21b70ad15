"""Whole exams of the small assignment: one that is passed, and one where all goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.cli import main
from grader.errors import UsageError
from grader.exam import ExamReport, Scope, hold_exam, render_exam
from grader.exam.text import summary
from tests.exam.assignment import ACCEPTED, HARMLESS, MISTAKE, REFUSED, write_exam

pytestmark = pytest.mark.usefixtures("one_reference")


@pytest.fixture(scope="module")
def passed(one_reference: None, tmp_path_factory: pytest.TempPathFactory) -> ExamReport:
    """An exam of what is right about parts 1b and 1e."""
    return hold_exam(write_exam(tmp_path_factory.mktemp("passed")), Scope(parts=("1b", "1e")))


@pytest.fixture(scope="module")
def failed(one_reference: None, tmp_path_factory: pytest.TempPathFactory) -> ExamReport:
    """An exam in which checks err both ways, and nobody has declared an equivalent."""
    folder = tmp_path_factory.mktemp("failed")
    assignment = write_exam(folder, MISTAKE + HARMLESS + ACCEPTED + REFUSED, "")
    return hold_exam(assignment, Scope(parts=("1b", "1c", "1d"), every=1))


def test_right_rubric_passes(passed: ExamReport) -> None:
    assert passed.problems == ()
    assert (passed.figures.reference_points, passed.figures.template_points) == (12, 0)
    assert [str(t) for t in (passed.figures.major, passed.figures.named)] == ["1 of 1"] * 2
    assert passed.figures.accepted.whole and passed.figures.killed.share == 1
    assert [(part.part, part.total, part.killed) for part in passed.parts] == [
        ("1b", 6, 6), ("1e", 3, 3),
    ]  # fmt: skip


def test_checks_that_are_never_alone_are_noted(passed: ExamReport) -> None:
    alone = {check.check: check.alone for check in passed.checks if check.part in ("1b", "1e")}
    assert alone["scaled"] == 3 and alone["double_of_a_number"] == 0
    assert "Without 1b double_of_a_number the exam would notice as much." in passed.notes
    assert all(check.seconds > 0 for check in passed.checks)


def test_mistake_that_loses_nothing_fails_the_exam(failed: ExamReport) -> None:
    assert "Mistake harmless loses nothing in part 1b." in failed.problems
    assert "1 of 2 mistakes are called by their names: 50% are too few." in failed.problems


def test_accepted_answer_that_loses_points_fails_the_exam(failed: ExamReport) -> None:
    (told,) = (p for p in failed.problems if p.startswith("Accepted"))
    assert told.startswith("Accepted subtracted loses points: 1c total: total(x)=")


def test_mutant_that_nobody_declared_fails_the_exam(failed: ExamReport) -> None:
    survived = [m for m in failed.mutants if m.state == "survived"]
    assert {m.part for m in survived} == {"1d"}
    told = "Mutant 1d:L2:200->201 survives: `for _ in range(200):` became `for _ in range(201):`."
    assert told in failed.problems


def test_page_shows_what_went_wrong_and_runs_nothing(failed: ExamReport) -> None:
    page = render_exam(failed)
    assert "Not passed" in page and "<script" not in page and "src=" not in page
    assert "for _ in range(201):" in page and "subtracted" in page


def test_page_escapes_what_variants_say(failed: ExamReport) -> None:
    hostile = failed.mistakes[1].model_copy(update={"name": "<b>bold</b>", "right": False})
    page = render_exam(failed.model_copy(update={"mistakes": (hostile,)}))
    assert "&lt;b&gt;bold&lt;/b&gt;" in page and "<b>bold" not in page


def test_summary_gives_the_figures_and_the_problems(passed: ExamReport, failed: ExamReport) -> None:
    lines = summary(passed).splitlines()
    assert lines[:3] == [
        "reference       12 of 12 points",
        "template        0 points",
        "grave mistakes  1 of 1 lose points in their part",
    ]
    assert lines[-1] == "Passed."
    assert "  Mistake harmless loses nothing in part 1b." in summary(failed).splitlines()


def test_declared_equivalents_have_to_be_there_and_right(tmp_path: Path) -> None:
    wrong = (
        '- {part: 1e, old: "return factor * v", new: ["return factor / v"], reason: No.}\n'
        '- {part: 1e, old: "gone", reason: No.}\n'
    )
    report = hold_exam(write_exam(tmp_path, "[]", wrong), Scope(only="mutants", parts=("1e",)))
    assert report.problems == ("Mutant 1e:L2:*->/ is declared equivalent, but loses points.",)
    assert report.mistakes == ()


def test_several_processes_find_what_one_finds(tmp_path: Path, passed: ExamReport) -> None:
    report = hold_exam(write_exam(tmp_path), Scope(parts=("1e",)), jobs=2)
    assert report.problems == () and report.jobs == 2
    assert [(m.id, m.state, m.checks) for m in report.mutants] == [
        (m.id, m.state, m.checks) for m in passed.mutants if m.part == "1e"
    ]


def test_variant_that_does_not_fit_the_answers_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="variant wrong-double: occurrences=0, but should be 1"):
        hold_exam(write_exam(tmp_path, MISTAKE.replace("2 * x", "3 * x")))


@pytest.mark.parametrize(("variants", "code"), [("[]", 0), (REFUSED, 1)], ids=["right", "wrong"])
def test_command_tells_by_its_exit_code_and_writes_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    variants: str, code: int,
) -> None:  # fmt: skip
    assignment = write_exam(tmp_path, variants)
    out = tmp_path / "out"
    options = ["--only", "variants", "--jobs", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["grader", "validate", str(assignment.folder), *options])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == code
    assert capfd.readouterr().out.startswith("reference       12 of 12 points\n")
    assert json.loads((out / "exam.json").read_text())["assignment"] == "small"
    assert (out / "index.html").read_text().startswith("<!doctype html>")


def test_interrupted_exam_ends_without_a_word_of_python(tmp_path: Path) -> None:
    assignment, out = write_exam(tmp_path), tmp_path / "out"
    program = "from grader.cli import main; main()"
    options = ["validate", str(assignment.folder), "--jobs", "2", "--out", str(out)]
    running = subprocess.Popen(
        [sys.executable, "-c", program, *options],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell starts what it runs in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(5)
    os.killpg(running.pid, signal.SIGINT)
    told = running.communicate(timeout=120)[1]
    assert running.returncode == 130
    assert "Traceback" not in told and "interrupted" in told
    assert not out.exists()
