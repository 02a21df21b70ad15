"""`@given`: run a check on drawn examples, and find the smallest one that fails.

Every student gets the same examples: they come from Hypothesis with a fixed seed and without
its database. They are drawn once a process and replayed for each submission, which costs a
tenth of drawing them again. Only a check that failed goes back to Hypothesis, to shrink.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture import providers

from grader.checks.context import CheckContext, Example, current
from grader.checks.student import Student
from grader.checks.verdict import AnswerMissing, CheckFailed, LimitExceeded, NeedsReview

# What reads the constants, in versions of Hypothesis that do.
_LOCAL = "_get_local_constants"
# So many are drawn where somebody wants to choose among them.
_MANY = 400
# Shrinking ends where so many examples in a row were not smaller than the best one.
_FRUITLESS = 100


class _Enough(BaseException):
    """The time for shrinking is up. Not an Exception: Hypothesis lets it through."""


class _Falsified(Exception):
    """An example failed; one type and one place, so that Hypothesis sees a single bug."""


def given(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Run the decorated check for each drawn example, like Hypothesis' own `given`.

    The check's other arguments are pytest fixtures. How many examples are drawn, and the
    seed, are the rubric's. Where examples fail, the earliest stage counts, and the smallest
    example found that fails at that stage is raised.
    """
    strategy = st.fixed_dictionaries(strategies)

    def decorate(check: Callable[..., None]) -> Any:
        drawn: dict[tuple[int, int], list[Example]] = {}

        @functools.wraps(check)
        def run(**fixtures: Any) -> None:
            context = current()
            key = (context.seed, context.example_count)

            def draw() -> list[Example]:
                if key not in drawn:
                    drawn[key] = draw_examples(strategy, *key)
                return drawn[key]

            failure = _first_stage(check, fixtures, _examples(strategy, draw, context), context)
            if failure is None:
                return
            if not context.first_failure_ends:
                failure.shrink = functools.partial(
                    _smallest, check, fixtures, strategy, failure, context
                )
            raise failure if context.shrinks_later else failure.smallest()

        fixture_names = [n for n in inspect.signature(check).parameters if n not in strategies]
        kind = inspect.Parameter.KEYWORD_ONLY
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # pytest reads it
            [inspect.Parameter(name, kind) for name in fixture_names]
        )
        del run.__wrapped__  # pytest would look through to the drawn arguments
        return run

    return decorate


def draw_examples(strategy: st.SearchStrategy[Any], start: int, count: int) -> list[Example]:
    """The first `count` examples that Hypothesis draws from `start`."""
    examples: list[Example] = []

    def collect(example: Example) -> None:
        examples.append(example)

    _search(strategy, start, count, (Phase.generate,), collect)
    return examples


def _examples(
    strategy: st.SearchStrategy[Any], draw: Callable[[], list[Example]], context: CheckContext
) -> list[Example]:
    if context.keeper is None:
        return draw()
    return context.keeper.examples(
        context.check, draw, lambda: draw_examples(strategy, context.seed + 1, _MANY)
    )


def _smallest(
    check: Callable[..., None],
    fixtures: Example,
    strategy: st.SearchStrategy[Any],
    failure: CheckFailed,
    context: CheckContext,
) -> CheckFailed:
    """The failure on the smallest example that is found: among those kept, or by shrinking."""
    kept = context.keeper.smaller(context.check) if context.keeper is not None else None
    if kept is None:
        return _shrink(check, fixtures, strategy, failure, context)
    if isinstance(failure, AnswerMissing | LimitExceeded):
        return failure
    deadline, counted = time.monotonic() + context.shrink_s, context.examples_run
    for example in sorted(kept, key=size_of):
        if time.monotonic() > deadline:
            break
        try:
            found = _attempt(check, fixtures, example, context)
        except NeedsReview:
            continue  # of this one nothing is known here
        if type(found) is type(failure) and found.stage is failure.stage:
            failure = found
            break
    context.examples_run = counted
    return failure


def _search(
    strategy: st.SearchStrategy[Any],
    start: int,
    count: int,
    phases: tuple[Phase, ...],
    test: Callable[[Example], None],
) -> None:
    configured = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=phases,
        verbosity=Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )

    def anonymous(example: Example) -> None:
        test(example)

    with _nothing_from_other_modules():
        seed(start)(configured(hypothesis_given(example=strategy)(anonymous)))()


