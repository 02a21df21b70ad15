"""Problem 3 (a) and (b): the digits and a dataset."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    Remote,
    Stage,
    arrays,
    assert_matches,
    fill,
    given,
    numbers,
    seeds,
    show_as,
    until_settled,
)  # fmt: skip
from grader.submission.source import as_python, bound_names, parse_python

# What parts behind (a) define: where its cell has one of them, it goes on with these parts.
OTHER_PARTS = {"Digits", "MySimpleCNN"}

# So many samples are in a dataset of a check at the most.
MOST_SAMPLES = 4


@pytest.mark.part("3a")
def test_digits_are_loaded(student, submission, reference):
    """X and y hold all digits: one row of 64 pixels an image, and its label."""
    X, y = reference.load_all_digits().value
    with told_of_another_order(student, X, y):
        assert_once(student, submission, {"X": X, "y": y})


def assert_once(student, submission, right):
    """Compare names with what they should be, or were once each had been bound.

    In a cell that goes on with other parts a loop may bind them again.
    """
    try:
        for name, value in right.items():
            assert_matches(student[name], value, what=name)
    except CheckFailed:
        ends = until_settled(submission.sources, tuple(right), (), ())
        if (
            not submission.names & OTHER_PARTS
            or ends is None
            or not bound_again(submission.sources, ends[0], right)
        ):
            raise
        try:
            told = student.rerun([ends[0]], submission.cells[:1], timeout_s=30)
            for name, value in right.items():
                assert_matches(told[name], value, what=name)
            return
        except CheckFailed:
            pass  # the first failure tells more
        raise


def bound_again(sources, first, names):
    """Whether the cells bind one of the names below that much of their code."""
    code = "\n".join(as_python(source) for source in sources).split("\n")
    below = code[first.count("\n") + 1 :]
    tree = parse_python("\n".join(below))
    return tree is not None and bool(set(names) & set(bound_names(tree.body)))


@contextlib.contextmanager
def told_of_another_order(student, X, y):
    """Say of a failure that only the order differs, and whether images have kept their labels."""
    try:
        yield
    except CheckFailed as failure:
        order = failure.stage is Stage.VALUES and order_of(student, X, y)
        if not order:
            raise
        text = f"{order}: {failure.message}"
        raise CheckFailed(failure.stage, text, hint=failure.hint) from None


def order_of(student, X, y):
    """What is in another order than the digits, None where that is not all that differs."""
    try:
        rows, labels = numbers(student.X), numbers(student.y)
    except CheckFailed:
        return None
    if labels.shape != np.shape(y):
        return None
    places = {row.tobytes(): at for at, row in enumerate(numbers(X))}
    found = [places.get(row.tobytes()) for row in rows]
    if sorted(labels) != sorted(y) or None in found or len(set(found)) < len(rows):
        return None
    if found == sorted(found):
        return "y is shuffled and X is not, so the labels do not match their images"
    if np.array_equal(labels, np.asarray(y)[found]):
        return "X and y are in another order"
    return "X is shuffled, and the labels in y do not match their images"


@pytest.mark.part("3a")
def test_digits_are_split(student, submission, reference):
    """The digits are split into 500 for training and the rest for testing."""
    names = ("X_train", "X_test", "y_train", "y_test")
    assert_once(student, submission, dict(zip(names, reference.load_split().value, strict=True)))


def labelled():
    """Rows of 64 pixels and their labels."""
    return st.integers(1, MOST_SAMPLES).flatmap(
        lambda n: st.fixed_dictionaries(
            {
                "images": arrays((n, 64), elements="pixels", layouts=("contiguous", "strided")),
                "seed": seeds(),
            }
        )
    )


def labels_for(drawn):
    return np.random.default_rng(drawn["seed"]).integers(0, 10, len(drawn["images"]))


@pytest.mark.part("3b")
@given(drawn=labelled())
def test_item_is_an_image(student, reference, drawn):
    """An item's first entry is the image: one channel of 8 by 8 pixels, float32."""
    X, y = drawn["images"], labels_for(drawn)
    show_as(labels=y)
    dataset, right = datasets(student, reference, X, y)
    for index in in_some_order(drawn):
        image = pair(dataset[index])[0]
        expected = right[index][0]
        assert_matches(image, expected, what="image", dtype=dtype_name(expected))
        assert_tensor(image, "image")


