"""Naming the mistake behind a failed check, and naming none where there is none to name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.checks import AnswerMissing, CheckFailed, assert_matches
from grader.checks.diagnosis import diagnose
from grader.checks.reference import Reference
from grader.errors import UsageError
from grader.model import Stage
from grader.variants import Edit, Mistake, Sign

EDIT = Edit(cell="1", old="a", new="b")
X = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    folder = tmp_path / "doubling"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "answers.py").write_text("LIMIT = 3\n\ndef double(x):\n    return 2 * x\n")
    return Reference(folder)


def mistake(name: str, *oracles: str, signs: tuple[Sign, ...] = ()) -> Mistake:
    return Mistake(
        mistake=name, part="1", name=name, say="", edit=EDIT, oracles=oracles, signs=signs
    )


HALVED = mistake("halved", "def double(x):\n    return x / 2")
SQUARED = mistake(
    "squared", "def double(x):\n    return 2 * x ** 3", "def double(x):\n    return x ** 2"
)
RAISES = mistake("raises", "def double(x):\n    return x.nothing()")
BY_SIGN = mistake("by sign", signs=(Sign(stage=Stage.SHAPE),))


def named(reference: Reference, answer: Any, *known: Mistake, **options: Any) -> str | None:
    """The name that a failed check of `double` gets where the student's answer is `answer`."""

    def check(against: Any) -> None:
        assert_matches(answer, against.double(X), what="double(x)")

    with pytest.raises(CheckFailed) as caught:
        check(reference)
    found = diagnose("test_double", caught.value, known, check, reference,
                     **{"patience_s": 60.0, **options})  # fmt: skip
    return found.name if found else None


def test_the_variant_that_would_have_been_right_is_named(reference: Reference) -> None:
    assert named(reference, X / 2, SQUARED, HALVED) == "halved"


def test_each_form_of_a_mistake_counts(reference: Reference) -> None:
    assert named(reference, X**2, HALVED, SQUARED) == "squared"


def test_another_answer_is_not_named(reference: Reference) -> None:
    assert named(reference, X + 1, HALVED, SQUARED, RAISES) is None


def test_a_variant_that_raises_is_not_it(reference: Reference) -> None:
    assert named(reference, X / 2, RAISES, HALVED) == "halved"


def test_a_sign_is_enough(reference: Reference) -> None:
    assert named(reference, X.T, HALVED, BY_SIGN) == "by sign"


def test_a_general_name_is_given_only_where_no_other_fits(reference: Reference) -> None:
    vague = BY_SIGN.model_copy(update={"general": True, "signs": (Sign(stage=Stage.VALUES),)})
    assert named(reference, X / 2, vague, HALVED) == "halved"
    assert named(reference, X + 1, vague, HALVED) == "by sign"


def test_no_variant_is_tried_when_the_time_is_over(reference: Reference) -> None:
    assert named(reference, X / 2, HALVED, patience_s=-1.0) is None


def test_a_variant_that_gives_credit_is_tried_however_late_it_is(reference: Reference) -> None:
    worth = HALVED.model_copy(update={"credit": 0.5})
    assert named(reference, X / 2, SQUARED, worth, RAISES, patience_s=-1.0) == "halved"
    # What comes before it would have been found first with more time, and is so without.
    assert named(reference, X / 2, HALVED, worth, patience_s=-1.0) == "halved"
    assert named(reference, X**2, worth, SQUARED, patience_s=-1.0) is None


def test_wrong_means_do_not_hide_what_is_wrong_with_the_result(reference: Reference) -> None:
    def check(against: Any) -> None:
        assert_matches(X / 2, against.double(X), what="double(x)")
        raise CheckFailed(Stage.MEANS, "by a ready-made function")

    def name(failed: CheckFailed) -> str | None:
        found = diagnose("test_double", failed, [SQUARED, HALVED], check, reference, patience_s=60)
        return found.name if found else None

    with pytest.raises(CheckFailed, match="should be") as caught:
        check(reference)
    assert name(caught.value) == "halved"
    assert name(CheckFailed(Stage.MEANS, "by a ready-made function")) is None


def test_a_missing_answer_is_no_mistake(reference: Reference) -> None:
    missing = AnswerMissing(Stage.PRESENT, "`double` is not defined.")

    def check(against: Any) -> None:
        return None

    found = diagnose("test_double", missing, [HALVED], check, reference, patience_s=60.0)
    assert found is None


def test_the_reference_itself_stays_as_it_is(reference: Reference) -> None:
    other = reference.replaced("LIMIT = 4\ndef double(x):\n    return LIMIT * x")
    assert (other.LIMIT, float(other.double(1.0).value)) == (4, 4.0)
    assert (reference.LIMIT, float(reference.double(1.0).value)) == (3, 2.0)


@pytest.mark.parametrize("source", ["def triple(x):\n    return 3 * x", "1 / 0", "def double(x:"])
def test_a_variant_of_nothing_is_a_fault_of_the_rubric(reference: Reference, source: str) -> None:
    with pytest.raises(UsageError, match="a variant"):
        reference.replaced(source)