@contextlib.contextmanager
def _nothing_from_other_modules() -> Iterator[None]:
    """Keep Hypothesis from drawing constants that it reads off the modules that are loaded.

    Which ones are "local" depends on how the grader was installed and on what was imported
    before: two graders would draw different examples. There is no setting for that.
    """
    read = getattr(providers, _LOCAL, None)
    if read is None:  # a version that reads none
        yield
        return
    none = type(providers.GLOBAL_CONSTANTS)()
    setattr(providers, _LOCAL, lambda: none)
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        setattr(providers, _LOCAL, read)
        providers.CONSTANTS_CACHE.cache.clear()


def _attempt(
    check: Callable[..., None], fixtures: Example, example: Example, context: CheckContext
) -> CheckFailed | None:
    context.start_example(example)
    context.examples_run += 1
    student = fixtures.get("student")
    try:
        check(**fixtures, **example)
        if isinstance(student, Student):
            student.flush()
    except CheckFailed as failure:
        return failure
    return None


def _first_stage(
    check: Callable[..., None], fixtures: Example, examples: list[Example], context: CheckContext
) -> CheckFailed | None:
    """The failure of the earliest stage over all examples.

    A missing answer or a lost process says all there is to say. No clock ends the search: what a
    failure costs must not depend on how busy a machine is.
    """
    first: CheckFailed | None = None
    for example in _most_telling_first(examples, context):
        failure = _attempt(check, fixtures, example, context)
        if isinstance(failure, AnswerMissing | LimitExceeded):
            return failure
        if failure is not None and context.first_failure_ends:
            return failure
        if failure is not None and (first is None or failure.stage.rank < first.stage.rank):
            first, context.failing = failure, example
    return first


def _most_telling_first(examples: list[Example], context: CheckContext) -> list[Example]:
    """The examples; where one failure is enough, the one before that failed last time."""
    if not context.first_failure_ends:
        return examples
    return sorted(examples, key=lambda example: example is not context.failing)


def _shrink(
    check: Callable[..., None],
    fixtures: Example,
    strategy: st.SearchStrategy[Any],
    failure: CheckFailed,
    context: CheckContext,
) -> CheckFailed:
    """The failure on the smallest example found within the time that the rubric gives."""
    if isinstance(failure, AnswerMissing | LimitExceeded):
        return failure
    best, fruitless = (float("inf"), failure), 0
    deadline = time.monotonic() + context.shrink_s
    counted = context.examples_run

    def falsify(example: Example) -> None:
        nonlocal best, fruitless
        if fruitless == _FRUITLESS or time.monotonic() > deadline:
            raise _Enough
        fruitless += 1
        found = _attempt(check, fixtures, example, context)
        if isinstance(found, LimitExceeded):
            raise _Enough  # each further one could cost a whole time limit
        if type(found) is type(failure) and found.stage is failure.stage:
            # Of two that look equally large the later one: Hypothesis has shrunk it further.
            size = size_of(example)
            fruitless = 0 if size < best[0] else fruitless
            best = (size, found) if size <= best[0] else best
            raise _Falsified

    phases = (Phase.generate, Phase.shrink)
    # Flaky: an answer with chance in it, right and wrong on the same example.
    with contextlib.suppress(_Enough, _Falsified, Flaky):
        _search(strategy, context.seed, context.example_count, phases, falsify)
    context.examples_run = counted
    return best[1]


def size_of(example: Example) -> float:
    """How much there is to read in an example: numbers first, then their digits."""
    return sum(_weight(value) for value in example.values())


def largest_array(value: Any) -> int:
    """How many numbers the largest array in a value holds."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return int(np.asarray(value).size)
    if isinstance(value, list | tuple | dict):
        items = value.values() if isinstance(value, dict) else value
        return max(map(largest_array, items), default=0)
    return 0


def _weight(value: Any) -> float:
    if isinstance(value, np.ndarray | torch.Tensor):
        numbers = np.asarray(value).size
        return float(numbers) + min(len(str(value)), 1000) / 1000
    if isinstance(value, list | tuple | dict):
        items = value.values() if isinstance(value, dict) else value
        return sum(map(_weight, items)) + 0.1
    if isinstance(value, int):  # how many there are of something, as a rule; or a seed
        return min(abs(value), 20) / 20 + len(repr(value)) / 1000
    return len(repr(value)) / 100
