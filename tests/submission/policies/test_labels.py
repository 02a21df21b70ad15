"""Which part a heading names, in all the ways that people write it."""

from __future__ import annotations

import pytest

from grader.submission.policies.labels import Label, read_label

LABELS = {
    "Solution to Problem 2 Part (c)": ("2", "c"),
    "Problem 2 (c) Solution": ("2", "c"),
    "Solution 2c": ("2", "c"),
    "solution to problem 2 part c": ("2", "c"),
    "Solution: Problem 2.c": ("2", "c"),
    "My solution of Part (c) of Problem 2": ("2", "c"),
    "Problem 02 (c) Solution": ("2", "c"),
    "SolutiontoProblem2Part(c)": ("2", "c"),
    "Solution to Problem 5 Part (b-i)": ("5", "bi"),
    "Solution to Problem 5 (b)(ii)": ("5", "bii"),
    "Solution to Problem 5 Part (b-iii)": ("5", "biii"),
    "Solution to Problem 5b-ii": ("5", "bii"),
    "Solution to Problem 6": ("6", ""),
    "Solution to Problem 6: A convolution": ("6", ""),
    "Problem 6 Solution": ("6", ""),
    "Solution to Problem 1 Part (a)-(e)": ("1", "ae"),
    "Solution to Problem 1 (a) to (e)": ("1", "ae"),
    "Solution to Problem 1 (a) \N{EN DASH} (e)": ("1", "ae"),
}


@pytest.mark.parametrize("text", LABELS)
def test_label_is_read(text: str) -> None:
    label = read_label(text)
    assert label is not None
    assert (label.number, label.letters) == LABELS[text]


def test_text_without_a_number_names_no_part() -> None:
    assert read_label("Solution") is None


def test_headings_of_single_parts_stand_for_a_range() -> None:
    whole = read_label("Problem 1 (a)-(e)")
    assert whole == Label("1", "ae", "e")
    assert Label("1", "c").covers(whole) and Label("1", "ce").covers(whole)
    assert not Label("1", "f").covers(whole) and not Label("2", "c").covers(whole)
    assert not Label("1").covers(whole)


def test_another_part_is_not_covered() -> None:
    assert not Label("5", "b").covers(Label("5", "bi"))
    assert not Label("5", "bi").covers(Label("5", "bii"))
