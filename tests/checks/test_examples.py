"""`given`: which examples a check sees, which failure counts, and how small it becomes."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from grader.checks import AnswerMissing, CheckFailed, LimitExceeded, arrays, given, shapes
from grader.checks.context import CheckContext, current, running
from grader.checks.examples import _FRUITLESS, draw_examples, size_of
from grader.checks.verdict import NeedsReview
from grader.model import Stage

NUMBERS = st.integers(0, 1000)
Check = Callable[..., None]


@pytest.fixture
def context() -> Iterator[CheckContext]:
    """The context of one check, with ample time to shrink."""
    with running(CheckContext(shrink_s=60, seed=11)) as made:
        yield made


def _failing(check: Check, **fixtures: Any) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        check(**fixtures)
    return caught.value


def _seen(seed: int = 11, count: int = 25) -> list[int]:
    seen: list[int] = []
    with running(CheckContext(seed=seed, example_count=count)):
        given(x=NUMBERS)(lambda x: seen.append(x))()
    return seen


def test_check_runs_once_for_each_example(context: CheckContext) -> None:
    seen = []
    given(x=NUMBERS)(lambda x: seen.append(x))()
    assert len(seen) == context.examples_run == context.example_count == 25
    assert len(set(seen)) > 10


@pytest.mark.parametrize("count", [1, 3, 40])
def test_rubric_says_how_many_examples(count: int) -> None:
    assert len(_seen(count=count)) == count


def test_examples_are_the_same_each_time_and_the_seeds_own() -> None:
    assert _seen() == _seen()
    assert _seen(seed=12) != _seen(seed=11)


def test_examples_are_drawn_once_and_replayed(context: CheckContext) -> None:
    drawn: list[int] = []

    def note(x: int) -> int:
        drawn.append(x)
        return x

    check = given(x=NUMBERS.map(note))(lambda x: None)
    check()
    once = len(drawn)
    check()
    assert len(drawn) == once
    context.seed += 1
    check()
    assert len(drawn) > once


def test_pytest_sees_the_fixtures_only() -> None:
    def check(student: Any, reference: Any, x: int) -> None:
        """Says what it checks."""

    wrapped = given(x=NUMBERS)(check)
    assert list(inspect.signature(wrapped).parameters) == ["student", "reference"]
    assert (wrapped.__name__, wrapped.__doc__) == ("check", "Says what it checks.")


def test_fixtures_come_along(context: CheckContext) -> None:
    seen = []
    given(x=NUMBERS)(lambda student, x: seen.append((student, x)))(student="doe")
    assert {student for student, _ in seen} == {"doe"}


def test_context_knows_the_running_example(context: CheckContext) -> None:
    def check(x: int) -> None:
        assert current().transcript.values() == {"x": x} and current().call == ""
        current().call = "f(x)"

    given(x=NUMBERS)(check)()


def test_earliest_stage_wins(context: CheckContext) -> None:
    def check(x: int) -> None:
        if x % 2:
            raise CheckFailed(Stage.VALUES, "odd")
        if x > 20:
            raise CheckFailed(Stage.SHAPE, "large")

    failure = _failing(given(x=NUMBERS)(check))
    assert (failure.stage, failure.message) == (Stage.SHAPE, "large")


@pytest.mark.parametrize("first", [Stage.VALUES, Stage.DTYPE, Stage.RETURNS])
def test_stage_of_a_single_example_is_kept_while_others_pass(
    context: CheckContext, first: Stage
) -> None:
    chosen = _seen()[-1]

    def check(x: int) -> None:
        if x == chosen:
            raise CheckFailed(first, "this one")

    assert _failing(given(x=NUMBERS)(check)).stage is first


def test_failure_shrinks_to_the_smallest_number(context: CheckContext) -> None:
    def check(x: int) -> None:
        if x >= 17:
            raise CheckFailed(Stage.VALUES, f"x={x}")

    assert _failing(given(x=NUMBERS)(check)).message == "x=17"
    assert context.examples_run == 25  # shrinking is not counted


def test_failure_shrinks_to_a_small_array(context: CheckContext) -> None:
    def check(x: np.ndarray) -> None:
        if x.ndim == 2 and x.shape[0] != x.shape[1]:
            raise CheckFailed(Stage.SHAPE, f"{x.shape}")

    message = _failing(given(x=arrays(shapes()))(check)).message
    assert message in ("(1, 2)", "(2, 1)")


def test_shrinking_stays_at_the_stage_and_kind_of_the_failure(context: CheckContext) -> None:
    def check(x: int) -> None:
        if x > 500:
            raise CheckFailed(Stage.SHAPE, f"x={x}")
        raise CheckFailed(Stage.VALUES, "any")

    assert _failing(given(x=NUMBERS)(check)).message == "x=501"


def test_without_time_the_first_failure_is_shown_as_it_was() -> None:
    def check(x: int) -> None:
        raise CheckFailed(Stage.VALUES, f"x={x}")

    with running(CheckContext(shrink_s=0, seed=11)):
        assert _failing(given(x=NUMBERS)(check)).message == f"x={_seen()[0]}"


def test_shrinking_ends_where_nothing_smaller_is_found(context: CheckContext) -> None:
    tried: list[float] = []

    def check(x: tuple[int, ...], y: tuple[int, ...]) -> None:
        wrong = len({*x, *y}) > 8
        tried.append(size_of({"x": x, "y": y}) if wrong else float("inf"))
        if wrong:
            raise CheckFailed(Stage.VALUES, f"{x} {y}")

    many = st.lists(NUMBERS, max_size=20).map(tuple)
    _failing(given(x=many, y=many)(check))
    shrinking = tried[context.examples_run :]
    assert len(shrinking) - shrinking.index(min(shrinking)) == _FRUITLESS + 1


def test_failure_that_is_shrunk_later_is_the_first_and_then_the_smallest() -> None:
    def check(x: int) -> None:
        if x >= 17:
            raise CheckFailed(Stage.VALUES, f"x={x}")

    with running(CheckContext(shrink_s=60, seed=11, shrinks_later=True)):
        failure = _failing(given(x=NUMBERS)(check))
        first = next(x for x in _seen() if x >= 17)
        assert failure.message == f"x={first}"
        assert failure.smallest().message == "x=17"


def test_where_one_failure_is_enough_the_example_that_failed_comes_first() -> None:
    seen: list[int] = []

    def check(x: int) -> None:
        seen.append(x)
        if x > 900 and not context.first_failure_ends:
            raise CheckFailed(Stage.VALUES, f"x={x}")

    with running(CheckContext(shrink_s=60, seed=11, shrinks_later=True)) as context:
        run = given(x=NUMBERS)(check)
        _failing(run)
        context.first_failure_ends = True
        seen.clear()
        run()
    usual = _seen()
    first = next(x for x in usual if x > 900)
    assert usual[0] != first
    assert seen == [first, *(x for x in usual if x != first)]


def test_same_smallest_example_on_every_run() -> None:
    def check(x: np.ndarray) -> None:
        if x.sum() > 3:
            raise CheckFailed(Stage.VALUES, repr(x))

    told = set()
    for _ in range(3):
        with running(CheckContext(shrink_s=60, seed=11)):
            told.add(_failing(given(x=arrays(shapes()))(check)).message)
    assert len(told) == 1


STOPPING = {
    "missing": AnswerMissing(Stage.PRESENT, "`f` is not defined."),
    "lost": LimitExceeded(Stage.RETURNS, "f(x) ran out of time"),
}


@pytest.mark.parametrize("stop", STOPPING.values(), ids=STOPPING)
def test_missing_answer_or_lost_process_stops_at_once(
    context: CheckContext, stop: CheckFailed
) -> None:
    seen = []

    def check(x: int) -> None:
        seen.append(x)
        raise stop

    assert _failing(given(x=NUMBERS)(check)) is stop
    assert len(seen) == context.examples_run == 1


@pytest.mark.parametrize("stop", STOPPING.values(), ids=STOPPING)
def test_lost_process_on_a_later_example_says_all_there_is(
    context: CheckContext, stop: CheckFailed
) -> None:
    chosen = _seen()[5]

    def check(x: int) -> None:
        raise stop if x == chosen else CheckFailed(Stage.KIND, "early")

    assert _failing(given(x=NUMBERS)(check)) is stop
    assert context.examples_run == 6


def _shrinks_into(fault: BaseException) -> tuple[Check, list[int]]:
    """A check whose every example is too large, and that meets `fault` on any smaller number."""
    examples, met = _seen(), []

    def check(x: int) -> None:
        if x in examples and x > 100:
            raise CheckFailed(Stage.VALUES, "too large")
        if x not in examples:
            met.append(x)
            raise fault

    return given(x=NUMBERS)(check), met


def test_lost_process_while_shrinking_ends_the_search(context: CheckContext) -> None:
    check, met = _shrinks_into(LimitExceeded(Stage.RETURNS, "out of time"))
    assert _failing(check).message == "too large"
    assert len(met) == 1


@pytest.mark.parametrize("period", [2, 3, 26])
def test_answer_with_chance_in_it_fails_all_the_same(context: CheckContext, period: int) -> None:
    calls = 0

    def check(x: int) -> None:
        nonlocal calls
        calls += 1
        if calls % period == 0 or calls == 1:
            raise CheckFailed(Stage.VALUES, "now and then")

    assert _failing(given(x=NUMBERS)(check)).message == "now and then"


def test_answer_that_is_right_ever_after_fails_all_the_same(context: CheckContext) -> None:
    calls = 0

    def check(x: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise CheckFailed(Stage.VALUES, "once")

    assert _failing(given(x=NUMBERS)(check)).message == "once"


FAULTS = {
    "error": RuntimeError("a bug"),
    "assertion": AssertionError("not a verdict"),
    "review": NeedsReview("a person has to look"),
    "interrupt": KeyboardInterrupt(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_other_exceptions_are_the_graders_and_propagate(
    context: CheckContext, fault: BaseException
) -> None:
    def check(x: int) -> None:
        raise fault

    with pytest.raises(type(fault)) as caught:
        given(x=NUMBERS)(check)()
    assert caught.value is fault


def test_fault_while_shrinking_propagates_too(context: CheckContext) -> None:
    check, met = _shrinks_into(ZeroDivisionError("in the check itself"))
    with pytest.raises(ZeroDivisionError):
        check()
    assert met


def test_draw_examples_gives_plain_dictionaries() -> None:
    drawn = draw_examples(st.fixed_dictionaries({"x": NUMBERS}), 3, 5)
    assert len(drawn) == 5 and all(set(example) == {"x"} for example in drawn)
    assert drawn == draw_examples(st.fixed_dictionaries({"x": NUMBERS}), 3, 5)


def test_examples_do_not_depend_on_what_else_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = st.fixed_dictionaries({"x": st.integers(), "y": st.floats()})
    before = draw_examples(strategy, 3, 200)
    (tmp_path / "loaded.py").write_text("A, B = 918273645546372819, 1234567.8125\n")
    spec = importlib.util.spec_from_file_location("loaded", tmp_path / "loaded.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "loaded", module)
    assert repr(draw_examples(strategy, 3, 200)) == repr(before)
