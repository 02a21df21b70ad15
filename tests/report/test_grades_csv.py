"""The table of a class: right numbers, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from grader.model import GradeReport, PolicyState
from grader.report.escape import visible
from grader.report.grades_csv import COLUMNS, grades_csv, plain
from grader.report.rows import Row
from tests.report.texts import for_all_texts, short, told_by

GOLDEN = Path(__file__).parent / "golden" / "grades.csv"


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def rows(report: GradeReport) -> list[Row]:
    marked = report.model_copy(update={"pending_points": 0.0, "penalties": (), "score": 37.25})
    return [
        Row("lovelace-17", "Ada Lovelace", "1002", "S-02", "alovelace", report.score, "", report),
        Row("hopper-3", "Hopper, Grace", "1001", score=marked.score, report=marked),
        Row("eve-9", "=HYPERLINK(1)", reason="notebook.ipynb is no notebook; -1"),
    ]


def test_the_golden_table(report: GradeReport) -> None:
    assert grades_csv(rows(short(report))) == GOLDEN.read_text(encoding="utf-8")


def test_a_row_says_how_far_its_grade_is(report: GradeReport) -> None:
    ada, grace, eve = read(grades_csv(rows(report)))
    assert [row["status"] for row in (ada, grace, eve)] == ["review pending", "graded", "ungraded"]
    assert (ada["total"], ada["max"], ada["auto"], ada["auto_max"]) == ("35", "69", "37", "63")
    assert (ada["pending"], ada["penalties"], grace["penalties"]) == ("6", "-2", "0")
    assert (eve["total"], eve["max"], eve["part 1a"]) == ("", "", "")


def test_a_part_has_its_points_unless_nothing_is_decided(report: GradeReport) -> None:
    ada = read(grades_csv(rows(report)))[0]
    shown = [ada[f"part {name}"] for name in ("1a", "3c", "3e", "4e")]
    assert shown == ["2", "0", "", "5"]


def test_reports_with_other_parts_share_a_table(report: GradeReport) -> None:
    first = report.model_copy(update={"parts": report.parts[:1]})
    second = report.model_copy(update={"parts": report.parts[1:2]})
    table = read(grades_csv([Row("a", "", report=first), Row("b", "", report=second)]))
    assert [(row["part 1a"], row["part 1b"]) for row in table] == [("2", ""), ("", "1")]


@pytest.mark.parametrize(
    ("state", "late"),
    [(None, ""), ("met", "no"), ("broken", "yes"), ("undecided", "not known")],
)
def test_late_is_told_where_the_rubric_asks(
    report: GradeReport, state: str | None, late: str
) -> None:
    rule = report.policies[0].model_copy(update={"policy": "lateness"})
    found = (rule.model_copy(update={"state": PolicyState(state)}),) if state else ()
    judged = report.model_copy(update={"policies": found})
    assert read(grades_csv([Row("a", "", score=1, report=judged)]))[0]["late"] == late


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\r=1", r"\x0d=1"),
        (" =1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("a;=cmd|'/c calc'!A1;b", "a;'=cmd|'/c calc'!A1;b"),
        ("O'Brien-Smith", "O'Brien-Smith"),
        ("a - b", "a - b"),
        ("'tis", "'tis"),
    ],
)
def test_formulas_are_texts(text: str, cell: str) -> None:
    assert read(grades_csv([Row("a", text)]))[0]["student"] == cell


@for_all_texts
def test_no_text_starts_a_formula_and_each_comes_back(report: GradeReport, text: str) -> None:
    one = told_by(report, text)
    row = Row(text, text, text, text, text, one.score, text, one)
    table = list(csv.reader(io.StringIO(grades_csv([row]))))
    assert [len(line) for line in table] == [len(COLUMNS) + 1] * 2
    named = [table[1][place] for place in (*range(5), COLUMNS.index("reason"))]
    for cell in named:
        # A spreadsheet that parts cells at semicolons sees each of these as a start.
        assert not any(piece.strip().startswith(FORMULAS) for piece in cell.split(";"))
        assert plain(cell) == " ".join(visible(text).split())


FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
