"""Verdicts: what counts as a mistake found, an alternative accepted, a mutant killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.exam.equivalents import Equivalent, read_equivalents
from grader.exam.mutants import Mutant
from grader.exam.results import Graded, Loss, PartScore
from grader.exam.verdicts import judge_mutant, judge_variant
from grader.variants import Accepted, Edit, Mistake

EDIT = Edit(cell="1b", old="2", new="3")
WRONG = Mistake(mistake="thrice", part="1b", name="Thrice", say="No.", edit=EDIT)
RIGHT = Accepted(accepted="other", part="1b", why="It is.", edit=EDIT)
MUTANT = Mutant("1b:L2:2->3", "1b", "1b", 2, "return 2 * x", "return  3 * x", "")
HERE = Loss(part="1b", check="double", points=1, message="no", diagnosis="Thrice: No.")
THERE = Loss(part="1c", check="total", points=1, message="no", diagnosis="Thrice: No.")
DOUBT = ("1b", "double")
SAME = Equivalent(part="1b", old="return 2 * x", new=("return 3 * x",), reason="As right.")


def graded(*losses: Loss, review: tuple[tuple[str, str], ...] = (), fault: str = "") -> Graded:
    return Graded(task="t", losses=losses, review=review, fault=fault)


@pytest.mark.parametrize(
    ("outcome", "right", "named"),
    [
        (graded(HERE), True, True),
        (graded(), False, False),
        (graded(THERE), False, False),
        (graded(HERE, THERE), False, True),
        (graded(review=(DOUBT,)), False, False),
        (graded(fault="broken"), False, False),
    ],
    ids=["there", "nowhere", "elsewhere", "everywhere", "doubt", "fault"],
)
def test_mistake_has_to_lose_points_there_and_nowhere_else(
    outcome: Graded, right: bool, named: bool
) -> None:
    found = judge_variant(WRONG, outcome, frozenset())
    assert (found.right, found.named) == (right, named)


def test_accepted_alternative_may_lose_nothing() -> None:
    assert judge_variant(RIGHT, graded(), frozenset()).right
    assert not judge_variant(RIGHT, graded(THERE), frozenset()).right


def test_doubt_that_the_reference_raises_too_is_not_told() -> None:
    outcome = graded(review=(DOUBT,))
    assert judge_variant(RIGHT, outcome, frozenset()).review == ("1b",)
    assert judge_variant(RIGHT, outcome, frozenset({DOUBT})).review == ()


@pytest.mark.parametrize(
    ("outcome", "declared", "state"),
    [
        (graded(HERE), (), "killed"),
        (graded(THERE), (), "killed"),
        (graded(HERE), (SAME,), "killed"),
        (graded(review=(DOUBT,)), (), "review"),
        (graded(), (SAME,), "equivalent"),
        (graded(), (), "survived"),
        (graded(fault="broken"), (SAME,), "fault"),
    ],
)
def test_mutant_is_killed_or_declared_or_survives(
    outcome: Graded, declared: tuple[Equivalent, ...], state: str
) -> None:
    assert judge_mutant(MUTANT, outcome, declared, frozenset()).state == state


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"new": ()}, True),
        ({"old": "return  2 * x"}, True),
        ({"part": "1c"}, False),
        ({"old": "return x"}, False),
        ({"new": ("return 4 * x",)}, False),
    ],
)
def test_declared_equivalent_fits_its_part_and_lines(
    changes: dict[str, object], fits: bool
) -> None:
    assert SAME.model_copy(update=changes).fits(MUTANT) is fits


def test_equivalents_without_a_reason_are_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "equivalents.yaml").write_text("- {part: 1b, old: x}\n")
    with pytest.raises(UsageError, match="reason: Field required"):
        read_equivalents(tmp_path)


def test_score_is_the_share_of_the_wrong_ones_that_were_noticed() -> None:
    score = PartScore(part="p", title="P", total=10, killed=5, review=1, equivalent=2, survived=2)
    assert score.share == 0.75
    assert PartScore(part="p", title="P", total=2, equivalent=2).share == 1
