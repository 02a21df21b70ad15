"""What `grader check` tells and writes, of a report that is given: nothing is graded here."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import nbformat
import pytest

from grader.actions import Job, this_job
from grader.check_command import Request, check
from grader.errors import ExitCode, GraderError, SubmissionError, UsageError
from grader.model import GradeReport
from grader.report import render_html
from tests.report import conftest
from tests.report.conftest import build
from tests.runner import Command, obeyed
from tests.small.assignment import files_below

Grading = Callable[[Request], GradeReport]


def giving(report: GradeReport) -> Grading:
    return lambda request: report


def failing(error: BaseException) -> Grading:
    def grade(request: Request) -> GradeReport:
        raise error

    return grade


def right() -> GradeReport:
    """The report's parts that lost nothing: all their points, and none that wait."""
    parts = tuple(p for p in build().parts if p.checks and p.score == p.max_score)
    return build().model_copy(update={"parts": parts, "auto_score": 4.2, "auto_max_score": 4.2})


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A file with the code cells that the report speaks of, in a checkout."""
    cells = [nbformat.v4.new_code_cell(f"a = {n}\nb = {n}\nc = {n}") for n in range(1, 41)]
    (tmp_path / "checkout").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "checkout" / "my.ipynb")
    return tmp_path / "checkout" / "my.ipynb"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "checkout", tmp_path / "summary.md")


def test_without_options_the_report_is_told_and_nothing_written(
    notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = check(Request(notebook, "hw5"), giving(build()))
    told = capsys.readouterr()
    assert (code, told.err) == (ExitCode.BELOW_PASS_MARK, "")
    assert "automatic points" in told.out and "Pass mark" not in told.out
    assert obeyed(told.out) == []
    assert files_below(notebook.parent) == {"my.ipynb"}


def test_page_and_junit_are_written_where_they_are_asked_for(
    notebook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, suites = tmp_path / "new" / "report.html", tmp_path / "results.xml"
    check(Request(notebook, "hw5", html=page, junit=suites), giving(build()))
    assert page.read_text(encoding="utf-8") == render_html(build())
    tests = sum(max(1, len(part.checks)) for part in build().parts)
    assert ET.parse(suites).getroot().get("tests") == str(tests)


def test_page_that_cannot_be_written_is_the_callers_mistake(
    notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"report\.html cannot be written: File exists"):
        check(Request(notebook, "hw5", html=notebook / "report.html"), giving(build()))


@pytest.mark.parametrize(
    ("score", "mark", "code"),
    [
        (4.2, 0.7, ExitCode.GRADED),  # of floats 4.2 / 6 is less
        (4.1, 0.7, ExitCode.BELOW_PASS_MARK),
        (0, 0, ExitCode.GRADED),
        (6, 1, ExitCode.GRADED),
        (5.9, 1, ExitCode.BELOW_PASS_MARK),
        (5.9, None, ExitCode.BELOW_PASS_MARK),
    ],
)
def test_pass_mark_is_a_share_of_the_points_that_a_machine_decides(
    notebook: Path, capsys: pytest.CaptureFixture[str],
    score: float, mark: float | None, code: ExitCode,
) -> None:  # fmt: skip
    scores = {"auto_score": score, "auto_max_score": 6, "score": 0, "max_score": 90}
    report = build().model_copy(update=scores)
    assert check(Request(notebook, "hw5", pass_mark=mark), giving(report)) == code
    (*_, last) = capsys.readouterr().out.splitlines()
    if mark is not None:
        word = "reached" if code is ExitCode.GRADED else "not reached"
        told = f"Pass mark of {100 * mark:g} % {word}: {score:g} of 6 automatic points."
        assert last == told


def test_without_a_pass_mark_every_check_has_to_be_right(
    notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(Request(notebook, "hw5"), giving(right())) == ExitCode.GRADED


@pytest.mark.parametrize("mark", [-0.1, 60, float("nan")])
def test_pass_mark_that_is_no_share_is_refused(notebook: Path, mark: float) -> None:
    with pytest.raises(UsageError, match=r"--pass-mark \S+: give a share from 0 to 1\."):
        check(Request(notebook, "hw5", pass_mark=mark), failing(AssertionError()))


def test_job_gets_annotations_at_lines_and_a_summary(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    request = Request(notebook, "hw5", github=True, pass_mark=0.5)
    code = check(request, giving(build()), job)
    told = capsys.readouterr()
    first, *_ = told.out.splitlines()
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{64}", first) and told.err == ""
    text = notebook.read_text(encoding="utf-8").split("\n")
    shown = {
        c.properties["title"].split(":")[0]: text[int(c.properties["line"]) - 1].strip(' ",\\n')
        for c in obeyed(told.out)
        if "line" in c.properties
    }
    assert {c.properties["file"] for c in obeyed(told.out)} == {"my.ipynb"}
    assert shown["5c-ii"] == "c = 35"
    summary = (job.summary or Path()).read_text(encoding="utf-8")
    assert code == ExitCode.GRADED and "\nPass mark of 50 % reached: " in summary


def test_every_job_has_a_token_of_its_own(
    notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        check(Request(notebook, "hw5", github=True), giving(right()), Job())
    tokens = re.findall(r"^::stop-commands::(.*)$", capsys.readouterr().out, re.MULTILINE)
    assert len(set(tokens)) == 2


def test_a_summary_is_added_to_what_other_steps_said(notebook: Path, job: Job) -> None:
    (notebook.parent.parent / "summary.md").write_text("before\n", encoding="utf-8")
    check(Request(notebook, "hw5", github=True), giving(build()), job)
    assert (notebook.parent.parent / "summary.md").read_text(encoding="utf-8")[:10] == "before\n## "


def test_submission_in_a_folder_or_zip_is_annotated_where_its_file_is(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    files = build().submission.model_copy(update={"files": ("my.ipynb", "notes.txt")})
    report = build().model_copy(update={"submission": files})
    packed = notebook.parent / "my.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(notebook, "my.ipynb")
    for path, name in ((notebook.parent, "my.ipynb"), (packed, "my.zip")):
        check(Request(path, "hw5", github=True), giving(report), job)
        found = obeyed(capsys.readouterr().out)
        assert {c.properties["file"] for c in found} == {name}
        assert any("line" in c.properties for c in found) == (name == "my.ipynb")


FORGED = "no\n::error::forged\n##[error]forged\n::stop-commands::x"
FAILURES = {
    "submission": (SubmissionError(FORGED), 3, FORGED),
    "use": (UsageError(FORGED), 2, FORGED),
    "grader": (GraderError(FORGED), 4, FORGED),
    "bug": (ValueError(FORGED), 4, f"a fault of the grader: ValueError: {FORGED} at grade:"),
}


@pytest.mark.parametrize(("error", "code", "told"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_annotation_in_a_job(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str],
    error: Exception, code: int, told: str,
) -> None:  # fmt: skip
    assert check(Request(notebook, "hw5", github=True), failing(error), job) == code
    output = capsys.readouterr()
    (command,) = obeyed(output.out)
    assert (command.name, command.properties, output.err) == ("error", {"file": "my.ipynb"}, "")
    assert command.message.startswith(told)
    summary = (notebook.parent.parent / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith(f"## Not graded\n\n```text\n{told}")


def test_page_that_cannot_be_written_fails_a_job_with_its_reason(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    request = Request(notebook, "hw5", github=True, html=notebook / "report.html")
    assert check(request, giving(build()), job) == ExitCode.USAGE
    (command,) = obeyed(capsys.readouterr().out)
    assert command.message.endswith("report.html cannot be written: File exists")


def test_commands_are_resumed_after_an_interrupt(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        check(Request(notebook, "hw5", github=True), failing(KeyboardInterrupt()), job)
    assert obeyed(capsys.readouterr().out + "::notice::later") == [Command("notice", {}, "later")]


def test_hostile_reports_give_annotations_and_nothing_else(
    notebook: Path, job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "HOSTILE", FORGED)
    hostile = GradeReport.model_validate(conftest.poisoned(build().model_dump()))
    check(Request(notebook, "hw5", github=True), giving(hostile), job)
    output = capsys.readouterr().out
    assert [c.name for c in obeyed(output)] == ["error"] * 4 + ["warning"] * 2
    assert re.search(r"^ *::error::forged$", output, re.MULTILINE)  # while commands are stopped


def test_the_job_is_read_off_the_environment(tmp_path: Path) -> None:
    told = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    found = this_job(told)
    assert found == Job(tmp_path, tmp_path / "summary")
    assert found.name_of(tmp_path / "below" / "a.py") == "below/a.py"
    assert found.name_of(tmp_path.parent / "a.py") == (tmp_path.parent / "a.py").as_posix()
    assert this_job({"GITHUB_STEP_SUMMARY": ""}) == Job()


def test_summary_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        Job(summary=tmp_path).add_to_summary("text")
    Job().add_to_summary("nowhere")
