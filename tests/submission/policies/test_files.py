"""Names of files and the PDF among them."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from grader.policy_entries import Names, Pdf
from grader.submission.policies.names import judge_names, judge_pdf
from tests.submission.policies.conftest import Handed

PDF = Pdf(policy="pdf", price=1)  # type: ignore[arg-type]


def names(**more: Any) -> Names:
    told = {"policy": "names", "price": 1, "pattern": r"[a-z]+_hw_5", "example": "name_hw_5"}
    return Names(**(told | more))


STEMS = {
    "ann_hw_5": True,
    "Ann_HW_5": True,
    "annlee_123_4567_ann_hw_5": True,
    "annlee_LATE_123_4567_ann_hw_5": True,
    "annlee_123_4567_ann_hw_5-2": True,
    "ann_hw_5 (1)": True,
    "ann_hw_5-1": True,
    "ann_hw_5-2 (1)": True,
    "ann_hw_5-final": False,
    "my_ann_hw_5": False,
    "ann_hw_4": False,
    "ann_hw_5_123_4567": False,
    "": False,
}


@pytest.mark.parametrize("stem", STEMS)
def test_name_is_matched_without_what_others_added(handed: Handed, stem: str) -> None:
    work = handed("x = 1", source="ann_hw_5.ipynb", container="zip", container_name=f"{stem}.zip")
    finding = judge_names(work, None, names())
    expected = "met" if STEMS[stem] or not stem else "broken"
    assert finding.state == expected, finding.evidence
    if expected == "broken":
        told = f"name=`{stem}.zip`, but should be named like `name_hw_5`"
        assert finding.evidence == (told,)


def test_the_example_itself_is_for_a_person(handed: Handed) -> None:
    work = handed("x = 1", source="name_hw_5.ipynb", container="folder")
    finding = judge_names(work, None, names(pattern=r"[a-z]+_hw_5"))
    assert finding.state == "undecided"
    assert finding.evidence == ("`name_hw_5.ipynb` is the example itself: is it anybody's name?",)
    work = handed("x = 1", source="ann_12_345_name_hw_5-1.ipynb", container="folder")
    assert judge_names(work, None, names(pattern=r"[a-z]+_hw_5")).state == "undecided"


def test_letters_taken_apart_are_put_together(handed: Handed) -> None:
    pattern = names(pattern=r"[^\W\d_]+_hw_5")
    apart = unicodedata.normalize("NFD", "müller_hw_5.ipynb")
    work = handed("x = 1", source=apart, container="folder")
    assert judge_names(work, None, pattern).state == "met"


def test_file_that_came_alone_is_judged_only_if_the_rubric_says_so(handed: Handed) -> None:
    work = handed("x = 1", source="other.ipynb")
    assert judge_names(work, None, names()).state == "undecided"
    assert judge_names(work, None, names(alone=True)).state == "broken"


def test_of_several_pdfs_the_nearest_counts(handed: Handed, tmp_path: Path) -> None:
    extra = {"sub/ann_hw_5.pdf": tmp_path, "paper.pdf": tmp_path}
    work = handed("x = 1", source="ann_hw_5.ipynb", extra=extra, container="folder")
    assert judge_names(work, None, names()).state == "met"
    work = handed("x = 1", source="ann_hw_5.ipynb", extra={"p.pdf": tmp_path}, container="folder")
    assert judge_names(work, None, names()).state == "broken"
    assert judge_names(work, None, names(endings=[".ipynb"])).state == "met"


@pytest.mark.parametrize(
    ("data", "state"), [(b"%PDF-1.7\n", "met"), (b"\n\n%PDF-1.4", "met"), (b"PK", "broken")]
)
def test_pdf_is_one_by_its_content(handed: Handed, tmp_path: Path, data: bytes, state: str) -> None:
    (tmp_path / "0").write_bytes(data)
    work = handed("x = 1", container="zip", extra={"a/Print.PDF": tmp_path / "0"})
    assert judge_pdf(work, None, PDF).state == state


def test_pdf_that_is_gone_or_was_never_there(handed: Handed, tmp_path: Path) -> None:
    gone = handed("x = 1", container="zip", extra={"a.pdf": tmp_path / "gone"})
    assert judge_pdf(gone, None, PDF).evidence == ("`a.pdf` is no PDF that can be read.",)
    assert judge_pdf(handed("x = 1", container="folder"), None, PDF).state == "broken"
    assert judge_pdf(handed("x = 1"), None, PDF).state == "undecided"
