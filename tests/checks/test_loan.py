"""What is lent in the place of a student's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from grader.checks.loan import make_loan


class Pairs:
    """A sequence of pairs, as a dataset is one."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[int, int]:
        return index, self.rows[index]


def test_a_sequence_is_lent_by_its_items_and_no_long_one() -> None:
    loan = make_loan(["Pairs"], SimpleNamespace(find={"Pairs": Pairs}.get), "", {})
    assert loan is not None
    assert loan.call("Pairs", [5, 7]) == [(0, 5), (1, 7)]
    with pytest.raises(ValueError, match="at most 10000 items"):
        loan.call("Pairs", [0] * 10_001)
