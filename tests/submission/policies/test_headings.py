"""Bold red headings: which there must be, and what becomes of slips."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from grader.policy_entries import Headings
from grader.submission.policies.headings import judge_headings
from tests.submission.policies.conftest import Handed, book

RED = "md:<font color='red'>**Solution to Problem {}**</font>"
TEMPLATE = book([
    "md:Begin with a line such as\n" + RED.format("2 (b)")[3:] + ". Mind the colour.",
    "md:# Problem 1\n\n## Problem 1 Solution",
    RED.format("1 (a)-(c)"), "x = 1", RED.format("2 (a)"), RED.format("2 (b)"), RED.format("3"),
])  # fmt: skip


def options(**more: Any) -> Headings:
    return Headings(policy="headings", price="20%", **more)  # type: ignore[arg-type]


GOOD = [RED.format(part) for part in ("1 (a)-(c)", "2 (a)", "2 (b)", "3")]


def test_all_of_the_templates_headings_are_met(handed: Handed) -> None:
    finding = judge_headings(handed("x = 1", *GOOD), TEMPLATE, options())
    assert (finding.state, finding.evidence) == (
        "met", ("All 4 solutions start with a bold red heading.",),
    )  # fmt: skip


def test_example_in_the_instructions_is_no_heading(handed: Handed) -> None:
    example = RED.format("3") + ". So it goes."
    finding = judge_headings(handed(example, "x = 1", *GOOD[:3]), TEMPLATE, options())
    assert (finding.state, finding.times) == ("broken", 1 / 4)


def test_each_missing_heading_costs_its_share_or_all_of_it(handed: Handed) -> None:
    work = handed("x = 1", *GOOD[:2], "md:**Solution to Problem 2 (b)**")
    shared = judge_headings(work, TEMPLATE, options())
    whole = judge_headings(work, TEMPLATE, options(proportional=False))
    assert (shared.times, whole.times) == (1 / 2, 1)
    assert shared.evidence == (
        "2 of 4 headings of solutions are bold and red.",
        "Not red: cell 4: `Solution to Problem 2 (b)`",
        "No bold red `Solution to Problem 3` was found.",
    )


@pytest.mark.parametrize("slip", ["Solution", "Solution to Problem 2 (a)", "Solution to Part (b)"])
def test_slips_in_the_name_are_for_a_person(handed: Handed, slip: str) -> None:
    cells = [*GOOD[:2], f"md:<b style='color:red'>{slip}</b>", GOOD[3]]
    finding = judge_headings(handed("x = 1", *cells), TEMPLATE, options())
    assert (finding.state, finding.times) == ("undecided", 1.0)
    assert f"may be meant in cell 4: `{slip}`" in finding.evidence[0]


def test_asterisks_within_a_block_of_html_are_for_a_person(handed: Handed) -> None:
    block = "md:<p style='color:red'>**Solution to Problem 3**</p>"
    finding = judge_headings(handed("x = 1", *GOOD[:3], block), TEMPLATE, options())
    assert finding.state == "undecided"
    assert finding.evidence == (
        "The asterisks may be shown as they are: cell 5: `Solution to Problem 3`",
    )
    assert judge_headings(handed("x = 1", *GOOD, block), TEMPLATE, options()).state == "met"


def test_outputs_of_cells_count_as_text(handed: Handed) -> None:
    work = handed("x = 1", *GOOD[:3], "display(HTML(...))")
    html = "<b style='color:red'>Solution to Problem 3</b>"
    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    work.notebook.cells[-1].outputs = [output]
    assert judge_headings(work, TEMPLATE, options()).state == "met"


def test_modules_are_never_charged(handed: Handed) -> None:
    assert judge_headings(handed("x = 1", form="module"), TEMPLATE, options()).state == "undecided"
    work = handed("x = 1", *GOOD, form="module")
    assert judge_headings(work, TEMPLATE, options()).state == "met"


def test_other_words_and_no_template(handed: Handed) -> None:
    work = handed("md:# <font color='red'>Antwort 1</font>", "x = 1")
    assert judge_headings(work, None, options(words=["answer", "antwort"])).state == "met"
    assert judge_headings(work, None, options()).state == "broken"


def test_long_lists_of_evidence_are_cut(handed: Handed) -> None:
    template = book(["x = 1", *(RED.format(n) for n in range(1, 21))])
    finding = judge_headings(handed("x = 1"), template, options())
    assert len(finding.evidence) == 7 and finding.evidence[-1] == "And 15 more of this kind."
