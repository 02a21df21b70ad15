"""Lists of known variants: what is read, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.assignment import load_assignment
from grader.errors import UsageError
from grader.model import Stage
from grader.variants import Accepted, Mistake, Sign, read_variants

MISTAKE = """\
- mistake: 1a-sign
  part: 1a
  name: Wrong sign
  say: Look at the sign.
  edit: {cell: "1", old: "+", new: "-"}
"""
ACCEPTED = """\
- accepted: 1a-loop
  part: 1a
  why: entry by entry
  edit: {cell: "1", old: "+", new: "-"}
"""
FRAME = """\
- frame: both
  code: "def f(x): return g(x) + g(-x)"
"""
BORROWED = (
    FRAME
    + """\
- mistake: 1b-sign
  part: 1b
  name: Wrong sign
  say: Look at the sign.
  edit: {cell: "1", old: "+", new: "-"}
  oracles_of: 1a-sign
  frame: both
"""
)


def test_oracles_are_borrowed_and_stand_behind_their_frame(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BORROWED)  # the lender comes later
    (tmp_path / "b.yaml").write_text(MISTAKE + '  oracles: ["def g(x): return -x"]\n')
    borrower, lender = read_variants(tmp_path)
    assert isinstance(borrower, Mistake) and isinstance(lender, Mistake)
    assert borrower.oracles == ("def f(x): return g(x) + g(-x)\ndef g(x): return -x",)
    assert lender.oracles == ("def g(x): return -x",)


def test_mistakes_and_alternatives_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(ACCEPTED)
    (tmp_path / "a.yaml").write_text(MISTAKE)
    kinds = [(type(variant), variant.id) for variant in read_variants(tmp_path)]
    assert kinds == [(Mistake, "1a-sign"), (Accepted, "1a-loop")]


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert read_variants(tmp_path / "variants") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MISTAKE.replace("  say: Look at the sign.\n", ""), "1a-sign: say: Field required"),
        (MISTAKE + "  severty: minor\n", "1a-sign: severty: Extra inputs"),
        (MISTAKE + "  severity: grave\n", "1a-sign: severity: String should match"),
        (MISTAKE + "  signs: [{message: '('}]\n", "not a regular expression"),
        (MISTAKE + MISTAKE, "variants with one name: 1a-sign"),
        ("a: b", "should be a list of variants"),
        ("- [", "not valid YAML"),
        ("- word", "word: should be keys with values"),
        (MISTAKE + "  frame: both\n", "1a-sign: frame: there is no 'both'"),
        (MISTAKE + "  oracles_of: 1b\n", "1a-sign: oracles_of: no oracles of '1b'"),
        (MISTAKE + "  oracles_of: 1a-sign\n", "oracles_of: no oracles of '1a-sign'"),
        (FRAME + FRAME, "variants with one name: both"),
        (FRAME + "  part: 1a\n", "both: part: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UsageError, match=r".") as caught:
        read_variants(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("sign", "fits"),
    [
        (Sign(), True),
        (Sign(check="test_a", stage=Stage.SHAPE, message="shape="), True),
        (Sign(check="test_b"), False),
        (Sign(stage=Stage.VALUES), False),
        (Sign(message="^dtype"), False),
    ],
)
def test_a_sign_fits_what_it_says(sign: Sign, fits: bool) -> None:
    assert sign.fits("test_a", Stage.SHAPE, "x.shape=(2,), but should be (2, 1)") is fits


def test_every_oracle_of_hw5_replaces_a_name_of_the_reference() -> None:
    from grader.checks.reference import Reference

    hw5 = load_assignment("hw5")
    reference = Reference(hw5.reference_folder)
    known = [variant for variant in hw5.variants if isinstance(variant, Mistake)]
    assert {mistake.part for mistake in known} <= set(hw5.parts)
    for mistake in known:
        for oracle in mistake.oracles:
            reference.replaced(oracle)


def test_every_mistake_of_hw5_can_be_recognised() -> None:
    known = [v for v in load_assignment("hw5").variants if isinstance(v, Mistake)]
    recognised = {m.name for m in known if m.oracles or m.signs}
    assert [m.id for m in known if m.name not in recognised] == []
    checks = set(load_assignment("hw5").checks)
    assert {s.check for m in known for s in m.signs if s.check} <= checks
