"""What a reference answers: values, error models, and nothing of what it imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.checks.oracle import Expected, ahead, error_model, forward_error
from grader.checks.reference import Reference
from grader.checks.verdict import CheckFailed
from grader.errors import UsageError
from grader.model import Stage

MODULE = """
import numpy as np
from math import sqrt
from grader.checks.oracle import forward_error
from ._inner import hidden, shared

LIMIT = {limit}

class Net:
    pass

def _private(x):
    return x

def model(x, power=2):
    return power * np.abs(x)

@forward_error(model)
def power(x, power=2):
    return x ** power

def clear(x):
    x[:] = 0
    return x

def pair(x):
    return [x, x + 1]
"""


def _folder(parent: Path, name: str = "demo", limit: int = 3) -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""A reference."""\n')
    (folder / "_inner.py").write_text("hidden = 1\ndef shared(x):\n    return x\n")
    (folder / "p1.py").write_text(MODULE.replace("{limit}", str(limit)))
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """A small reference solution."""
    return Reference(_folder(tmp_path))


def _square(x: float) -> float:
    return x * x


def test_forward_error_hangs_a_model_on_a_function() -> None:
    def model(x: float) -> float:
        return 2 * abs(x)

    plain: Callable[[float], float] = lambda x: x * x  # noqa: E731  # a function of its own
    modelled = forward_error(model)(plain)
    assert modelled is plain and modelled(3.0) == 9
    assert error_model(modelled) is model
    assert error_model(_square) is None


def test_items_of_an_expected_keep_value_and_error_together() -> None:
    expected = Expected([np.ones(2), np.zeros(3)], [np.full(2, 5.0), np.full(3, 6.0)])
    assert expected[1].value.shape == (3,)
    assert expected[1].error[0] == 6
    assert Expected((1.0, 2.0))[1] == Expected(2.0)


def test_function_answers_with_value_and_error(reference: Reference) -> None:
    told = reference.power(np.array([1.0, -3.0]), power=3)
    assert isinstance(told, Expected)
    assert told.value.tolist() == [1, -27]
    assert told.error.tolist() == [3, 9]


def test_function_without_a_model_promises_its_last_operation(reference: Reference) -> None:
    assert reference.pair(1) == Expected([1, 2])


def test_arguments_are_copied(reference: Reference) -> None:
    x = np.ones(3)
    assert reference.clear(x).value.tolist() == [0, 0, 0]
    assert x.tolist() == [1, 1, 1]


def test_classes_and_constants_are_given_as_they_are(reference: Reference) -> None:
    assert reference.LIMIT == 3
    assert reference.Net().__class__.__name__ == "Net"
    assert reference.find("power")(2) == 4
    assert reference.find("unknown") is None


@pytest.mark.parametrize("name", ["np", "sqrt", "forward_error", "square"])
def test_names_that_are_not_the_references_are_unknown(reference: Reference, name: str) -> None:
    with pytest.raises(UsageError, match=f"^the reference has no '{name}'; it has: LIMIT, Net, "):
        getattr(reference, name)


@pytest.mark.parametrize("name", ["_private", "_names_of"])
def test_private_names_stay_private(reference: Reference, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(reference, name)
    assert reference.find(name) is None


def test_two_folders_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    first = Reference(_folder(tmp_path / "a", limit=1))
    second = Reference(_folder(tmp_path / "b", limit=2))
    assert (first.LIMIT, second.LIMIT) == (1, 2)
    assert first.power(2).value == second.power(2).value == 4


def test_folder_that_is_no_package_is_the_rubrics_fault(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^The reference folder .* has no __init__\.py\.$"):
        Reference(tmp_path)


def test_what_is_asked_ahead_is_given_or_raised_later() -> None:
    asked: list[int] = []

    def fail() -> None:
        asked.append(1)
        raise CheckFailed(Stage.VALUES, "no")

    assert ahead(lambda: 3)() == 3
    later = ahead(fail)
    assert asked == [1]
    with pytest.raises(CheckFailed, match="no"):
        later()


def test_a_fault_is_raised_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        ahead(lambda: 1 // 0)
