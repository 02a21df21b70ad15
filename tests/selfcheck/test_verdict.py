"""What a self-check shows, as HTML and as text."""

from __future__ import annotations

import pytest

from grader.model import (
    CheckResult,
    Counterexample,
    Frame,
    PartResult,
    Raised,
    Shown,
    Stage,
    Status,
)
from grader.selfcheck.verdict import Refusal, Verdict


def check(status: Status = Status.FAILED, **fields: object) -> CheckResult:
    told = {"id": "c", "title": "Sigmoid is right.", "status": status, "max_score": 1.0,
            "score": 1.0 if status is Status.PASSED else 0.0} | fields  # fmt: skip
    return CheckResult.model_validate(told)


def verdict(*checks: CheckResult, **fields: object) -> Verdict:
    part = {"id": "5b-i", "title": "Sigmoid", "score": 0.0, "max_score": 2.0,
            "status": Status.FAILED, "checks": checks} | fields  # fmt: skip
    return Verdict("Homework", (PartResult.model_validate(part),))


SAMPLE = Counterexample(
    call="sigmoid(x)", inputs={"x": Shown(kind="float", text="0.5")},
    expected=Shown(kind="float", text="0.62"), actual=Shown(kind="float", text="0.5"),
    code="x = 0.5\nexpected = 0.62\nsigmoid(x), expected",
)  # fmt: skip


def test_a_failure_shows_message_cause_hint_example_and_code() -> None:
    failed = check(
        stage=Stage.VALUES,
        message="sigmoid(x)=0.5, but should be 0.62",
        diagnosis="No exp: why",
        hint="Where is exp?",
        counterexample=SAMPLE,
    )
    for shown in (str(verdict(failed)), verdict(failed)._repr_html_()):
        for text in ("but should be 0.62", "No exp: why", "Where is exp?", "x = 0.5", "0 of 1"):
            assert text in shown
    assert "    sigmoid(x), expected" in str(verdict(failed)).split("\n")


def test_it_says_that_it_is_advice() -> None:
    passed = verdict(check(Status.PASSED))
    for shown in (str(passed), passed._repr_html_()):
        assert "This is advice" in shown and "1 of 1 checks passed" in shown


def test_what_is_not_decided_is_no_failure() -> None:
    open_check = verdict(check(Status.NEEDS_REVIEW, message="A person looks."))
    assert "not decided here" in str(open_check) and "1 could not be decided here" in str(
        open_check
    )
    assert 'class="r open"' in open_check._repr_html_()


def test_a_part_without_checks_says_who_reads_it() -> None:
    assert "a person reads your answer" in str(verdict())
    assert "a person reads your answer" in verdict()._repr_html_()


@pytest.mark.parametrize("field", ["title", "message", "hint", "diagnosis"])
def test_text_is_escaped(field: str) -> None:
    assert "<script>" not in verdict(check(**{field: "<script>alert(1)</script>"}))._repr_html_()


def test_values_and_lines_of_code_are_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    sample = SAMPLE.model_copy(
        update={"call": evil, "code": evil, "actual": Shown(kind=evil, text=evil, shape=(1,))}
    )
    raised = Raised(type="E", message=evil, frames=(Frame(where=evil, line=1, code=evil),))
    shown = verdict(check(counterexample=sample), check(raised=raised))._repr_html_()
    assert "<img" not in shown


def test_a_traceback_names_the_cells_as_the_notebook_does() -> None:
    raised = Raised(type="E", message="m", frames=(Frame(where="cell 12, f", line=3, code="x"),))
    assert "In [12, f], line 3" in verdict(check(raised=raised))._repr_html_()


def test_without_a_notebook_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Refusal("There is no part 9z.").show()
    assert capsys.readouterr().out == "There is no part 9z.\n"


def test_names_in_backticks_are_code_and_stay_escaped() -> None:
    shown = verdict(check(message="`a<b` is `None`"))._repr_html_()
    assert "<code>a&lt;b</code> is <code>None</code>" in shown
