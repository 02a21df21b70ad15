"""The terminal report line by line."""

from __future__ import annotations

import re

import pytest

from grader.model import CheckResult, Counterexample, GradeReport, Shown, Status, SubmissionInfo
from grader.report import render_text
from grader.report.text import render_check, render_part

SOFTMAX = """\
✗ Right on arrays of any shape (Not right yet, 0 of 1 point)
  The form of the answer is right; some of its values are not.
  softmax(z)[0, 0]=0.2689, but should be 0.09003 [softmax(z)]
  4 of 6 values are off.

    call      softmax(z)
    z =       tensor([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
              (Tensor, float32, shape (2, 3))
    expected  tensor([[0.09003057, 0.24472847, 0.66524096], [0.33333333, 0.33333333, 0.33333333]])
              (shape (2, 3))
    actual    tensor([[0.26894142, 0.26894142, 0.66524096], [0.73105858, 0.73105858, 0.33333333]])
              (Tensor, float32, shape (2, 3))
    Furthest off at [0, 0]: 0.2689 instead of 0.09003, 41,300 times the tolerance.

  Likely cause: The sum runs over axis 0. Softmax here runs over the last axis, so
  each row should add up to 1.
  Hint: `e.sum(-1, keepdim=True)` keeps the shape that broadcasting needs.
"""

ERROR = """\
! Weights after one step (Did not finish, 0 of 4 points)
  The call did not come back with an answer.
  back_prop stopped with RuntimeError
    cell 34 in back_prop, line 7
        delta = delta @ weights[i].T
    cell 33 in step, line 2
        return a @ b
    RuntimeError: mat1 and mat2 shapes cannot be multiplied (10x4 and 3x10)
"""


def test_heading_says_the_score_first(report: GradeReport) -> None:
    assert render_text(report).splitlines()[:7] == [
        "Homework 5: from tensors to networks",
        "Ada Lovelace (hw5_lovelace.ipynb, digits.py)",
        "",
        "35 of 69 points",
        "37 of 63 automatic points, 6 points await marking",
        "",
        "✓ 1a      2 / 2  Passed                    Vectors and matrices as tensors",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "? 3c      0 / 6  Not found                Network `MySimpleCNN`",
        "\N{EN DASH} 3d      0 / 5  Waiting for another part  Training loop",
        "… 3e      \N{EN DASH} / 3  3 points to be marked    What did you observe?",
        "… 4e      5 / 8  3 points to be marked    Predictions of your images",
        "✗ 5b-i    0 / 2  Not right yet            Sigmoid",
        "◐ 5b-ii   1 / 3  Partly right             Softmax over the last axis",
        "! 5c-ii   0 / 6  Did not finish           Backward pass `back_prop`",
    ],
)
def test_one_line_a_part(report: GradeReport, line: str) -> None:
    assert line.split() in [found.split() for found in render_text(report).splitlines()]


def test_columns_of_the_overview_line_up(report: GradeReport) -> None:
    lines = render_text(report).splitlines()[6 : 6 + len(report.parts)]
    starts = {line.index(part.title) for line, part in zip(lines, report.parts, strict=True)}
    assert len(starts) == 1


@pytest.mark.parametrize("block", [SOFTMAX, ERROR], ids=["counterexample", "traceback"])
def test_a_failed_check_is_explained(report: GradeReport, block: str) -> None:
    assert block in render_text(report)


def test_cells_penalties_and_notes_are_told(report: GradeReport) -> None:
    lines = render_text(report).splitlines()
    assert "  Cell 36 did not run to its end (time limit)." in lines
    assert lines[-7:] == [
        "Points taken",
        "  \N{MINUS SIGN}2  Headings: 2 of 5 headings are not bold.",
        "Rules",
        "  ✓ Cells in order (kept): All 36 code cells were run in order.",
        "  … PDF (for a person to see): `hw5_lovelace.ipynb` came alone.",
        "Notes",
        "  `input()` in cell 9 was answered with an empty line.",
    ]


def test_parts_without_a_finding_are_one_line_only(report: GradeReport) -> None:
    assert render_text(report).count("Hadamard product") == 1
    assert "Right on the example" not in render_text(report)


def test_prose_keeps_to_the_width(report: GradeReport) -> None:
    narrow = render_text(report, width=40).splitlines()
    hint = narrow.index("  Hint: Subtract `z.max()` first: it")
    assert narrow[hint + 1 : hint + 3] == ["  changes nothing but keeps `exp` in", "  range."]
    assert "─" * 40 in narrow


def test_hostile_text_reaches_no_terminal(hostile_report: GradeReport) -> None:
    text = render_text(hostile_report)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
    )
    assert "<script>alert(1)</script>" in text
    text.encode()


def test_a_name_with_a_line_break_poses_as_no_score(report: GradeReport) -> None:
    info = SubmissionInfo(id="1", student="Eve\n\n69 of 69 points", files=("a\nb",), sha256="")
    lines = render_text(report.model_copy(update={"submission": info})).splitlines()
    assert lines[1] == "Eve 69 of 69 points (a b)"
    assert lines[3] == "35 of 69 points"


def test_a_long_value_is_shortened_in_the_middle(report: GradeReport) -> None:
    value = Shown(kind="str", text="\n".join(f"row {n}" for n in range(99)))
    check = CheckResult(
        id="c", title="Long", status=Status.FAILED, score=0, max_score=1,
        counterexample=Counterexample(call="f()", actual=value),
    )  # fmt: skip
    part = report.parts[0].model_copy(update={"checks": (check,)})
    text = render_text(report.model_copy(update={"parts": (part,)}))
    assert "    actual  row 0\n" in text
    assert "            … 87 more lines\n            (str)\n" in text
    assert "row 50" not in text


def test_a_check_alone_is_told_as_in_the_whole(report: GradeReport) -> None:
    check = next(part for part in report.parts if part.id == "5b-ii").checks[1]
    shown = [line.removeprefix("  ") for line in SOFTMAX.splitlines()[1:]]
    assert render_check(check).splitlines() == shown
    assert render_check(report.parts[0].checks[0]) == ""


def test_what_concerns_a_part_and_none_of_its_checks(report: GradeReport) -> None:
    part = next(part for part in report.parts if part.id == "5c-ii")
    assert render_part(part).splitlines()[:4] == [
        "Cell 35 stopped before the end, so what follows saw only its first lines.",
        "",
        "Cell 35 did not run to its end (exception).",
        "  cell 35, line 3",
    ]
    assert render_part(report.parts[0]) == ""
