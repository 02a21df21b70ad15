"""The class's page: its numbers, its table in a real browser, and names that would like to act."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from grader.model import (
    CellProblem,
    CheckResult,
    GradeReport,
    Isolation,
    PartResult,
    Penalty,
    Status,
    SubmissionInfo,
)
from grader.report.class_page import render_class
from grader.report.class_summary import summarise
from grader.report.rows import Row
from tests.report.attacks import MARK, MARKUP, aimed
from tests.report.test_browser import Tags, _load, browser_only


def part(name: str, score: float, most: float = 4, **changes: object) -> PartResult:
    status = Status.PASSED if score == most else Status.PARTIAL if score else Status.FAILED
    given = {
        "id": name, "title": f"Part {name}", "score": score, "max_score": most, "status": status,
        "duration_s": 0.5, **changes,
    }  # fmt: skip
    return PartResult(**given)  # type: ignore[arg-type]


def check(**changes: object) -> CheckResult:
    given = {"id": "c", "title": "A check", "status": Status.FAILED, "score": 0, "max_score": 4}
    return CheckResult(**{**given, **changes})  # type: ignore[arg-type]


def row(name: str, *parts: PartResult, taken: float = 0, student: str = "") -> Row:
    score = sum(p.score for p in parts)
    most, pending = sum(p.max_score for p in parts), sum(p.pending_points for p in parts)
    report = GradeReport(
        assignment="small", title="A small homework", score=max(score + taken, 0), max_score=most,
        submission=SubmissionInfo(id=name, student=name, files=("a.ipynb",), sha256="0"),
        auto_score=score, auto_max_score=most - pending, pending_points=pending, parts=parts,
        penalties=(Penalty(policy="Late", points=taken, reason="late"),) if taken else (),
        isolation=Isolation(tier="t", kernel="k"), device="cpu", environment={}, seed=1,
        duration_s=2.5,
    )  # fmt: skip
    return Row(name, student or name, score=report.score, report=report)


REVIEW = check(status=Status.NEEDS_REVIEW, title="A drawing", max_score=2.0)
KLASS = [
    row("ada", part("1", 4), part("2", 4)),
    row("bob", part("1", 0, checks=(check(diagnosis="No minus: say"),)), part("2", 2)),
    row("cyn", part("1", 0, checks=(check(diagnosis="No minus: say"),)), part("2", 0), taken=-1),
    row("dan", part("1", 2), part("2", 2, checks=(REVIEW,), pending_points=2.0)),
    Row("eve", "eve", reason="the file is broken"),
]


def test_each_part_has_its_mean_and_its_discrimination() -> None:
    summary = summarise(KLASS)
    first, second = summary.parts
    assert (first.id, first.median_s, first.statuses[Status.FAILED]) == ("1", 0.5, 2)
    assert first.share == pytest.approx((1 + 0 + 0 + 0.5) / 4)
    # Of what machines decide: two of dan's four points in part 2 wait for a person.
    assert second.share == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    # numpy.corrcoef([4, 0, 0, 2], [4, 2, 0, 2])
    assert first.discrimination == pytest.approx(0.8528, abs=1e-4)


def test_a_part_that_all_get_tells_nobody_apart() -> None:
    summary = summarise(
        [row(n, part("1", 4), part("2", s)) for n, s in zip("abc", (0, 2, 4), strict=True)]
    )
    assert [one.discrimination for one in summary.parts] == [None, None]


def test_mistakes_are_counted_by_who_made_them() -> None:
    (mistake,) = summarise(KLASS).mistakes
    assert (mistake.part, mistake.name, mistake.who) == ("1", "No minus", ("bob", "cyn"))
    twice = part("1", 0, checks=(check(diagnosis="A: x"), check(id="d", diagnosis="A: x")))
    assert summarise([row("a", twice)]).mistakes[0].who == ("a",)


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("ran longer than 10 s", "time"),
        ("gave no answer within 3 s", "time"),
        ("ended its own process (out of memory: its limit is 8 MiB)", "memory"),
        ("ended its own process (out of CPU time: its limit is 60 s)", "CPU time"),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("NameError: name 'x' is not defined", None),
    ],
)
def test_limits_are_told_apart_from_mistakes(message: str, limit: str | None) -> None:
    problem = CellProblem(cell=1, kind="timeout", message=message)
    in_cell = row("a", part("1", 0, problems=(problem,)))
    in_call = row("a", part("1", 0, checks=(check(message=message),)))
    for one in (in_cell, in_call):
        assert [found.name for found in summarise([one]).limits] == ([limit] if limit else [])


def test_what_waits_for_a_person_is_listed_with_its_points() -> None:
    by_hand = part("3", 0, 3, pending_points=3.0, title="In words", status=Status.NEEDS_REVIEW)
    told = summarise([*KLASS, row("fay", part("1", 4), part("2", 4), by_hand)]).to_mark
    assert [(t.part, t.title, t.points, t.who) for t in told] == [
        ("2", "A drawing", 2.0, ("dan",)), ("3", "In words", 3.0, ("fay",)),
    ]  # fmt: skip


def test_scores_fall_into_bins_of_a_twentieth() -> None:
    summary = summarise(KLASS)
    assert sum(summary.bins) == len(summary.graded) == 4
    assert (summary.bins[19], summary.bins[0]) == (1, 1)
    assert [line.reason for line in summary.ungraded] == ["the file is broken"]


def test_a_class_without_a_grade_has_a_page() -> None:
    page = render_class(summarise([KLASS[-1]]))
    assert "the file is broken" in page and "No submission has a grade" in page


def test_only_the_pages_own_script_may_run() -> None:
    page = render_class(summarise(KLASS))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = hashlib.sha256(script[0].encode()).digest()
    assert len(script) == 1
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}';" in policy.replace(
        "&#39;", "'"
    )
    assert "default-src 'none'" in policy and "unsafe-inline'; script" in policy


def driven(page: str, driver: str) -> str:
    """The page with a script of the test's in it, which its policy allows here."""
    allowed = f"sha256-{base64.b64encode(hashlib.sha256(driver.encode()).digest()).decode()}"
    page = re.sub(r"script-src '([^']+)'", rf"script-src '\1' '{allowed}'", page)
    assert allowed in page
    return page.replace("</body>", f"<script>{driver}</script></body>")


