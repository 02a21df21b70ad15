"""A gradebook of Canvas with one column filled in: who got what, and every other byte as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.report.canvas import Change, fill_gradebook
from grader.report.rows import Row
from tests.report.texts import TEXTS

GOLDEN = Path(__file__).parent / "golden"
COLUMN = "Homework 5: tensors, networks (5512)"
ROWS = (
    Row("a", "Grace", lms_id="1001", score=100 / 3),
    Row("b", "Ada", sis_id="S-02", score=35.0),
    Row("c", "Emmy", lms_id="1003", score=60.0),
    Row("d", "Alan", login="ATuring", score=0.1 + 0.2),
    Row("e", "Eve", lms_id="1005", score=1.0),
    Row("f", "Katherine", lms_id="1006", reason="cannot be read"),
    Row("g", "Nobody", lms_id="7", sis_id="S-99", login="nobody", score=3.0),
)
HEAD = "Student,ID,SIS User ID,SIS Login ID,Section"


def golden(name: str) -> str:
    return (GOLDEN / name).read_bytes().decode()


def book(*lines: str) -> str:
    return "\n".join(lines) + "\n"


SMALL = book(
    f"{HEAD},Lab (1),Lab (2),2 (3),Total Final Score (4),Bonus (5)",
    "    Points Possible,,,,,1,2,3,4,(read only)",
    '"A, B",11,s1,l1,S,,,,,',
    '"C, D",12,s2,l2,S,,,,,',
)


def test_the_golden_gradebook() -> None:
    filled = fill_gradebook(golden("gradebook.csv"), COLUMN, ROWS)
    assert filled.text == golden("gradebook-filled.csv")
    assert (filled.column, filled.points_possible, filled.written) == (COLUMN, "69", 3)
    assert filled.changed == (Change("Lovelace, Ada", "12.5", "35"),)
    assert [(kept.row.id, kept.reason) for kept in filled.kept] == [
        ("c", "the student is excused"),
        ("e", "the assignment is not given to the student"),
    ]
    assert filled.without_grade == ("Johnson, Katherine",)
    assert [row.id for row in filled.without_student] == ["g"]


def test_another_reader_finds_the_grades_and_nothing_else_changed() -> None:
    filled = fill_gradebook(golden("gradebook.csv"), COLUMN, ROWS)
    before, after = (
        list(csv.DictReader(io.StringIO(text))) for text in (golden("gradebook.csv"), filled.text)
    )
    assert [row.pop(COLUMN) for row in after] == [
        "Manual Posting", "69", "33.3333", "35", "EX", "0.3", "N/A", "61", "",
    ]  # fmt: skip
    assert [{k: v for k, v in row.items() if k != COLUMN} for row in before] == after


@pytest.mark.parametrize("name", [COLUMN, "homework 5: tensors, networks", "5512"])
def test_a_column_goes_by_its_header_its_title_or_its_id(name: str) -> None:
    assert fill_gradebook(golden("gradebook.csv"), name, ROWS).column == COLUMN


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Lab", "fits 2 assignments of this gradebook, but should be one of: Lab (1); Lab (2)"),
        ("2", "fits 2 assignments of this gradebook, but should be one of: Lab (2); 2 (3)"),
        ("Exam", "is no assignment of this gradebook, but should be one of: Lab (1); Lab (2); 2"),
        ("Total Final Score (4)", "is no assignment"),
        ("Bonus", "is no assignment"),
        ("Section", "is no assignment"),
        ("", "is no assignment"),
    ],
)
def test_a_column_in_doubt_is_refused_with_the_choices(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        fill_gradebook(SMALL, name, ())
    assert message in str(caught.value)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_mark_line_ends_and_separator_stay(mark: str, ending: str, separator: str) -> None:
    lines = ("Student,ID,Section,Lab (1)", "   Points Possible,,,3", "A,11,S,{}", "C,12,S,2")
    text = mark + ending.join(lines).replace(",", separator)
    filled = fill_gradebook(text.format(""), "Lab", [Row("a", "", lms_id="11", score=1.25)])
    assert filled.text == text.format("1.25")


def test_names_in_two_columns() -> None:
    text = book("LastName,FirstName,ID,SIS Login ID,Section,Lab (1)", "Hopper,Grace,9,gh,S,")
    filled = fill_gradebook(text, "Lab", [])
    assert filled.without_grade == ("Hopper, Grace",)
    assert fill_gradebook(text, "1", [Row("a", "", login="gh", score=2)]).text.endswith("gh,S,2\n")


@pytest.mark.parametrize("before", ["EX", "ex", "N/A", "7", "A-", ""])
def test_no_grade_takes_none_away(before: str) -> None:
    text = book(f"{HEAD},Lab (1)", f"A,11,s,l,S,{before}")
    filled = fill_gradebook(text, "Lab", [Row("a", "", lms_id="11", reason="crashed")])
    assert filled.text == text and filled.written == 0
    assert filled.without_grade == ("A",)


@pytest.mark.parametrize(
    ("before", "changed"),
    [("33.33", False), ("33,33", False), ("33.3", True), ("B+", True), ("-", False), ("", False)],
)
def test_grades_that_change_are_told(before: str, changed: bool) -> None:
    text = book(f"{HEAD},Lab (1)", f'A,11,s,l,S,"{before}"')
    filled = fill_gradebook(text, "Lab", [Row("a", "", lms_id="11", score=100 / 3)])
    assert filled.text == book(f"{HEAD},Lab (1)", 'A,11,s,l,S,"33.3333"')
    assert filled.changed == ((Change("A", before, "33.3333"),) if changed else ())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([Row("x", "", lms_id="11", sis_id="s2", score=1)], "x fits A, B and C, D"),
        ([Row("x", "", lms_id="11"), Row("y", "", login="L1")], "y and x are one student's"),
    ],
    ids=["two students", "two submissions"],
)
def test_a_grade_in_doubt_goes_to_nobody(rows: list[Row], message: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be told apart") as caught:
        fill_gradebook(SMALL, "Lab (1)", rows)
    assert message in str(caught.value)


def test_an_empty_id_fits_nobody() -> None:
    text = book(f"{HEAD},Lab (1)", "A,11,,,S,")
    filled = fill_gradebook(text, "Lab", [Row("x", "A", lms_id=" ", score=1)])
    assert filled.text == text and [row.id for row in filled.without_student] == ["x"]


@pytest.mark.parametrize("text", ["", "id,grade\n1,2\n", "Student,Name\nA,B\n", "Student\tID\n"])
def test_what_is_no_gradebook_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"This is no gradebook of Canvas"):
        fill_gradebook(text, "Lab", [])


def test_a_row_that_is_too_short_is_refused_with_its_line() -> None:
    text = book(f"{HEAD},Lab (1)", "A,11,s,l,S")
    with pytest.raises(UsageError, match=r"Line 2 of the gradebook has 5 cells"):
        fill_gradebook(text, "Lab", [Row("x", "", lms_id="11", score=1)])


@given(TEXTS, st.floats(0, 100))
def test_a_name_of_any_kind_stays_in_its_cell(name: str, score: float) -> None:
    out = io.StringIO(newline="")
    table = [[*HEAD.split(","), "Lab (1)"], ["A", "11", name, "l", name, ""]]
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    row = Row(name, name, lms_id="11", score=score, reason=name)
    filled = fill_gradebook(out.getvalue(), "Lab", [row])
    again = list(csv.reader(io.StringIO(filled.text, newline="")))
    assert again[1][:-1] == table[1][:-1]
    assert float(again[1][-1]) == pytest.approx(score, abs=1e-4)
