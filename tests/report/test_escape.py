"""Hidden characters are written out for the page and gone for the terminal."""

from __future__ import annotations

import pytest

from grader.report.escape import stripped, visible


@pytest.mark.parametrize(
    ("text", "page", "terminal"),
    [
        ("a\tb\nc", "a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a\nb", "a\nb"),
        ("forged\rline", r"forged\x0dline", "forgedline"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", r"\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://x\x1b\\link", r"\x1b]8;;https://x\x1b\link", "link"),
        ("\x1bPdevice\x1b\\after", r"\x1bPdevice\x1b\after", "after"),
        ("\x1bcreset", r"\x1bcreset", "reset"),
        ("\x9b2Jgone", r"\x9b2Jgone", "gone"),
        ("\u202egnp.exe", r"\u202egnp.exe", "gnp.exe"),
        ("a\u2066b\u200bc", r"a\u2066b\u200bc", "abc"),
        ("\U000e0041tag", r"\U000e0041tag", "tag"),
        ("half \ud800", r"half \ud800", "half "),
        ("nul \x00", r"nul \x00", "nul "),
    ],
    ids=ascii,
)
def test_hidden_characters(text: str, page: str, terminal: str) -> None:
    assert visible(text) == page
    assert stripped(text) == terminal


@pytest.mark.parametrize("name", ["Zoë Ångström", "李小龙", "می‌خواهم", "עדה", "👩‍🔬"])
def test_names_of_people_stay_as_they_are(name: str) -> None:
    assert visible(name) == name
    assert stripped(name) == name


def test_an_open_sequence_swallows_nothing_after_it() -> None:
    assert stripped("\x1b]0;open\nscore") == "0;open\nscore"
    assert stripped("\x1bPopen\nscore") == "open\nscore"
