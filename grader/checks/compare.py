"""Comparing an answer with the oracle's, stage by stage: kind, shape, dtype, values.

Kind, exact shape and finiteness come before any arithmetic on values. The rule for what is
not finite: where the oracle is finite the answer must be; where the oracle is infinite or NaN
the answer must be the same infinity or NaN. The rule for the rest is in `tolerance`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from grader.checks.context import current
from grader.checks.oracle import Expected
from grader.checks.remote import Remote
from grader.checks.sample import Moment, Window, around
from grader.checks.show import as_numpy, show
from grader.checks.tolerance import allowed_error
from grader.checks.verdict import CheckFailed
from grader.model import Counterexample, Stage
from grader.sandbox.wire import Opaque


@dataclass(frozen=True)
class _Demand:
    """What a comparison asks for beyond the numbers."""

    what: str
    dtype: str | None
    exact: bool
    stage: Stage
    hint: str
    decimals: int | None = None


def assert_matches(
    actual: Any,
    expected: Any,
    *,
    what: str = "the result",
    dtype: str | None = None,
    exact: bool = False,
    stage: Stage = Stage.VALUES,
    hint: str = "",
    decimals: int | None = None,
) -> None:
    """Fail unless `actual` equals the oracle's answer within what rounding explains.

    `expected` is an array, tensor, number, or a list or tuple of them, or the `Expected` that
    a reference function gave. `dtype` demands one by name ("float32"); without it any real
    dtype is right. `exact` holds a double to double precision. `decimals` is for values that
    the homework asks for to so many: rounded or cut there, from rounded ones, they are right.
    `stage` names the stage that a difference in values counts as.

    Raises CheckFailed with the first stage that differs.
    """
    oracle = expected if isinstance(expected, Expected) else Expected(expected)
    if isinstance(actual, Remote):
        actual = actual.value()
    demand = _Demand(what, dtype, exact, stage, hint, decimals)
    _match(actual, oracle.value, oracle.error, demand)


def numbers(actual: Any, *, what: str = "the result") -> np.ndarray:
    """`actual` as float64: an array, a tensor, a number, or nested lists of numbers.

    Raises CheckFailed at stage kind where it is none of these.
    """
    value = actual.value() if isinstance(actual, Remote) else actual
    try:
        if isinstance(value, list | tuple):
            return np.array([numbers(item, what=what) for item in value], dtype=float)
        if isinstance(value, np.ndarray | np.generic | torch.Tensor | bool | int | float):
            array = _to_array(value)
            if array.dtype.kind in "biuf":
                return array.astype(float)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        pass  # ragged lists, tensors without values
    text = f"{what} is {_kind(value)}, but should hold real numbers{_call()}"
    raise CheckFailed(
        Stage.KIND, text, counterexample=functools.partial(Moment.now().sample, value)
    )


def _match(actual: Any, expected: Any, error: Any, demand: _Demand) -> None:
    if isinstance(expected, list | tuple):
        _match_items(actual, expected, error, demand)
        return
    oracle = _to_array(expected)
    answer = _answer(actual, oracle, demand)
    if answer.shape != oracle.shape:
        text = f"{demand.what}.shape={answer.shape}, but should be {oracle.shape}{_call()}"
        raise _failure(Stage.SHAPE, text, demand, actual, expected)
    _match_dtype(actual, answer, oracle, demand)
    bound = np.abs(oracle) if error is None else np.asarray(error, dtype=float)
    _match_values(answer, oracle, bound, demand, actual, expected)


def _match_items(actual: Any, expected: Any, error: Any, demand: _Demand) -> None:
    if not isinstance(actual, list | tuple):
        text = f"{demand.what} is {_kind(actual)}, but should be a list of {len(expected)}{_call()}"
        raise _failure(Stage.KIND, text, demand, actual, expected)
    if len(actual) != len(expected):
        text = f"{demand.what} has {len(actual)} items, but should have {len(expected)}{_call()}"
        raise _failure(Stage.SHAPE, text, demand, actual, expected)
    for index, (a, e) in enumerate(zip(actual, expected, strict=True)):
        inner = None if error is None else error[index]
        named = dataclasses.replace(demand, what=f"{demand.what}[{index}]")
        _match(a, e, inner, named)


def _to_array(value: Any) -> np.ndarray:
    return as_numpy(value) if isinstance(value, torch.Tensor) else np.asarray(value)


def _answer(actual: Any, oracle: np.ndarray, demand: _Demand) -> np.ndarray:
    """The student's value as an array. Numbers count as arrays without dimensions."""
    if isinstance(actual, np.ndarray | np.generic | torch.Tensor):
        array = _to_array(actual)
        if array.dtype.kind in "biufc":
            return array
    if isinstance(actual, bool | int | float | complex):
        number = np.asarray(actual)
        # Whole numbers beyond int64 have no dtype: they count as doubles.
        return number if number.dtype.kind != "O" else np.asarray(_double(actual))
    wanted = "a number" if oracle.ndim == 0 else f"an array of shape {oracle.shape}"
    text = f"{demand.what} is {_kind(actual)}, but should be {wanted}{_call()}"
    hint = demand.hint
    if actual is None:
        hint = hint or "Nothing is returned: does every path of the function end in `return`?"
    raise _failure(Stage.KIND, text, demand, actual, oracle, hint)


def _double(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, Remote):
        name = value._type
    else:
        name = value.type if isinstance(value, Opaque) else type(value).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return f"{article} {name}"


