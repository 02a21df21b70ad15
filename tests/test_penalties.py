"""What broken policies cost, and where it shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.assignment import Assignment
from grader.cli import _stamps
from grader.errors import UsageError
from grader.grade_command import entries_of
from grader.grading import Options, grade
from grader.intake import ClassList
from grader.intake import Entry as Submitted
from grader.model import PolicyState
from grader.penalties import apply_policies, penalties_of
from grader.policy_entries import Comments, Executed, Lateness, Pdf, PolicyBase
from grader.report import parse_json, render_html, render_json, render_text
from grader.sandbox.launcher import Launcher
from grader.submission import Submission, read_submission
from tests.submissions.build import perfect, slim


def late(**more: Any) -> Lateness:
    told = {"policy": "lateness", "price": "10%", "due": "2025-03-14T20:00", "zone": "UTC"}
    return Lateness(**(told | more))


def with_policies(assignment: Assignment, *entries: PolicyBase) -> Assignment:
    rubric = assignment.rubric.model_copy(update={"policies": entries})
    return Assignment(assignment.folder, rubric)


@pytest.fixture
def work(tmp_path: Path) -> Submission:
    """A perfect submission, handed in two and a half days after `late()`'s date."""
    nbformat.write(slim(perfect()), tmp_path / "a.ipynb")
    return read_submission(
        tmp_path / "a.ipynb", submitted_at=datetime.fromisoformat("2025-03-17T08:00+00:00")
    )


COSTS: dict[str, tuple[dict[str, Any], float]] = {
    "share of all points": ({}, -10),
    "points": ({"price": 3}, -3),
    "by the day": ({"per_day": True}, -30),
    "by the day with a cap": ({"per_day": True, "at_most": "25%"}, -25),
    "never more than all points": ({"per_day": True, "price": "50%"}, -100),
    "free": ({"price": 0}, 0),
    "in time": ({"due": "2025-03-18T20:00"}, 0),
}


@pytest.mark.parametrize("form", COSTS)
def test_price_of_a_broken_policy(hw5: Assignment, work: Submission, form: str) -> None:
    options, points = COSTS[form]
    (result,) = apply_policies(with_policies(hw5, late(**options)), work)
    assert sum(part.points for part in hw5.rubric.parts) == 100
    assert result.points == points
    assert str(result.points) != "-0.0"


def test_switch_and_order(hw5: Assignment, work: Submission) -> None:
    entries = (
        Pdf(policy="pdf", price=1),
        late(enabled=False),
        late(),
        Executed(policy="executed", price=2),
    )  # type: ignore[arg-type]
    results = apply_policies(with_policies(hw5, *entries), work)
    assert [(r.policy, r.state) for r in results] == [
        ("pdf", PolicyState.UNDECIDED),
        ("lateness", PolicyState.BROKEN),
        ("executed", PolicyState.MET),
    ]  # fmt: skip
    (penalty,) = penalties_of(results)
    assert (penalty.policy, penalty.points) == ("Handed in on time", -10)
    assert penalty.reason.startswith("Handed in 2025-03-17 08:00 +0000, due 2025-03-14 20:00 +0000")


def test_title_of_the_rubric_is_shown(hw5: Assignment, work: Submission) -> None:
    entry = Comments(policy="comments", price=1, title="Comment on your code")  # type: ignore[arg-type]
    (result,) = apply_policies(with_policies(hw5, entry), work)
    assert (result.title, result.state) == ("Comment on your code", PolicyState.MET)


def test_report_shows_penalties_and_quiet_policies(
    hw5: Assignment, launcher: Launcher, work: Submission
) -> None:
    assignment = with_policies(hw5, late(), Pdf(policy="pdf", price=1))  # type: ignore[arg-type]
    report = grade(assignment, work, launcher)
    assert report.score == report.auto_score - 10 == report.auto_max_score - 10
    assert [p.points for p in report.penalties] == [-10]
    assert parse_json(render_json(report)) == report
    text = render_text(report)
    assert "\N{MINUS SIGN}10  Handed in on time: Handed in 2025-03-17 08:00" in text
    assert "… PDF handed in (for a person to see): `a.ipynb` came alone" in text
    assert "Handed in 2025-03-17 08:00 +0000" in render_html(report)


def test_policies_are_about_the_whole(
    hw5: Assignment, launcher: Launcher, work: Submission
) -> None:
    report = grade(with_policies(hw5, late()), work, launcher, Options(parts=("1a",)))
    assert (report.policies, report.penalties) == ((), ())
    assert report.score == report.auto_score


def test_stamps_come_from_an_option_or_a_table(tmp_path: Path) -> None:
    one, two = (Submitted(name, name, tmp_path / f"{name}.zip") for name in ("one", "two"))
    alone, both = ClassList("single", (one,)), ClassList("folder", (one, two))
    date = datetime.fromisoformat("2025-03-14T20:00:00+00:00")
    (tmp_path / "t.csv").write_text("id,submitted_at\none,2025-03-14T20:00:00Z\n")

    def dates(klass: ClassList, option: str | None, table: Path | None) -> list[datetime | None]:
        found = entries_of(klass, _stamps(klass, option, table))
        return [entry.submitted_at for entry in found]

    assert dates(alone, "2025-03-14T20:00Z", None) == [date]
    assert dates(both, None, tmp_path / "t.csv") == [date, None]
    assert dates(alone, None, None) == [None]
    with pytest.raises(UsageError, match="--submitted-at is for one submission"):
        dates(both, "2025-03-14", None)


def test_the_lms_own_date_counts_where_no_table_tells_another(tmp_path: Path) -> None:
    told, other = (datetime.fromisoformat(f"2025-03-1{n}T20:00:00+00:00") for n in (4, 5))
    one = Submitted("one", "one", tmp_path / "one.zip", submitted_at=told)
    klass = ClassList("canvas", (one,))
    assert [entry.submitted_at for entry in entries_of(klass, {})] == [told]
    assert [entry.submitted_at for entry in entries_of(klass, {"one": other})] == [other]
