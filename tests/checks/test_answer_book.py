"""Recorded answers in the place of a reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, arrays, assert_matches, given, shapes
from grader.checks.answer_book import AnswerBook, NotRecorded, Recorder, read_book, write_book
from grader.checks.context import CheckContext, running
from grader.checks.examples import largest_array
from grader.checks.oracle import Expected
from grader.checks.reference import Reference
from grader.errors import UsageError
from grader.variants import RecordedMistake

REFERENCE = """
import numpy as np
import torch
from grader.checks.oracle import forward_error

LIMIT = np.array([7.0])

@forward_error(lambda x: np.full(np.shape(x), 4.0))
def half(x):
    return np.asarray(x) / 2

def pair(x, *, scale=1.0):
    return np.asarray(x) * scale, [1.0, np.ones(30000)]

class Items:
    def __init__(self, x):
        self.x = x
    def __len__(self):
        return len(self.x)
    def __getitem__(self, index):
        if index >= len(self.x):
            raise ValueError("no such item")
        return torch.tensor(self.x[index]), index
"""
X = np.array([1.0, 2.0])


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """A reference with a function, a sequence and a constant."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "answers.py").write_text(REFERENCE)
    return Reference(folder)


def recorded(reference: Reference, path: Path, *mistakes: tuple[str, str]) -> AnswerBook:
    recorder = Recorder(reference)
    recorder.half(X)
    recorder.pair(X, scale=2.0)
    recorder.Items(X)
    assert recorder.LIMIT.tolist() == [7.0]
    write_book(path / "book.zip", recorder, reference, mistakes)
    return read_book(path / "book.zip")


def mistake(name: str, forms: int = 1) -> RecordedMistake:
    return RecordedMistake(mistake=name, part="1", name="N", say="S", recorded=forms)


def test_book_answers_what_was_asked(reference: Reference, tmp_path: Path) -> None:
    book = recorded(reference, tmp_path)
    told = book.half(X.astype(np.float32))
    assert isinstance(told, Expected)
    assert (told.value.tolist(), told.error.tolist()) == ([0.5, 1.0], [4.0, 4.0])
    assert book.pair(X, scale=2).value[0].tolist() == [2.0, 4.0]
    assert book.pair(X, scale=2)[1].value[1].sum() == 30000
    assert book.LIMIT.tolist() == [7.0]


def test_book_has_the_items_of_a_sequence(reference: Reference, tmp_path: Path) -> None:
    items = recorded(reference, tmp_path).Items(X)
    assert len(items) == 2 and torch.equal(items[1][0], torch.tensor(2.0, dtype=torch.float64))


@pytest.mark.parametrize("ask", [
    lambda book: book.half(X + 1), lambda book: book.half(x=X), lambda book: book.unheard_of(X),
    lambda book: book.Items(X + 1), lambda book: book.half(object()),
])  # fmt: skip
def test_book_says_what_it_does_not_know(reference: Reference, tmp_path: Path, ask: object) -> None:
    with pytest.raises(NotRecorded, match="the course's own grader decides"):
        ask(recorded(reference, tmp_path))  # type: ignore[operator]


def test_an_answer_can_be_changed_without_harm(reference: Reference, tmp_path: Path) -> None:
    book = recorded(reference, tmp_path)
    book.half(X).value[:] = 0
    assert book.half(X).value.tolist() == [0.5, 1.0]


def test_mistakes_answer_in_their_own_way(reference: Reference, tmp_path: Path) -> None:
    book = recorded(
        reference, tmp_path,
        ("third", "def half(x): return np.asarray(x) / 3"),
        ("third", "def half(x): return np.asarray(x) / 4"),
        ("same", "def half(x): return np.asarray(x) / 2"),
        ("limit", "LIMIT = np.array([8.0])"),
        ("items", "class Items(Items):\n    def __getitem__(self, index): return 5"),
        ("fails", "def half(x): raise ValueError('no')"),
        ("odd", "def half(x): return object()"),
    )  # fmt: skip
    third = mistake("third", 2)
    assert book.mistaken(third, 0).half(X).value == pytest.approx(X / 3)
    assert book.mistaken(third, 1).half(X).value == pytest.approx(X / 4)
    assert book.mistaken(third, 1).pair(X, scale=2.0).value[0].tolist() == [2.0, 4.0]
    assert book.mistaken(mistake("same"), 0).half(X).value.tolist() == [0.5, 1.0]
    assert book.mistaken(mistake("limit"), 0).LIMIT.tolist() == [8.0]
    assert book.mistaken(mistake("items"), 0).Items(X) == [5, 5]
    for name in ("fails", "odd"):
        with pytest.raises(ValueError, match="has no answer"):
            book.mistaken(mistake(name), 0).half(X)


def test_a_mistakes_answers_hold_single_precision(reference: Reference, tmp_path: Path) -> None:
    book = recorded(reference, tmp_path, ("third", "def half(x): return np.asarray(x) / 3"))
    assert_matches(X / 3, book.mistaken(mistake("third"), 0).half(X))
    with pytest.raises(CheckFailed):
        assert_matches(X / 3 * (1 + 1e-5), book.mistaken(mistake("third"), 0).half(X))


def test_the_same_content_makes_the_same_file(reference: Reference, tmp_path: Path) -> None:
    recorded(reference, tmp_path)
    first = (tmp_path / "book.zip").read_bytes()
    recorded(reference, tmp_path)
    assert (tmp_path / "book.zip").read_bytes() == first


def test_a_file_that_is_no_book_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.zip").write_text("no")
    with pytest.raises(UsageError, match=r"book\.zip is no book of answers"):
        read_book(tmp_path / "book.zip")


@given(x=arrays(shapes(max_dims=2, max_side=9)))
def check_half(answer, reference, x):
    """It is half."""
    assert_matches(answer(x), reference.half(x))


def run(book: AnswerBook | Recorder, answer: object) -> CheckContext:
    with running(CheckContext(check="check_half", keeper=book, shrink_s=60)) as context:
        check_half(answer=answer, reference=book)
    return context


def test_examples_are_kept_and_the_smallest_failure_is_found_among_them(
    reference: Reference, tmp_path: Path
) -> None:
    recorder = Recorder(reference)
    assert run(recorder, lambda x: x / 2).examples_run == 65
    write_book(tmp_path / "book.zip", recorder, reference, [])
    book = read_book(tmp_path / "book.zip")
    assert run(book, lambda x: x / 2).examples_run == 25
    with pytest.raises(CheckFailed) as caught:
        run(book, lambda x: x / 3 if x.shape[0] > 1 else x / 2)
    shown = caught.value.counterexample
    assert shown is not None and shown.actual is not None and shown.actual.shape is not None
    assert 1 < np.prod(shown.actual.shape) <= 16


def test_small_examples_are_small_and_of_all_sizes(reference: Reference) -> None:
    recorder = Recorder(reference)
    run(recorder, lambda x: x / 2)
    sizes = [largest_array(example["x"]) for example in recorder.kept["check_half"].smaller]
    assert len(sizes) == 40 and max(sizes) > 8 and min(sizes) == 1 and max(sizes) <= 16


def test_a_check_without_recorded_examples_is_left_open(
    reference: Reference, tmp_path: Path
) -> None:
    with pytest.raises(NotRecorded):
        run(recorded(reference, tmp_path), lambda x: x / 2)


def test_largest_array_looks_into_containers() -> None:
    assert largest_array({"a": [np.ones(3), (np.ones((2, 4)),)], "b": 17}) == 8
