"""The reference as a check sees it: its own names, and answers that nobody can spoil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.checks.reference import Reference
from grader.errors import UsageError

SOURCE = """
import numpy as np
from grader.checks.oracle import forward_error

LIMIT = 3
calls = []

class Net:
    pass

@forward_error(lambda x: 2 * abs(x))
def doubled(x):
    calls.append(x)
    x += x
    return x

def first(pair, *, default=0):
    calls.append(pair)
    return pair[0] if pair else default

def _hidden():
    return 1
"""


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """A reference folder of one module that counts its calls."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text(SOURCE)
    return Reference(folder)


def test_functions_answer_with_value_and_error(reference: Reference) -> None:
    told = reference.doubled(np.array([1.0, -2.0]))
    assert told.value.tolist() == [2, -4]
    assert told.error.tolist() == [2, 4]
    assert reference.first((5, 6)).error is None


def test_classes_and_constants_are_given_as_they_are(reference: Reference) -> None:
    assert reference.LIMIT == 3
    assert isinstance(reference.Net(), reference.Net)
    assert reference.find("Net") is reference.Net
    assert reference.find("nothing") is None


def test_arguments_stay_as_they_were(reference: Reference) -> None:
    x = np.ones(2)
    reference.doubled(x)
    assert x.tolist() == [1, 1]


def test_same_question_is_computed_once(reference: Reference) -> None:
    for _ in range(3):
        assert reference.doubled(np.array([3.0])).value.tolist() == [6]
    assert len(reference.calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        np.array([3.0, 0.0]),
        np.array([[3.0]]),
        np.array([4.0]),
        np.array([3]),
        np.array([3.0], dtype="float32"),
        torch.tensor([3.0], dtype=torch.float64),
    ],
    ids=["longer", "deeper", "another-number", "whole", "single", "tensor"],
)
def test_other_questions_are_computed(reference: Reference, other: object) -> None:
    reference.doubled(np.array([3.0]))
    told = reference.doubled(other)
    assert len(reference.calls) == 2
    assert type(told.value) is type(other)


def test_keywords_and_kinds_of_containers_are_told_apart(reference: Reference) -> None:
    asked = [((), {}), (([],), {}), (((),), {"default": 1}), (([],), {"default": 1})]
    told = [reference.first(*(args or ((),)), **kwargs).value for args, kwargs in asked]
    assert told == [0, 0, 1, 1]
    assert len(reference.calls) == 4


def test_changed_answers_do_not_come_back(reference: Reference) -> None:
    reference.doubled(np.array([7.0])).value[0] = 0
    assert reference.doubled(np.array([7.0])).value.tolist() == [14]


def test_what_cannot_be_compared_is_computed_each_time(reference: Reference) -> None:
    question = (torch.ones(2), 1)
    for _ in range(2):
        reference.first(question)
    assert len(reference.calls) == 2


@pytest.mark.parametrize("name", ["_hidden", "np", "forward_error"])
def test_only_public_names_of_its_own_are_there(reference: Reference, name: str) -> None:
    with pytest.raises(AttributeError if name.startswith("_") else UsageError):
        getattr(reference, name)


def test_unknown_name_lists_the_known(reference: Reference) -> None:
    with pytest.raises(UsageError, match=r"has no 'sigmoid'; it has: LIMIT, Net, calls, doubled"):
        _ = reference.sigmoid


def test_folder_without_package_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no __init__\.py"):
        Reference(tmp_path)
