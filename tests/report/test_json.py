"""The JSON form keeps everything, is plain JSON, and says clearly what it cannot read."""

from __future__ import annotations

import json
import math

import pytest

from grader.errors import UsageError
from grader.model import GradeReport
from grader.report import parse_json, render_json


def test_round_trip_keeps_everything(report: GradeReport, hostile_report: GradeReport) -> None:
    for original in (report, hostile_report):
        text = render_json(original)
        assert render_json(parse_json(text)) == text
        assert repr(parse_json(text)) == repr(original)


def test_numbers_that_json_lacks_survive_in_cells(report: GradeReport) -> None:
    text = render_json(report)
    json.loads(text, parse_constant=pytest.fail)
    softmax = next(part for part in parse_json(text).parts if part.id == "5b-ii")
    example = softmax.checks[1].counterexample
    assert example is not None
    assert example.error is not None
    assert math.isnan(example.error.cells[1][0])


def test_text_that_reads_like_a_number_stays_text(report: GradeReport) -> None:
    named = report.model_copy(update={"device": "NaN", "notes": ("Infinity",)})
    again = parse_json(render_json(named))
    assert (again.device, again.notes) == ("NaN", ("Infinity",))


def test_keys_follow_the_model_and_lines_are_stable(report: GradeReport) -> None:
    text = render_json(report)
    assert list(json.loads(text)) == list(GradeReport.model_fields)
    assert text.splitlines()[:3] == ["{", ' "schema_version": 1,', ' "assignment": "hw5",']
    assert text.endswith("}\n")
    assert text == render_json(report.model_copy(deep=True))


def test_nothing_in_it_moves_a_terminal(hostile_report: GradeReport) -> None:
    text = render_json(hostile_report)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", "This is not a report: it is not JSON"),
        ("[1]", "This is not a report: it has no schema_version."),
        ("{}", "This is not a report: it has no schema_version."),
        ('{"schema_version": 2}', "schema_version=2, but should be 1: another version"),
        ('{"schema_version": 1}', "This report is damaged: assignment: Field required."),
    ],
    ids=["no JSON", "no object", "no version", "another version", "damaged"],
)
def test_what_is_no_report_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_json(text)
    assert str(caught.value).startswith(message)
