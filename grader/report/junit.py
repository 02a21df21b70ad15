"""JUnit XML, as pytest writes it and Jenkins and GitLab read it.

The structure is that of Jenkins's `junit-10.xsd`. GitLab shows `classname` and `name`, and drops
the second of two cases that have both in common: here no two have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

from grader.model import CheckResult, GradeReport, PartResult, Status
from grader.report import words
from grader.report.escape import visible
from grader.report.rows import Row, decimal
from grader.report.text import render_check, render_part

# What XML 1.0 has no way to write, and the two characters that are none.
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {
    Status.PASSED: "",
    Status.PARTIAL: "failure",
    Status.FAILED: "failure",
    Status.MISSING: "failure",
    Status.ERROR: "error",
    Status.BLOCKED: "skipped",
    Status.NEEDS_REVIEW: "skipped",
}


def junit_xml(reports: Iterable[GradeReport], ungraded: Sequence[Row] = ()) -> str:
    """Return a suite a submission and a case a check, in the order given.

    A wrong answer is a `failure`, code that did not finish an `error`; what waits for a person or
    for another part is `skipped`. A check that is worth nothing passes, with its advice as
    output. `ungraded` are submissions without a report: an `error` with the reason.
    """
    suites = [_suite(report) for report in reports] + [_ungraded(row) for row in ungraded]
    root = ET.Element("testsuites", name="grader")
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    root.extend(suites)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


@dataclass(frozen=True)
class _Case:
    name: str
    tag: str
    kind: str
    message: str
    text: str
    output: str
    seconds: float


def _suite(report: GradeReport) -> ET.Element:
    name = f"{report.assignment}.{report.submission.id}"
    cases = [(part, case) for part in report.parts for case in _unique(_cases(part))]
    tags = Counter(case.tag for _, case in cases)
    suite = _counted(name, len(cases), tags, report.duration_s)
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(report):
        ET.SubElement(properties, "property", name=key, value=_legal(value))
    for part, case in cases:
        suite.append(_element(case, f"{name}.{part.id}"))
    return suite


def _properties(report: GradeReport) -> Iterator[tuple[str, str]]:
    yield "student", report.submission.student
    yield "score", decimal(report.score)
    yield "max_score", decimal(report.max_score)
    yield "pending_points", decimal(report.pending_points)
    for penalty in report.penalties:
        yield "penalty", f"{decimal(penalty.points)} {penalty.policy}: {penalty.reason}"


def _ungraded(row: Row) -> ET.Element:
    suite = _counted(row.id, 1, Counter(["error"]), 0.0)
    reason = row.reason or "There is no grade."
    suite.append(_element(_Case("graded", "error", "ungraded", reason, reason, "", 0.0), row.id))
    return suite


def _counted(name: str, tests: int, tags: Counter[str], seconds: float) -> ET.Element:
    attributes = {
        "name": _legal(name),
        "tests": str(tests),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
        "skipped": str(tags["skipped"]),
        "time": _time(seconds),
    }
    return ET.Element("testsuite", attributes)


def _cases(part: PartResult) -> Iterator[_Case]:
    remarks = render_part(part)
    if not part.checks:
        yield _case(part.title, part.status, words.part_status(part), remarks, "", 0.0)
    for place, check in enumerate(part.checks):
        # What concerns the whole part stands once, beside its first check.
        yield _of_check(check, remarks if place == 0 else "")


def _of_check(check: CheckResult, remarks: str) -> _Case:
    found = render_check(check)
    if not check.max_score and check.status not in (Status.PASSED, Status.NEEDS_REVIEW):
        output = "\n".join(filter(None, [words.check_status(check), found, remarks]))
        return _case(check.title, Status.PASSED, "", "", output, check.duration_s)
    said = check.message or words.check_status(check)
    return _case(check.title, check.status, said, found, remarks, check.duration_s)


def _case(name: str, status: Status, said: str, text: str, output: str, seconds: float) -> _Case:
    return _Case(name, _TAGS[status], status.value, said, text, output, seconds)


def _unique(cases: Iterable[_Case]) -> Iterator[_Case]:
    """The cases of a part, told apart by a number where they have one name."""
    seen: set[str] = set()
    for case in cases:
        name, number = _legal(case.name), 1
        while name in seen:
            number += 1
            name = f"{_legal(case.name)} ({number})"
        seen.add(name)
        yield replace(case, name=name)


def _element(case: _Case, classname: str) -> ET.Element:
    shown = {"classname": _legal(classname), "name": case.name, "time": _time(case.seconds)}
    element = ET.Element("testcase", shown)
    if case.tag:
        attributes = {"type": case.kind, "message": _legal(case.message)}
        ET.SubElement(element, case.tag, attributes).text = _legal(case.text or case.message)
    if case.output:
        ET.SubElement(element, "system-out").text = _legal(case.output)
    return element


def _time(seconds: float) -> str:
    """Seconds in the form that the schema asks of a suite: digits, a point, digits."""
    return f"{max(0.0, seconds):.3f}"


def _legal(text: str) -> str:
    """`text` with hidden characters written out, and without what XML cannot hold."""
    return _ILLEGAL.sub("", visible(text))
