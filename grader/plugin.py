"""The pytest plugin: fixtures `student`, `reference` and `device`, and one result a check.

It is loaded into every pytest run of an environment that has the grader, so it imports
nothing heavy until a submission is named.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.marks import part_of

if TYPE_CHECKING:
    from grader.judge import Judge

_JUDGE = pytest.StashKey["Judge"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run over one submission."""
    group = parser.getgroup("grader", "grading one submission")
    group.addoption("--submission", metavar="FILE", help="notebook, module, ZIP or folder to grade")
    group.addoption("--grader-device", default="cpu", metavar="cpu|cuda", help="where tensors live")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and make a judge where a submission was named."""
    config.addinivalue_line("markers", "part(id): the part of the assignment that a check is of")
    given = config.getoption("--submission", default=None)
    if given and _JUDGE not in config.stash:
        from grader.errors import GraderException
        from grader.judge import judge_for

        try:
            folder = _rubric_folder(config)
            judge = judge_for(str(folder), Path(given), config.getoption("--grader-device"))
        except GraderException as error:
            raise pytest.UsageError(str(error)) from error
        config.stash[_JUDGE] = judge
        config.add_cleanup(judge.close_all)


def _rubric_folder(config: pytest.Config) -> Path:
    for argument in config.args:
        path = Path(str(argument).split("::")[0]).resolve()
        for folder in (path, *path.parents):
            if (folder / "rubric.yaml").is_file():
                return folder
    told = "name the folder of a rubric too: pytest rubrics/NAME --submission FILE"
    raise pytest.UsageError(told)


def use_judge(config: pytest.Config, judge: Judge) -> None:
    """Have a run use this judge: what `grader.grading` does before collection."""
    config.stash[_JUDGE] = judge


def _judge(config: pytest.Config) -> Judge:
    if _JUDGE not in config.stash:
        pytest.skip("no submission was named: add --submission FILE")
    return config.stash[_JUDGE]


@pytest.fixture
def student(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The student's names after the cells of the check's part, in a process of their own."""
    opened = _judge(request.config).student(part_of(request.node))
    yield opened
    opened.close()


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> Any:
    """The reference solution: functions answer with value and error model."""
    return _judge(request.config).reference


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    """Where tensors live: cpu or cuda."""
    return _judge(request.config).device


@pytest.fixture
def data_folder(request: pytest.FixtureRequest) -> Path:
    """The public data that every submission's working folder starts with."""
    folder = _judge(request.config).data_folder
    if folder is None:
        raise pytest.UsageError("the rubric names no script under `data:`")
    return folder


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Any:
    """What was handed in, for checks that read it: cells and sources of the check's part."""
    return _judge(request.config).evidence(part_of(request.node))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run checks in the order of the notebook, so that it is run once from top to bottom."""
    if _JUDGE in config.stash:
        from grader.errors import UsageError

        judge = config.stash[_JUDGE]
        try:
            chosen = [item for item in items if judge.wants(item)]
            judge.check_collected(items)
        except (UsageError, pytest.UsageError) as error:
            judge.misuse = str(error)
            raise pytest.UsageError(str(error)) from error
        items[:] = sorted(chosen, key=lambda item: judge.order(part_of(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give the check its context: how many examples, which seed."""
    if _JUDGE not in item.config.stash or item.get_closest_marker("part") is None:
        return (yield)
    with item.config.stash[_JUDGE].checking(item.name):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Confirm a failure before it counts.

    Once in a new process, where checks before it used the same; then with right helpers,
    where a helper of another part is wrong: that is charged in its own part only.
    """
    started = time.perf_counter()
    try:
        done = yield
        if _JUDGE in pyfuncitem.config.stash:  # another project may have a `student` of its own
            _flush(pyfuncitem.funcargs)
        return done
    except AssertionError as failure:
        if _JUDGE not in pyfuncitem.config.stash:
            raise
        judge, last = pyfuncitem.config.stash[_JUDGE], failure
        took_s = time.perf_counter() - started
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        before, told, tried = last, None, None
        for tried in judge.second_chances(part_of(pyfuncitem), arguments.get("student")):
            try:
                tried.change(last)
                judge.start_again()
                _run(pyfuncitem, arguments)
                return True
            except AssertionError as failed:
                if tried.telling:
                    before, told, last = last, tried, _the_one_that_counts(failed, last)
        if told is not None and tried is not told:
            told.change(before)  # as it was when the check failed with the failure that counts
        if doubt := judge.doubt(part_of(pyfuncitem), last):
            raise _review(doubt) from None
        last = judge.smallest(last)
        judge.diagnose(
            pyfuncitem, last,
            lambda other: _run(
                pyfuncitem, {n: other if n == "reference" else v for n, v in arguments.items()}
            ),
            took_s,
        )  # fmt: skip
        raise last from None


def _review(doubt: str) -> Exception:
    from grader.checks.verdict import NeedsReview

    return NeedsReview(doubt)


def _the_one_that_counts(failed: AssertionError, before: AssertionError) -> AssertionError:
    """The later failure, but where the student's code now stops with an error and did not before.

    It asks a stand-in for what only its own class has: that says nothing of the answer.
    """
    if getattr(failed, "raised", None) is None or getattr(before, "raised", None) is not None:
        return failed
    before.shrink = None  # type: ignore[attr-defined]  # with a stand-in it would fail otherwise
    return before


def _run(item: pytest.Function, arguments: dict[str, Any]) -> None:
    item.obj(**arguments)
    _flush(arguments)


def _flush(arguments: dict[str, Any]) -> None:
    """Have the student's process do what it was asked for last, before a check has passed."""
    if (student := arguments.get("student")) is not None:
        student.flush()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, Any, Any]:
    """Record the check's result, and show its message instead of the grader's traceback."""
    report = yield
    if _JUDGE in item.config.stash and item.get_closest_marker("part") is not None:
        error = call.excinfo.value if call.excinfo is not None else None
        if not isinstance(error, pytest.skip.Exception):
            text = item.config.stash[_JUDGE].record(item, call.when, error, call.duration)
            if text is not None:
                report.longrepr = text
            if item.config.stash[_JUDGE].stopped:
                item.session.shouldstop = "a fault of the grader"
    return report
