"""Every status and stage has words, and numbers read as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.model import CheckResult, GradeReport, PartResult, Penalty, Shown, Stage, Status
from grader.report import words


def test_summary_tells_what_rules_have_taken_and_nothing_where_they_took_nothing(
    report: GradeReport,
) -> None:
    rules = (
        Penalty(policy="PDF", points=-1.0, reason=""),
        Penalty(policy="names", points=-1.5, reason=""),
    )
    broken = report.model_copy(update={"penalties": rules})
    assert words.summary(broken) == f"{words.standing(report)}, 2.5 points taken for rules"
    assert words.summary(report.model_copy(update={"penalties": ()})) == words.standing(report)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (10.0, "10"),
        (1.5, "1.5"),
        (2 / 3, "0.67"),
        (-2.0, "\N{MINUS SIGN}2"),
        (-0.001, "0"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1 point"), (0, "0 points"), (0.5, "0.5 points"), (2, "2 points")]
)
def test_points_agree_in_number(value: float, text: str) -> None:
    assert words.points(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0421, "42 ms"), (9.42, "9.4 s"), (125.0, "2 min 5 s")]
)
def test_seconds_are_as_precise_as_it_matters(value: float, text: str) -> None:
    assert words.seconds(value) == text


def test_lists_read_as_phrases() -> None:
    assert [words.listed(range(n)) for n in range(4)] == ["", "0", "0 and 1", "0, 1 and 2"]


def test_every_status_and_stage_has_words_and_a_symbol_of_its_own() -> None:
    assert set(words.STATUS_WORDS) == set(words.STATUS_SYMBOLS) == set(Status)
    assert len(set(words.STATUS_SYMBOLS.values())) == len(Status)
    assert list(words.STAGE_NAMES) == list(words.STAGE_SENTENCES) == list(Stage)


def test_every_way_for_a_cell_to_stop_is_said_in_words() -> None:
    kinds = ("raised", "timeout", "syntax", "died", "another")
    assert [words.problem(kind) for kind in kinds] == [
        "stopped by an error", "time limit", "not valid Python", "its process ended", "another",
    ]  # fmt: skip


def test_standing_tells_automatic_points_from_those_to_be_marked(report: GradeReport) -> None:
    assert words.standing(report) == "37 of 63 automatic points, 6 points await marking"
    done = report.model_copy(update={"pending_points": 0.0})
    assert words.standing(done) == "37 of 63 automatic points"
    one = report.model_copy(update={"pending_points": 1.0})
    assert words.standing(one).endswith(", 1 point awaits marking")


@pytest.mark.parametrize(
    ("status", "score", "pending", "text", "unmarked"),
    [
        (Status.PASSED, 5, 0, "Passed", False),
        (Status.PASSED, 2, 3, "Passed, 3 points to be marked", False),
        (Status.NEEDS_REVIEW, 0, 5, "5 points to be marked", True),
        (Status.NEEDS_REVIEW, 4, 1, "1 point to be marked", False),
        (Status.FAILED, 0, 0, "Not right yet", False),
    ],
)
def test_part_status_names_what_a_person_still_marks(
    status: Status, score: float, pending: float, text: str, unmarked: bool
) -> None:
    part = PartResult(
        id="1", title="", score=score, max_score=5, status=status, pending_points=pending
    )
    assert words.part_status(part) == text
    assert words.unmarked(part) is unmarked


def test_to_gain_leaves_out_what_a_person_still_marks(report: GradeReport) -> None:
    gains = [(report.parts[place].id, gain) for place, gain in words.to_gain(report.parts)]
    assert gains == [("3c", 6), ("5c-ii", 6), ("3d", 5)]
    assert words.to_gain(report.parts[:3]) == []


def test_tally_counts_each_part_once(report: GradeReport) -> None:
    tally = dict(words.tally(report.parts))
    assert sum(tally.values()) == len(report.parts)
    assert tally[Status.PASSED] == 13
    assert Status.FAILED not in dict(words.tally(report.parts[:3]))


def test_a_part_needs_reading_where_a_single_check_does(
    report: GradeReport, make_check: Callable[..., CheckResult]
) -> None:
    part = next(part for part in report.parts if part.id == "4e")
    failed = make_check(Status.FAILED, "One more", (0, 1))
    assert not words.needs_reading(part)
    assert words.needs_reading(part.model_copy(update={"checks": (failed,)}))


def test_facts_name_what_is_known(make_shown: Callable[..., Shown]) -> None:
    told = [("Tensor", False), ("float32", False), ("shape (2,)", False)]
    assert words.facts(make_shown([1.0, 2.0])) == told
    assert words.facts(Shown(kind="str", text="'a'")) == [("str", False)]


@pytest.mark.parametrize(
    ("stage", "given", "wanted"),
    [
        (Stage.KIND, [True, False, False], ["ndarray", "shape (2, 1)"]),
        (Stage.DTYPE, [False, True, False], ["float64", "shape (2, 1)"]),
        (Stage.SHAPE, [False, False, True], ["shape (2, 1)"]),
        (Stage.VALUES, [False, False, False], ["shape (2, 1)"]),
    ],
)
def test_only_the_fact_of_the_stage_is_the_difference(
    stage: Stage, given: list[bool], wanted: list[str]
) -> None:
    mine = Shown(kind="Tensor", text="", dtype="float32", shape=(2,))
    right = Shown(kind="ndarray", text="", dtype="float64", shape=(2, 1))
    assert [differs for _, differs in words.facts(mine, right, stage)] == given
    assert [fact for fact, _ in words.facts(right, mine, stage, wanted=True)] == wanted


def test_tried_counts_inputs(make_check: Callable[..., CheckResult]) -> None:
    texts = [words.tried(make_check(Status.PASSED, "", (1, 1), examples=n)) for n in (0, 1, 100)]
    assert texts == ["", "tried on 1 input", "tried on 100 inputs"]