def _match_dtype(actual: Any, answer: np.ndarray, oracle: np.ndarray, demand: _Demand) -> None:
    name = str(getattr(actual, "dtype", answer.dtype)).removeprefix("torch.")
    if demand.dtype is not None and name != demand.dtype:
        text = f"{demand.what}.dtype={name}, but should be {demand.dtype}{_call()}"
        raise _failure(Stage.DTYPE, text, demand, actual, oracle)
    if answer.dtype.kind == "c" and oracle.dtype.kind != "c":
        text = f"{demand.what}.dtype={name}, but should be real{_call()}"
        raise _failure(Stage.DTYPE, text, demand, actual, oracle)


def _match_values(
    answer: np.ndarray,
    oracle: np.ndarray,
    bound: np.ndarray,
    demand: _Demand,
    actual: Any,
    expected: Any,
) -> None:
    if not answer.size:
        return
    whole = answer.dtype.kind in "biu" and oracle.dtype.kind in "biu"
    rounding = 0.0 if whole else allowed_error(bound, str(answer.dtype), exact=demand.exact)
    if not whole and _agrees(answer, oracle, rounding):
        return
    a, e, difference = _difference(answer, oracle, whole=whole)
    allowed = np.full(difference.shape, rounding)
    if demand.decimals is not None:
        # Rounding leaves half a last digit (and what doubles make of it), cutting off up to a
        # whole one, towards zero.
        share = np.where(np.abs(a) > np.abs(e), 0.5 + 1e-9, 1.0)
        allowed = np.maximum(allowed, share * 10.0**-demand.decimals)
    wrong = difference > allowed
    if not wrong.any():
        return
    text = _values_text(a, e, difference, wrong, allowed, demand)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(difference == 0, 0.0, difference / allowed)
    worst = tuple(map(int, np.unravel_index(int(np.argmax(difference)), difference.shape)))
    sample = functools.partial(
        _sample, Moment.now(), actual, expected, relative, worst, around(answer, worst)
    )
    raise CheckFailed(demand.stage, text, hint=demand.hint, counterexample=sample)


def _sample(
    moment: Moment,
    actual: Any,
    expected: Any,
    relative: np.ndarray,
    worst: tuple[int, ...],
    window: Window | None,
) -> Counterexample:
    """Both values, or a part of them, with the error as a multiple of what rounding explains."""
    if window is not None:
        actual, expected, relative = (
            moment.part_of(value, window) for value in (actual, expected, relative)
        )
        worst = (worst[-1] - window[1].start,)
    return moment.sample(actual, expected).model_copy(
        update={"error": show(relative), "worst_index": worst}
    )


def _agrees(answer: np.ndarray, oracle: np.ndarray, rounding: Any) -> bool:
    """Whether every value is finite and as near as rounding explains: so most answers are."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((np.abs(_wide(answer) - _wide(oracle)) <= rounding).all())


def _difference(
    answer: np.ndarray, oracle: np.ndarray, *, whole: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both as doubles and |answer - oracle|: infinite where only one of them is finite."""
    a, e = _wide(answer), _wide(oracle)
    # Whole numbers beyond 2**53 may differ and yet be the same double.
    same = answer == oracle if whole else (a == e) | (np.isnan(a) & np.isnan(e))
    with np.errstate(invalid="ignore"):
        apart = np.maximum(np.abs(a - e), np.finfo(float).tiny)
    apart = np.where(np.isfinite(a) & np.isfinite(e), apart, np.inf)
    return a, e, np.where(same, 0.0, apart)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _values_text(
    a: np.ndarray,
    e: np.ndarray,
    difference: np.ndarray,
    wrong: np.ndarray,
    allowed: np.ndarray,
    demand: _Demand,
) -> str:
    count = int(wrong.sum())
    if a.ndim == 0:
        return f"{demand.what}={_number(a[()])}, but should be {_number(e[()])}{_call()}"
    worst = np.unravel_index(int(np.argmax(difference)), difference.shape)
    index = ", ".join(str(int(i)) for i in worst)
    text = (
        f"{demand.what}[{index}]={_number(a[worst])}, but should be {_number(e[worst])}{_call()}; "
        f"{count} of {a.size} values differ"
    )
    if (np.isnan(a) & ~np.isnan(e)).any():
        text += " (some of yours are NaN)"
    elif (np.isinf(a) & ~np.isinf(e)).any():
        text += " (some of yours are infinite)"
    elif np.isfinite(difference).all():
        explained = float(allowed[worst])
        text += f", by up to {float(difference[worst]):.3g}; rounding explains only {explained:.1g}"
    return text


def _number(value: Any) -> str:
    return f"{value:.6g}" if not isinstance(value, complex) else f"{value:.4g}"


def _call() -> str:
    call = current().call
    return f" [{call}]" if call else ""


def _failure(
    stage: Stage, text: str, demand: _Demand, actual: Any, expected: Any, hint: str = ""
) -> CheckFailed:
    sample = functools.partial(_asked, Moment.now(), actual, expected, stage, demand.dtype)
    return CheckFailed(stage, text, hint=hint or demand.hint, counterexample=sample)


def _asked(
    moment: Moment, actual: Any, expected: Any, stage: Stage, dtype: str | None
) -> Counterexample:
    """Both values; where the dtype is wrong, that of the expected one is the one asked for."""
    sample = moment.sample(actual, expected)
    if stage is not Stage.DTYPE or dtype is None or sample.expected is None:
        return sample
    asked = sample.expected.model_copy(update={"dtype": dtype})
    return sample.model_copy(update={"expected": asked})
