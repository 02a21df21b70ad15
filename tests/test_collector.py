"""The collector rests while a submission is graded, and clears up between two."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from grader.collector import at_rest


class Circle:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def rounds() -> Iterator[list[str]]:
    """Notes each time that the collector begins."""
    seen: list[str] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            seen.append(phase)

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


def test_collector_rests_within_and_works_again_after(rounds: list[str]) -> None:
    with at_rest():
        rounds.clear()
        kept = [Circle() for _ in range(5000)]
        assert not rounds and not gc.isenabled()
    assert gc.isenabled() and len(kept) == 5000


def test_what_one_submission_leaves_is_cleared_before_the_next() -> None:
    with at_rest():
        left = weakref.ref(Circle())
        assert left() is not None
    with at_rest():
        assert left() is None


def test_collector_that_was_off_stays_off_and_is_on_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), at_rest():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        with at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
