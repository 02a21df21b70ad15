"""JUnit XML as an independent parser reads it, and as Jenkins's schema wants it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from grader.model import GradeReport, Status
from grader.report.junit import junit_xml
from grader.report.rows import Row
from tests.report.texts import for_all_texts, short, told_by

GOLDEN = Path(__file__).parent / "golden" / "junit.xml"
# junit-10.xsd of Jenkins's xunit-plugin: the attributes and children that an element may have.
ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": (
        {"name", "classname", "time"}, {"failure", "error", "skipped", "system-out"},
    ),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}  # fmt: skip
TIME = re.compile(r"[0-9]+\.[0-9]{3}")


def check_structure(text: str) -> ET.Element:
    root = ET.fromstring(text.encode())
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.keys()) == attributes
        assert {child.tag for child in element} <= children
        if "time" in attributes:
            assert TIME.fullmatch(element.get("time", ""))
    for suite in root:
        tags = Counter(child.tag for case in suite.iter("testcase") for child in case)
        counts = {"failures": tags["failure"], "errors": tags["error"]}
        counts |= {"skipped": tags["skipped"], "tests": len(list(suite.iter("testcase")))}
        assert {key: suite.get(key) for key in counts} == {k: str(n) for k, n in counts.items()}
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    return root


def test_the_golden_file(report: GradeReport) -> None:
    text = junit_xml([short(report)], [Row("eve-9", "Eve", reason="eve.zip is encrypted.")])
    assert text == GOLDEN.read_text(encoding="utf-8")
    check_structure(text)


def test_sums_of_all_suites(report: GradeReport) -> None:
    other = report.submission.model_copy(update={"id": "hopper-3"})
    root = check_structure(junit_xml([report, report.model_copy(update={"submission": other})]))
    assert [root.get(key) for key in ("tests", "failures", "errors", "time")] == [
        "76", "12", "2", "18.840",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        (Status.PASSED, None),
        (Status.PARTIAL, "failure"),
        (Status.FAILED, "failure"),
        (Status.MISSING, "failure"),
        (Status.ERROR, "error"),
        (Status.BLOCKED, "skipped"),
        (Status.NEEDS_REVIEW, "skipped"),
    ],
)
def test_each_status_has_its_element(report: GradeReport, status: Status, tag: str | None) -> None:
    part = report.parts[0]
    check = part.checks[0].model_copy(update={"status": status, "message": "Said."})
    one = report.model_copy(update={"parts": (part.model_copy(update={"checks": (check,)}),)})
    case = next(check_structure(junit_xml([one])).iter("testcase"))
    assert [child.tag for child in case] == ([tag] if tag else [])
    assert [child.get("message") for child in case] == (["Said."] if tag else [])


def test_advice_fails_nothing(report: GradeReport) -> None:
    part = report.parts[0]
    advice = {"status": Status.FAILED, "max_score": 0.0, "score": 0.0, "message": "Try this."}
    check = part.checks[0].model_copy(update=advice)
    one = report.model_copy(update={"parts": (part.model_copy(update={"checks": (check,)}),)})
    root = check_structure(junit_xml([one]))
    assert root.get("failures") == "0"
    assert [out.text for out in root.iter("system-out")] == ["Advice, costs nothing\nTry this."]


def test_a_submission_without_a_report_is_an_error() -> None:
    root = check_structure(junit_xml([], [Row("eve", "Eve", reason="No notebook.")]))
    assert root.get("errors") == "1"
    assert [error.text for error in root.iter("error")] == ["No notebook."]


def test_checks_of_one_name_stay_apart(report: GradeReport) -> None:
    part = report.parts[0].model_copy(update={"checks": report.parts[0].checks[:1] * 3})
    root = check_structure(junit_xml([report.model_copy(update={"parts": (part,)})]))
    title = part.checks[0].title
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == [title, f"{title} (2)", f"{title} (3)"]


def test_hostile_reports_are_well_formed(hostile_report: GradeReport) -> None:
    text = junit_xml([hostile_report])
    check_structure(text)
    assert "<!DOCTYPE" not in text and "<!ENTITY" not in text


@for_all_texts
def test_any_text_of_a_student_is_text(report: GradeReport, text: str) -> None:
    one = told_by(report, text)
    written = junit_xml([one], [Row(text, text, reason=text)])
    root = check_structure(written)
    assert [len(list(suite.iter("testcase"))) for suite in root] == [3, 1]
    assert written == junit_xml([one], [Row(text, text, reason=text)])