@pytest.mark.part("3b")
@given(drawn=labelled())
def test_item_has_its_label(student, reference, drawn):
    """An item's second entry is the label as a class number of type torch.long."""
    X, y = drawn["images"], labels_for(drawn)
    show_as(labels=y)
    dataset, right = datasets(student, reference, X, y)
    for index in in_some_order(drawn):
        label = pair(dataset[index])[1]
        expected = right[index][1]
        assert_no_length(label, int(expected))
        assert_matches(label, expected, what="label")
        assert_tensor(label, "label")
        assert_matches(label, expected, what="label", dtype=dtype_name(expected))


def datasets(student, reference, X, y):
    """The student's dataset and the right one; another one of each is made after them."""
    told = student.Digits.keep(X, y), reference.Digits(X, y)
    other = np.ones(X.shape), np.zeros(len(y), dtype=int)
    student.Digits.keep(*other)
    reference.Digits(*other)
    return told


def in_some_order(drawn):
    """The items' numbers, not always one after the other."""
    return np.random.default_rng(drawn["seed"]).permutation(len(drawn["images"])).tolist()


def assert_no_length(label, right):
    """Fail where the label is the length of a tensor instead of its value."""
    if isinstance(label, torch.Tensor) and label.shape == (right,) and right > MOST_SAMPLES:
        text = f"label.shape=({right},), but should be (): the label {right} is taken for a length"
        raise CheckFailed(Stage.SHAPE, text, hint="What does the function that makes the tensor "
                          "expect as its argument?")  # fmt: skip


def dtype_name(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def pair(item):
    """Image and label of an item, which may be a class of the student's that is a tuple too."""
    if isinstance(item, Remote):
        with contextlib.suppress(CheckFailed):
            return item[0], item[1]
        item = "an object without an image and a label"
    if not isinstance(item, tuple | list) or len(item) != 2:
        text = f"an item is {item!r:.80}, but should be a pair of image and label"
        raise CheckFailed(Stage.KIND, text, hint="What does __getitem__ return?")
    return item


def assert_tensor(value, what):
    if not isinstance(value, torch.Tensor):
        text = f"{what} is a {type(value).__name__}, but should be a torch.Tensor"
        raise CheckFailed(Stage.DTYPE, text)


@pytest.mark.part("3b")
@given(n=st.integers(1, 9))
def test_dataset_has_a_length(student, reference, n):
    """len() of a dataset is its number of samples."""
    X, y = fill((n, 64), "ramp", 0), np.zeros(n, dtype=int)
    show_as(images=X, labels=y)
    dataset = student.Digits.keep(X, y)
    assert_matches(len(dataset), len(reference.Digits(X, y)), what="the length")


@pytest.mark.part("3b")
def test_dataset_feeds_a_dataloader(student, reference):
    """A DataLoader can make batches of the dataset."""
    X, y = fill((7, 64), "random", 1, elements="pixels"), np.arange(7)
    right = reference.Digits(X, y)
    batches = student.scaffold("loader").batches(student.Digits.keep(X, y), 3)
    if len(batches) != 3:
        text = f"7 samples make {len(batches)} batches of at most 3, but should make 3"
        raise CheckFailed(Stage.SHAPE, text, hint="A DataLoader asks the dataset for its length.")
    for batch, at in zip(batches, (0, 3, 6), strict=True):
        image, label = pair(batch)
        items = [right[index] for index in range(at, min(at + 3, 7))]
        with told_of_one_image(image, items[-1][0]):
            assert_matches(image, torch.stack([i[0] for i in items]), what="a batch of images")
        assert_matches(label, torch.stack([i[1] for i in items]), what="a batch of labels")


@contextlib.contextmanager
def told_of_one_image(batch, last):
    """Say of a failure that the batch holds its last image everywhere, where it does."""
    try:
        yield
    except CheckFailed as failure:
        comparable = failure.stage is Stage.VALUES and isinstance(batch, torch.Tensor)
        if not comparable or not torch.equal(batch, last.expand(batch.shape)):
            raise
        text = f"the last image of a batch is everywhere in it: {failure.message}"
        raise CheckFailed(failure.stage, text) from None
