"""Questions in their order, comments in the code, and the time of handing in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.policy_entries import Comments, Lateness, Questions
from grader.submission.policies.comments import judge_comments
from grader.submission.policies.lateness import judge_lateness
from grader.submission.policies.questions import _increasing, judge_questions
from tests.submission.policies.conftest import Handed, book

QUESTIONS = Questions(  # type: ignore[call-arg]
    policy="questions",
    price=1,
    pattern=r"^problem \d",
    but_not="solution",  # type: ignore[arg-type]
)
TITLES = [f"md:# Problem {n}: Title of {word}" for n, word in enumerate("abcdef", start=1)]
TEMPLATE = book([*TITLES, "md:## Problem 1 Solution", "x = 1"])

ORDERS: dict[str, tuple[list[str], str, str]] = {
    "as given": (TITLES, "met", "All 6 questions are there, in their order."),
    "between others": (["md:# Mine", *TITLES, "md:# Problem 9"], "met", "All 6"),
    "another level": ([t.replace("# P", "### P") for t in TITLES], "met", "All 6"),
    "in bold": ([t.replace("# P", "**P") + "**" for t in TITLES], "met", "All 6"),
    "marked up": ([t.replace("Title", "*Title*") for t in TITLES], "met", "All 6"),
    "shorter": ([t.replace(": Title of b", "") for t in TITLES], "met", "All 6"),
    "typing error": ([t.replace("Title", "Titel") for t in TITLES], "met", "All 6"),
    "in one cell": (["md:" + "\n\n".join(t[3:] for t in TITLES)], "met", "All 6"),
    "as HTML": ([t.replace("# P", "<h2>P") + "</h2>" for t in TITLES], "met", "All 6"),
    "underlined": ([t.replace("# ", "") + "\n---" for t in TITLES], "met", "All 6"),
    "set apart": ([t.replace("# P", "> # P") for t in TITLES], "met", "All 6"),
    "a slip in it": ([t.replace("# P", "#P") for t in TITLES], "met", "All 6"),
    "one in a comment": (
        [*TITLES[:2], "md:<!--\n# Problem 3: Title of c\n-->", *TITLES[3:]], "broken",
        "The question `Problem 3: Title of c` is missing.",
    ),
    "one less": (TITLES[:2] + TITLES[3:], "broken", "The question `Problem 3: Title of c` is miss"),
    "swapped": (
        [*TITLES[:3], TITLES[4], TITLES[3], TITLES[5]], "broken",
        "The question `Problem 4: Title of d` is not in its place.",
    ),
    "none": ([], "broken", "The question `Problem 1: Title of a` is missing."),
    "others": (
        [f"md:# Problem {n}: Something else" for n in range(11, 17)], "undecided",
        "6 of 6 questions have other titles",
    ),
    "as plain text": ([t.replace("# ", "") for t in TITLES], "broken", "The question"),
}  # fmt: skip


@pytest.mark.parametrize("form", ORDERS)
def test_questions_are_looked_for_by_their_titles(handed: Handed, form: str) -> None:
    cells, state, told = ORDERS[form]
    finding = judge_questions(handed("x = 1", *cells), TEMPLATE, QUESTIONS)
    assert finding.state == state, finding.evidence
    assert finding.evidence[0].startswith(told)


def test_questions_of_modules_and_without_a_template(handed: Handed) -> None:
    assert judge_questions(handed("x", form="module"), TEMPLATE, QUESTIONS).state == "undecided"
    assert judge_questions(handed("x"), None, QUESTIONS).state == "undecided"


@given(st.lists(st.integers(0, 20), unique=True))
def test_longest_run_is_increasing_and_no_single_number_fits_in(numbers: list[int]) -> None:
    kept = [n for n in numbers if n in _increasing(numbers)]
    assert kept == sorted(kept) and bool(kept) == bool(numbers)
    for extra in set(numbers) - set(kept):
        longer = [n for n in numbers if n in {*kept, extra}]
        assert longer != sorted(longer)


COMMENTS = Comments(policy="comments", price=1, one_in=5, from_lines=4)  # type: ignore[arg-type]
CODE = "\n".join(f"a{i} = {i}" for i in range(10))
CODES = {
    "none": (CODE, "broken"),
    "two": (f"# first\n{CODE}  # second", "met"),
    "one": (f"# first\n{CODE}", "broken"),
    "docstring and two": (f"def f():\n    '''Do it.'''\n# then\n{CODE}  # end", "met"),
    "the template's": (f"# given\n# given\n{CODE}", "broken"),
    "empty": (f"#\n#\n# ---\n{CODE}", "broken"),
    "in a text": (f"x = '# no'\ny = '# comment'\n{CODE}", "broken"),
    "few lines": ("a = 1", "undecided"),
    "to tools": (f"# noqa: E501\n# fmt: off\n# type: ignore\n# In [3]:\n{CODE}", "broken"),
    "code": (f"# x = 2\n# print(x)\n# for a in b:\n{CODE}", "undecided"),
    "said": (f"# Shape: (N, C)\n# softmax (of rows)\n# TODO: more\n{CODE}", "met"),
    "formulas": (f"# z = W x + b\n# sum over the rows\n{CODE}", "met"),
    "breaks off": (f"# one\n# two\n# three\n{CODE}\nx = (", "met"),
}


@pytest.mark.parametrize("form", CODES)
def test_comments_are_counted_against_lines(handed: Handed, form: str) -> None:
    source, state = CODES[form]
    finding = judge_comments(handed(source), book(["# given\nb = 1"]), COMMENTS)
    assert finding.state == state, finding.evidence
    assert judge_comments(handed(source), book([source]), COMMENTS).state == "undecided"


def lateness(**more: Any) -> Lateness:
    told = {
        "policy": "lateness",
        "price": 10,
        "due": "2025-03-14T20:00",
        "zone": "America/New_York",
    }
    return Lateness(**(told | more))


STAMPS = {
    "2025-03-14T19:59:59-04:00": ("met", 1),
    "2025-03-14T20:00:00-04:00": ("met", 1),
    "2025-03-15T00:00:00+00:00": ("met", 1),
    "2025-03-14T20:00:00": ("met", 1),
    "2025-03-14T20:00:01": ("broken", 1),
    "2025-03-15T20:00:00": ("broken", 1),
    "2025-03-15T20:01:00": ("broken", 2),
    "2025-03-17T08:00:00": ("broken", 3),
}


@pytest.mark.parametrize("stamp", STAMPS)
def test_days_begun_are_counted(handed: Handed, stamp: str) -> None:
    work = handed("x", submitted_at=datetime.fromisoformat(stamp))
    finding = judge_lateness(work, None, lateness(per_day=True))
    assert (finding.state, finding.times) == STAMPS[stamp]
    assert judge_lateness(work, None, lateness()).times == 1


def test_grace_and_arranged_dates(handed: Handed) -> None:
    work = handed("x", submitted_at=datetime.fromisoformat("2025-03-14T20:04"))
    assert judge_lateness(work, None, lateness(grace_minutes=5)).state == "met"
    assert judge_lateness(work, None, lateness(arranged={"a": "2025-03-16"})).state == "met"
    finding = judge_lateness(work, None, lateness(arranged={"b": "2025-03-16"}))
    assert finding.evidence == (
        "Handed in 2025-03-14 20:04 -0400, due 2025-03-14 20:00 -0400: 1 day late, "
        "begun days counted.",
    )


@pytest.mark.parametrize(
    ("name", "per_day", "state"),
    [
        ("a.zip", False, "undecided"),
        ("ann_LATE_123_456_a.zip", False, "broken"),
        ("ann_LATE_123_456_a.zip", True, "undecided"),
        ("LATE_a.zip", False, "undecided"),
    ],
)
def test_without_a_stamp_only_the_lms_own_word_counts(
    handed: Handed, name: str, per_day: bool, state: str
) -> None:
    work = handed("x", container="zip", container_name=name)
    assert judge_lateness(work, None, lateness(per_day=per_day)).state == state
