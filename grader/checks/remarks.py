"""What a wrong answer has to do with the right one, where that can be told from both alone.

A remark is a function of both that gives a few words for the message, or none. It decides
nothing: the comparison has failed already, and known mistakes are recognised by such words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch

from grader.checks.compare import assert_matches
from grader.checks.oracle import Expected
from grader.checks.remote import Remote
from grader.checks.sample import counterexample
from grader.checks.show import as_numpy
from grader.checks.student import Student
from grader.checks.verdict import AnswerMissing, CheckFailed, LimitExceeded
from grader.model import Stage

Remark = Callable[[Any, Any], str]

# Numbers in half precision have eleven digits of two; a few operations may lose two of them.
_HALF = 2.0**-9
# How numbers were rounded shows in so many of them.
_ENOUGH = 2000
# Two sets of numbers are in proportion where they are to so many digits of what they differ by.
_IN_PROPORTION = 1e-3


def match_or_remark(actual: Any, *expected: Any, remarks: Iterable[Remark] = (), what: str) -> None:
    """`assert_matches` with one of several right answers, and a remark where it fails in values.

    The verdict is that of the last right answer; at the end of its message stands the first
    remark that applies to any of them. Right numbers in fewer digits are remarked in any case.
    """
    if isinstance(actual, Remote):
        actual = actual.value()
    for right in expected:
        try:
            assert_matches(actual, right, what=what)
            return
        except CheckFailed as failed:
            failure = failed
    if failure.stage is Stage.VALUES:
        rights = [right.value if isinstance(right, Expected) else right for right in expected]
        tried = (
            remark(actual, right) for remark in (in_fewer_digits, *remarks) for right in rights
        )
        with np.errstate(all="ignore"):
            failure = saying(failure, next(filter(None, tried), ""))
    raise failure


def match_whole(
    answer: Callable[[np.ndarray], Any], whole: np.ndarray, expected: Any, *, what: str
) -> None:
    """Fail where whole numbers get a wrong result, and the same numbers as floats the right one.

    What is wrong with floats as well is for a check's other examples to tell, and what stops at
    whole numbers gives nobody a wrong result.
    """
    try:
        assert_matches(answer(whole), expected, what=what)
    except CheckFailed as failed:
        try:
            assert_matches(answer(whole.astype(float)), expected)
        except CheckFailed:
            if isinstance(failed, AnswerMissing | LimitExceeded):
                raise failed from None  # no other example says more
            return
        if failed.stage is Stage.VALUES:
            raise saying(failed, "the same numbers as floats get the right result") from None


def saying(failed: CheckFailed, words: str) -> CheckFailed:
    """The same verdict with some words more at the end of its message."""
    if not words or type(failed) is not CheckFailed:
        return failed
    return CheckFailed(
        failed.stage, f"{failed.message}; {words}", hint=failed.hint, raised=failed.raised,
        counterexample=lambda: failed.counterexample,  # type: ignore[arg-type,return-value]  # none is kept as none
    )  # fmt: skip


# Ways to cut digits off.
_CUTS = (np.round, np.floor, np.ceil, np.trunc)


def in_fewer_digits(actual: Any, expected: Any) -> str:
    """Remark right numbers in half precision, or with a few decimals only."""
    pairs = list(_pairs(actual, expected))
    if not pairs:
        return ""
    a, e = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    a, e = (side[:: 1 + a.size // _ENOUGH] for side in (a, e))
    if not (a.size and np.isfinite(a).all()):
        return ""
    is_half = np.array_equal(a, e.astype(np.float16).astype(float))
    is_near = float(np.abs(a - e).max()) <= _HALF * float(np.abs(e).max())
    if is_half or (is_near and any(_is_half(item) for item in _leaves(actual))):
        return "these are the right numbers in half precision (float16)"
    for decimals in range(1, 6):
        digits = a * 10.0**decimals
        if np.allclose(digits, np.round(digits), rtol=0, atol=1e-6) and (a % 1).any():
            is_right = float(np.abs(a - e).max()) < 10.0**-decimals
            if np.ptp(a) == 0:  # the same for all: only where each of them rounds to it
                is_right = any(np.allclose(cut(e * 10.0**decimals), digits) for cut in _CUTS)
            places = f"{decimals} decimal{'s' if decimals > 1 else ''}"
            return f"these are the right numbers to {places}" if is_right else ""
    return ""


def step_from(weights: Any) -> Remark:
    """The remark on weights after a step: another length, or a share of the weights beside it."""

    def remark(actual: Any, expected: Any) -> str:
        pairs = list(_pairs(expected, weights))
        beside = _proportion(actual, [right + start for right, start in pairs], expected)
        if pairs and beside is not None:
            return f"beside the right step, {beside:.3g} times the weights are added to themselves"
        times = _proportion(actual, expected, weights)
        return "" if times is None else f"your step is {times:.3g} times the right one"

    return remark


def _proportion(actual: Any, expected: Any, origin: Any) -> float | None:
    """How many times as far from `origin` an answer is as the right one, in the same direction.

    None where the direction is another, or two numbers are too few to tell.
    """
    pairs = zip(_pairs(actual, origin), _pairs(expected, origin), strict=False)
    moved = [(mine - start, right - start) for (mine, start), (right, _) in pairs]
    if sum(a.size for a, _ in moved) < 3:
        return None
    a, e = (np.concatenate([pair[side].ravel() for pair in moved]) for side in (0, 1))
    if not (np.isfinite(a).all() and a.any() and e.any()):
        return None
    factor = float(a @ e / (e @ e))
    return factor if np.abs(a - factor * e).max() <= _IN_PROPORTION * np.abs(a).max() else None


def assert_unchanged(student: Student, call: str, **given: tuple[int, Any]) -> None:
    """Fail at stage means where the latest call has changed one of its arguments in place.

    `given` are the arguments that it should leave alone: by its name, each one's place in the
    call, and the value that was sent.
    """
    for name, (place, value) in given.items():
        if place in student.mutated and not _is_same(student.mutated[place], value):
            text = f"{call} gives the right result, but changes its argument {name} in place"
            raise CheckFailed(
                Stage.MEANS, text, hint="What happens to the array that the caller still holds?",
                counterexample=counterexample(student.mutated[place], value),
            )  # fmt: skip


def _is_same(told: Any, value: Any) -> bool:
    if isinstance(value, list):
        return (
            isinstance(told, list)
            and len(told) == len(value)
            and all(_is_same(*pair) for pair in zip(told, value, strict=True))
        )
    return isinstance(told, np.ndarray) and np.array_equal(told, value, equal_nan=True)


def _is_half(value: Any) -> bool:
    return str(getattr(value, "dtype", "")) in ("float16", "torch.float16", "torch.bfloat16")


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _pairs(actual: Any, expected: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Arrays of both, as doubles; none where the two do not have the same form."""
    mine, right = ([as_numpy(item) if isinstance(item, torch.Tensor) else np.asarray(item)
                    for item in _leaves(value)] for value in (actual, expected))  # fmt: skip
    same = [a.shape == e.shape and a.dtype.kind in "biuf" and e.dtype.kind in "biuf"
            for a, e in zip(mine, right, strict=False)]  # fmt: skip
    if len(mine) == len(right) and all(same):
        for a, e in zip(mine, right, strict=True):
            yield a.astype(float), e.astype(float)
