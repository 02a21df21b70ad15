"""Problems 5 and 6 on input at the edge of what can be: what the homework asks for nowhere.

The rubric gives these checks no weight: where one fails the report says so, and nothing is lost.
"""

import numpy as np
import pytest

from grader.checks import AnswerMissing, CheckFailed, Stage, assert_matches, show_as

# exp(1000) is more than any float holds; the functions themselves have finite values there.
LARGE = np.array([[-1000.0, 0.0, 1000.0], [1000.0, 999.0, -1000.0]])


# Another way through the memory than that of an array which was just made: a transposed view.
VIEW = np.arange(-3.0, 3.0).reshape(2, 3).T
VIEWED = "A view has strides of its own, and reshape or ravel may give a copy of it."


def at_the_edge(told, right, what, hint):
    """Compare, and call a difference one of extremes: ordinary input has checks of its own."""
    try:
        assert_matches(told(), right, what=what)
    except AnswerMissing:
        raise
    except CheckFailed as failed:
        text = f"on extreme input: {failed.message}"
        raise CheckFailed(
            Stage.EXTREMES, text, hint=hint, counterexample=failed.counterexample,
            raised=failed.raised,
        ) from None  # fmt: skip


@pytest.mark.part("5b-i")
def test_sigmoid_of_extremes(student, reference):
    """sigmoid stays finite for entries as large as 1000, and takes whole numbers and views."""
    hint = "exp(-x) overflows for x = -1000. Can the same function be written in another way there?"
    for x in (LARGE, LARGE.astype(int)):
        show_as(x=x)
        at_the_edge(lambda: student.sigmoid(x), reference.sigmoid(x), "sigmoid(x)", hint)  # noqa: B023
    show_as(x=VIEW)
    at_the_edge(lambda: student.sigmoid(VIEW), reference.sigmoid(VIEW), "sigmoid(x)", VIEWED)


@pytest.mark.part("5b-ii")
def test_softmax_of_extremes(student, reference):
    """softmax stays finite for entries as large as 1000, and takes whole numbers and views."""
    hint = "exp overflows for large scores. What can be done to a row without changing its softmax?"
    for x in (LARGE, LARGE.astype(int)):
        show_as(x=x)
        at_the_edge(lambda: student.softmax(x), reference.softmax(x), "softmax(x)", hint)  # noqa: B023
    show_as(x=VIEW)
    at_the_edge(lambda: student.softmax(VIEW), reference.softmax(VIEW), "softmax(x)", VIEWED)


@pytest.mark.part("5b-iii")
def test_forward_pass_of_an_empty_batch(student, reference):
    """feed_forward takes a batch without samples."""
    weights, batch = [np.ones((3, 2))], np.zeros((0, 3))
    layers = [np.zeros((0, 3)), np.zeros((0, 2))]
    show_as(batch=batch, hidden_layers=layers, weights=weights)
    right = reference.feed_forward(batch, layers, weights)
    at_the_edge(lambda: first(student.feed_forward(batch, layers, weights)), right[0], "output",
                "An array without rows has a shape, too; a sum over no samples is 0.")  # fmt: skip


def first(told):
    """The first of two answers; anything else is charged by the checks that cost points."""
    if not isinstance(told, tuple | list) or len(told) != 2:
        raise CheckFailed(Stage.KIND, "feed_forward should give output and hidden_layers")
    return told[0]


@pytest.mark.part("6")
def test_convolution_of_extremes(student, reference):
    """my_convolution takes whole and single-precision numbers, views, and no images at all."""
    x, k = np.arange(24).reshape(1, 2, 3, 4), np.arange(4).reshape(1, 2, 2, 1)
    hint = "Which dtype does your output array have? That of the input may be too coarse for sums."
    for images in (x, x.astype(np.float32), np.zeros((0, 2, 3, 4))):
        show_as(x=images, k=k)
        at_the_edge(lambda: student.my_convolution(images, k), reference.my_convolution(images, k),  # noqa: B023
                    "my_convolution(x, k)", hint)  # fmt: skip
    x, k = x.transpose(0, 1, 3, 2).astype(float), k.astype(float).transpose(0, 1, 3, 2)
    show_as(x=x, k=k)
    at_the_edge(lambda: student.my_convolution(x, k), reference.my_convolution(x, k),
                "my_convolution(x, k)", VIEWED)  # fmt: skip
