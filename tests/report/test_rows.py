"""Numbers as exports write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import GraderError
from grader.report.rows import decimal, rounded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (100, "100"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333"),
        (-1.5, "-1.5"),
        (-0.00001, "0"),
        (1e6, "1000000"),
        (1e-9, "0"),
    ],
)
def test_points_without_noise(value: float, text: str) -> None:
    assert decimal(value) == text


@given(st.floats(-1e6, 1e6))
def test_no_exponent_and_at_most_four_decimals(value: float) -> None:
    text = decimal(value)
    assert "e" not in text and len(text.partition(".")[2]) <= 4
    assert float(text) == rounded(value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_grade(value: float) -> None:
    with pytest.raises(GraderError, match=r"points=\w+, but should be a finite number"):
        decimal(value)