@browser_only
def test_the_table_is_sorted_and_filtered_in_a_browser(tmp_path: Path) -> None:
    driver = """{
const told = [];
const names = () => Array.from(document.querySelectorAll("#class tbody tr"))
  .filter((row) => !row.hidden).map((row) => row.cells[0].textContent.trim()).join(" ");
const press = (n) => document.querySelectorAll("#class thead button")[n].click();
told.push(names());
press(1); told.push(names());
press(1); told.push(names());
press(0); told.push(names());
const find = document.getElementById("find"), only = document.getElementById("only");
find.value = "A"; find.dispatchEvent(new Event("input")); told.push(names());
told.push(document.getElementById("count").textContent);
find.value = ""; only.value = "ungraded";
only.dispatchEvent(new Event("change")); told.push(names());
only.value = "penalty"; only.dispatchEvent(new Event("change")); told.push(names());
document.title = told.join(" | ");
}"""
    path = tmp_path / "index.html"
    path.write_text(driven(render_class(summarise(KLASS)), driver), encoding="utf-8")
    (title,) = re.findall("<title>([^<]*)</title>", _load(path.as_uri(), tmp_path))
    assert title.split(" | ") == [
        "ada bob cyn dan eve",
        "eve cyn bob dan ada",
        "ada dan bob cyn eve",
        "ada bob cyn dan eve",
        "ada dan",
        "2 of 5 shown",
        "eve",
        "cyn",
    ]


@browser_only
def test_names_and_reasons_cannot_act(tmp_path: Path) -> None:
    attacks = list(aimed(MARKUP, "http://127.0.0.1:9"))
    rows = [
        row(f"s{n}", part("1", 0, title=text, checks=(check(diagnosis=text, title=text),)),
            student=text)
        for n, text in enumerate(attacks)
    ]  # fmt: skip
    rows += [Row(f"u{n}", text, reason=text) for n, text in enumerate(attacks)]
    path = tmp_path / "index.html"
    path.write_text(render_class(summarise(rows)), encoding="utf-8")
    document = _load(path.as_uri(), tmp_path)
    assert MARK not in document and "<title>owned" not in document
    found = Tags(document)
    assert not found.names & {"iframe", "object", "embed", "link", "base", "img", "form", "video"}
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    links = [value for name, value in found.attributes if name == "href"]
    assert all(value.startswith(("#", "reports/")) for value in links)
