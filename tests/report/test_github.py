"""The job's summary in markdown, and annotations as GitHub's runner reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from markdown_it.token import Token

from grader.model import GradeReport, Status
from grader.report.escape import visible
from grader.report.github import annotations, error, job_summary
from tests.report.test_markdown import CODE_TAGS, FILTERED, PARSER, prose
from tests.report.texts import for_all_texts, short, told_by

GOLDEN = Path(__file__).parent / "golden"
DETAILS = re.compile(r"<details><summary>[^<>]*(?:<code>[^<>]*</code>[^<>]*)*</summary>|</details>")
INLINE = {"text", "code_inline", "html_inline", "strong_open", "strong_close"}


def read_by_runner(output: str) -> list[tuple[str, dict[str, str], str]]:
    """Commands in an output, as `ActionCommand.TryParseV2` of actions/runner parses its lines."""
    found = []
    for line in re.split(r"\r\n|\r|\n", output):
        if not line.lstrip().startswith("::"):
            assert "##[" not in line  # the older form counts wherever it stands
            continue
        head, _, message = line.lstrip()[2:].partition("::")
        name, _, properties = head.partition(" ")
        pairs = [pair.split("=", 1) for pair in properties.split(",") if pair]
        told = {
            pair[0]: unescaped(pair[1], "\r\n:,%") for pair in pairs if len(pair) == 2 and pair[1]
        }
        found.append((name, told, unescaped(message, "\r\n%")))
    return found


def unescaped(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def structure(markdown: str) -> list[str]:
    """The kinds of all blocks, and of what stands in them."""
    tokens = PARSER.parse(markdown)
    for token in tokens:
        if token.type == "html_block":
            assert DETAILS.fullmatch(token.content.strip())
        check_inline(token.children or [])
    return [kind for t in tokens for kind in (t.type, *(c.type for c in t.children or ()))]


def check_inline(tokens: list[Token]) -> None:
    assert {token.type for token in tokens} <= INLINE
    assert {t.content for t in tokens if t.type == "html_inline"} <= set(CODE_TAGS)
    assert not FILTERED.search(prose(tokens))


def test_the_golden_summary(report: GradeReport) -> None:
    text = job_summary(short(report))
    assert text == (GOLDEN / "summary.md").read_text(encoding="utf-8")
    structure(text)


def test_the_golden_annotations(report: GradeReport) -> None:
    text = annotations(
        short(report), file="hw5/hw5.py", lines={4: range(10, 99), 35: range(120, 130), 36: [140]}
    )
    assert text == (GOLDEN / "annotations.txt").read_text(encoding="utf-8")


def test_a_row_of_the_table_for_each_part(report: GradeReport) -> None:
    tokens = PARSER.parse(job_summary(report))
    assert sum(token.type == "tr_open" for token in tokens) == 1 + len(report.parts)
    assert sum(token.type == "td_open" for token in tokens) == 5 * len(report.parts)


def test_hostile_reports_are_text(hostile_report: GradeReport, report: GradeReport) -> None:
    summary = job_summary(hostile_report)
    structure(summary)
    tokens = PARSER.parse(summary)
    assert sum(token.type == "td_open" for token in tokens) == 5 * len(report.parts)


def test_the_summary_keeps_to_githubs_limit(report: GradeReport) -> None:
    part = next(part for part in report.parts if part.id == "6")
    check = part.checks[0].model_copy(update={"message": "word " * 2000})
    long = part.model_copy(update={"checks": (check,) * 30})
    summary = job_summary(report.model_copy(update={"parts": (long,) * 20}))
    assert len(summary.encode()) < 1024 * 1024
    assert re.search(r"\n\d+ more entries are in the report itself\.\n\Z", summary)
    structure(summary)


@for_all_texts
def test_any_text_of_a_student_leaves_the_summary_as_it_is(report: GradeReport, text: str) -> None:
    plain, told = told_by(report, "x"), told_by(report, f"x{text}")
    assert structure(job_summary(told)) == structure(job_summary(plain))


def test_what_annotates_and_how(report: GradeReport) -> None:
    found = read_by_runner(annotations(report))
    assert [(kind, told["title"].split(":")[0]) for kind, told, _ in found] == [
        ("error", "3c"), ("error", "5b-i"), ("error", "5c-ii"), ("error", "6"),
        ("warning", "3d"), ("warning", "5b-ii"),
    ]  # fmt: skip
    assert {told["file"] for _, told, _ in found} == {"hw5_lovelace.ipynb"}
    assert not any("line" in told for _, told, _ in found)
    assert found[1][2] == (
        "Keeps the shape: sigmoid(z).shape=(2,), but should be (2, 1) [sigmoid(z)]"
    )


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ({34: range(100, 110), 35: range(120, 130)}, "122"),
        ({34: range(100, 110)}, "106"),
        ({35: [9] * 5}, "9"),
        ({34: [100]}, None),
        ({31: [7]}, None),
    ],
    ids=[
        "where a cell stopped",
        "where a function stopped",
        "all on one line",
        "no such line",
        "not known",
    ],
)
def test_lines_are_those_of_the_file(
    report: GradeReport, lines: dict[int, Sequence[int]], line: str | None
) -> None:
    found = read_by_runner(annotations(report, lines=lines))
    stopped = next(told for _, told, _ in found if told["title"].startswith("5c-ii"))
    assert stopped.get("line") == line


def test_a_part_that_only_lost_points_is_shown_at_its_cell(report: GradeReport) -> None:
    found = read_by_runner(annotations(report, lines={31: [7, 8]}))
    assert [told["line"] for _, told, _ in found if told["title"].startswith("5b-ii")] == ["7"]


def test_ten_annotations_of_a_kind_are_all_that_github_shows(report: GradeReport) -> None:
    part = report.parts[0].model_copy(update={"status": Status.FAILED})
    found = read_by_runner(annotations(report.model_copy(update={"parts": (part,) * 25})))
    assert len(found) == 10
    assert found[-1][2] == "16 more parts lost points."


@pytest.mark.parametrize("text", ["no file", "a\n::error::b", "##[error]c", "100%0A,::"])
def test_an_error_without_a_report_is_one_command(text: str) -> None:
    for output, properties in ((error(text), {}), (error(text, file=text), {"file": text})):
        assert read_by_runner(output) == [
            ("error", properties, text),
        ]
        assert output.count("\n") == 1


def test_nothing_wrong_annotates_nothing(report: GradeReport) -> None:
    assert annotations(report.model_copy(update={"parts": report.parts[:3]})) == ""


@for_all_texts
def test_no_text_of_a_student_forges_a_command(report: GradeReport, text: str) -> None:
    output = annotations(told_by(report, text), file=text)
    assert output.count("\n") == 1 and output.endswith("\n")
    ((kind, told, message),) = read_by_runner(output)
    assert kind == "error" and told.pop("title") == "1a: A part (Not right yet)"
    # A property without a value is left out by the runner.
    assert told == ({"file": visible(text)} if text else {})
    assert "Keeps the shape: " in message
