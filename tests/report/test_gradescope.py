"""`results.json`: the keys that Gradescope documents, its words, and texts that stay texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grader.errors import UsageError
from grader.model import GradeReport
from grader.report.gradescope import VISIBILITIES, refused_json, results_json, ungraded_json
from tests.report.texts import for_all_texts, short, told_by

GOLDEN = Path(__file__).parent / "golden" / "results.json"
# https://gradescope-autograders.readthedocs.io/en/latest/specs/, the keys that are used here.
TOP = {
    "score": float, "execution_time": float, "output": str, "output_format": str,
    "test_output_format": str, "test_name_format": str, "visibility": str,
    "stdout_visibility": str, "tests": list, "extra_data": dict,
}  # fmt: skip
TEST = {
    "score": float, "max_score": float, "status": str, "name": str, "name_format": str,
    "number": str, "output": str, "output_format": str, "tags": list, "visibility": str,
}  # fmt: skip


def check_structure(results: dict[str, Any]) -> None:
    assert {key: type(value) for key, value in results.items()} == TOP
    formats = ("output_format", "test_output_format", "test_name_format")
    assert {results[key] for key in formats} == {"text"}
    assert {results["visibility"], results["stdout_visibility"]} <= set(VISIBILITIES)
    for test in results["tests"]:
        assert {key: type(value) for key, value in test.items()}.items() <= TEST.items()
        assert {"name", "output", "visibility", "number"} <= set(test)
        assert (test["name_format"], test["output_format"]) == ("text", "text")
        assert test["visibility"] in VISIBILITIES
        assert ("score" in test) == ("status" in test) == ("max_score" in test)
        assert test.get("status", "passed") in ("passed", "failed")
        assert all(isinstance(tag, str) for tag in test["tags"])
        assert "\n" not in test["name"]


def results(report: GradeReport, **options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(results_json(report, **options))
    return found


def test_the_golden_results(report: GradeReport) -> None:
    text = results_json(short(report))
    assert text == GOLDEN.read_text(encoding="utf-8")
    check_structure(json.loads(text))


def test_structure_of_reports(report: GradeReport, hostile_report: GradeReport) -> None:
    for one in (report, hostile_report):
        check_structure(results(one))


def test_the_score_is_the_automatic_one_less_what_rules_take(report: GradeReport) -> None:
    marked = report.model_copy(update={"score": 41.0, "auto_score": 37.0})
    assert results(marked)["score"] == 35.0
    poor = report.model_copy(update={"score": 0.0, "auto_score": 1.0})
    assert results(poor)["score"] == 0.0


def test_tests_add_up_to_the_automatic_points(report: GradeReport) -> None:
    tests = results(report)["tests"]
    whole = sum(test.get("max_score", 0.0) for test in tests)
    assert whole == report.auto_max_score
    assert sum(test.get("score", 0.0) for test in tests) == results(report)["score"]


def test_what_a_person_marks_is_named_and_not_scored(report: GradeReport) -> None:
    found = results(report)
    assert (
        "A person marks these, and their points are not counted here:\n"
        "3e: What did you observe? (3 points)\n"
    ) in found["output"]
    by_hand = [test for test in found["tests"] if "needs_review" in test["tags"]]
    assert [test["name"] for test in by_hand] == ["4e: Discussion of the results"]
    assert not any("score" in test for test in by_hand)
    written = next(test for test in found["tests"] if test["name"].startswith("3e"))
    assert "score" not in written and written["output"] == "A person marks this part."


def test_a_part_without_checks_costs_its_points(report: GradeReport) -> None:
    missing = next(test for test in results(report)["tests"] if test["name"].startswith("3c"))
    assert (missing["score"], missing["max_score"], missing["status"]) == (0.0, 6.0, "failed")


@pytest.mark.parametrize("hidden", VISIBILITIES)
def test_hidden_checks_are_shown_when_asked(report: GradeReport, hidden: str) -> None:
    shown = {test["name"]: test["visibility"] for test in results(report, hidden=hidden)["tests"]}
    assert shown["5b-ii: Does not overflow on large numbers"] == hidden
    assert shown["5b-ii: Right on one vector"] == "visible"


def test_until_published_nothing_tells_of_hidden_checks(report: GradeReport) -> None:
    found = results(report)
    shown = [test for test in found["tests"] if test["visibility"] == "visible"]
    text = json.dumps([found["output"], shown])
    assert "overflow" not in text and "37" not in found["output"] and "35" not in found["output"]


def test_another_word_for_visibility_is_refused(report: GradeReport) -> None:
    with pytest.raises(UsageError, match=r"hidden='never', but should be one of: hidden, after_"):
        results_json(report, hidden="never")


@for_all_texts
def test_any_text_of_a_student_stays_text(report: GradeReport, text: str) -> None:
    written = results_json(told_by(report, text))
    assert written.isascii() and written.replace("\n", "").isprintable()
    check_structure(json.loads(written))
    # Three checks and a penalty, and what is said of the part where there is something.
    assert len(json.loads(written)["tests"]) - 4 in (0, 1)


def test_refusal_has_no_points_and_says_why_on_harmless_lines() -> None:
    told = json.loads(refused_json("a\x1b[2J.zip is no ZIP."))
    assert (told["score"], told["tests"], told["output_format"]) == (0.0, [], "text")
    assert told["output"].startswith("This could not be graded: a") and "\x1b" not in told["output"]


def test_fault_has_neither_score_nor_tests_and_blames_nobody() -> None:
    told = json.loads(ungraded_json())
    assert told.keys() == {"output", "output_format", "visibility", "stdout_visibility"}
    assert "This is not your fault" in told["output"]
    assert (told["visibility"], told["stdout_visibility"]) == ("visible", "hidden")
