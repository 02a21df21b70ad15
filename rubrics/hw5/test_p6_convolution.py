"""Problem 6: two-dimensional convolution as torch.conv2d defines it."""

import numpy as np
import pytest
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    arrays,
    assert_matches,
    assert_unchanged,
    given,
    match_or_remark,
    match_whole,
    numbers,
    saying,
)


@st.composite
def images_and_kernels(draw):
    """An image x (N, C, H, W) and a kernel k (O, C, h, w) that fits in; all sides may differ."""
    # Now and then there are many images, channels or kernels, which are tiny then.
    samples = draw(st.sampled_from([1, 2, 3, 1, 2, 3, 12]))
    channels, filters = (draw(st.sampled_from([1, 2, 3, 10])) for _ in range(2))
    is_tiny = max(samples, channels, filters) > 3
    height, width = (draw(st.integers(1, 2 if is_tiny else 3)) for _ in range(2))
    # One in four kernels is as large as its image: two sides seldom happen to be equal.
    room = st.integers(0, 1 if is_tiny else 4) if draw(st.integers(0, 3)) else st.just(0)
    more_down, more_right = draw(room), draw(room)
    # One in three is square, the image and the kernel, as those of the homework are.
    if not draw(st.integers(0, 2)):
        height, more_down = width, more_right
    # A single 1 in both leaves nothing but zeros; in the kernel it shows where it stands.
    size = (samples, channels, height + more_down, width + more_right)
    # As the homework's own arrays lie in memory; other layouts are extremes.
    kinds = ("random", "ramp", "negative", "large")
    image = draw(arrays(size, kinds=kinds, layouts=("contiguous",)))
    kernel = draw(arrays((filters, channels, height, width), layouts=("contiguous",)))
    # One in eight images has whole numbers, as grey values are.
    if draw(st.sampled_from([False] * 7 + [True])):
        image = np.round(4 * image).astype(int)
    return {"x": image, "k": kernel}


CALL = "my_convolution(x, k)"


@pytest.mark.part("6")
@given(drawn=images_and_kernels())
def test_convolution_matches_torch(student, reference, drawn):
    """my_convolution gives what torch.conv2d gives with its default settings."""
    x, k = drawn["x"], drawn["k"]
    right = reference.my_convolution(x, k)
    try:
        if x.dtype.kind == "i":
            match_whole(lambda images: student.my_convolution(images, k), x, right, what=CALL)
        else:
            match_or_remark(student.my_convolution(x, k), right, what=CALL)
            assert_unchanged(student, CALL, x=(0, x), k=(1, k))
    except CheckFailed as failed:
        raise saying(failed, when_right(student, reference, failed, x, k)) from None
    assert_own_work(student, x, k)


def when_right(student, reference, failed, x, k):
    """With which change of its input the function would have been right, in words; or none.

    Asked once, of the first example that fails: it is about the function and not about the example.
    """
    if type(failed) is not CheckFailed or failed.stage is Stage.MEANS:
        return ""
    if failed.stage is Stage.VALUES and student.mutated:
        return "it changes its argument in place, too"
    if "when right" not in student.memo:
        found = (words for words, *pair in changes(x, k) if is_right(student, reference, *pair))
        kept = is_other_each_time(student, x, k)
        words = EACH_TIME if kept else next(found, "")
        if not words and failed.stage is not Stage.VALUES:
            words = only_as_sample(student, reference, x, k)
        student.memo["when right"] = words
    return student.memo["when right"]


SAMPLE = (5, 3, 24, 24), (16, 3, 5, 5)
OTHER_SIZES = (2, 2, 6, 7), (4, 2, 3, 3)
EACH_TIME = "the same call has another result each time"


def is_other_each_time(student, x, k):
    """Whether two calls more with the same input differ from each other."""
    try:
        first, second = (numbers(student.my_convolution(x, k)) for _ in range(2))
    except CheckFailed:
        return False
    return not np.array_equal(first, second, equal_nan=True)


def is_right(student, reference, x, k):
    """Whether the function is certainly right on another input."""
    try:
        assert_matches(student.my_convolution(x, k), reference.my_convolution(x, k))
    except (CheckFailed, NeedsReview):  # wrong there too, or nothing is known of it here
        return False
    return True


def changes(x, k):
    """Other input that differs in one respect, with what it would mean to be right there."""
    (count, channels, *size), (filters, _, *window) = x.shape, k.shape
    side, kernel_side = max(size), max(window)
    if any(n % 2 == 0 for n in window):
        even = [1 - n % 2 for n in window]
        yield "it is right with odd sides of the kernel", padded(x, 0, *even), padded(k, 0, *even)
    if len(set(size)) == 2:
        yield "it is right for a square image", padded(x, 0, *(side - n for n in size)), k
    if len(set(window)) == 2:  # the image may become a square by it, too
        more = [kernel_side - n for n in window]
        yield "it is right for a square kernel", padded(x, 0, *more), padded(k, 0, *more)
    if channels != 3:
        more = max(3 - channels, 0)
        yield "it is right with three channels", padded(x[:, :3], more), padded(k[:, :3], more)
    if count > 3:
        yield "it is right with fewer images", x[:3].copy(), k
    if filters > 3:
        yield "it is right with fewer kernels", x, k[:3].copy()


def only_as_sample(student, reference, x, k):
    """Words on a function that is right for the sizes of the homework's sample, and not for others.

    Sides of one entry are none of these: to stop there is another mistake.
    """
    right_for = [is_right(student, reference, np.resize(x, image), np.resize(k, kernel))
                 for image, kernel in (SAMPLE, OTHER_SIZES)]  # fmt: skip
    return (
        "it is right for the sizes of the homework's sample" if right_for == [True, False] else ""
    )


def padded(array, channels, down=0, right=0):
    """Zeros behind the channels, rows and columns that are there."""
    return np.pad(array, ((0, 0), (0, channels), (0, down), (0, right)))


def assert_own_work(student, image, kernel):
    """Fail where the function calls on torch, or on a convolution that is ready-made."""
    if "called" not in student.memo:
        # Numbers that it was not asked before: it may have kept what it answered.
        others = image.astype(float) + 0.5, kernel.astype(float) - 0.25
        called = student.scaffold("means").called_by(student.my_convolution, *others)
        student.memo["called"] = called
    if student.memo["called"]:
        listed = ", ".join(str(name) for name in student.memo["called"][:4])
        text = f"my_convolution calls {listed}, but should be your own algorithm in NumPy"
        raise CheckFailed(Stage.MEANS, text, hint="Loops are fine, and so is vectorised code.")
