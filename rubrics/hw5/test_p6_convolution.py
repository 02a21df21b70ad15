"""Problem 6: two-dimensional convolution as torch.conv2d defines it."""

import pytest
from hypothesis import strategies as st

from grader.checks import CheckFailed, Stage, arrays, assert_matches, given


@st.composite
def images_and_kernels(draw):
    """An image x (N, C, H, W) and a kernel k (O, C, h, w) that fits in; all sides may differ."""
    samples, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    # One in four kernels is as large as its image: two sides seldom happen to be equal.
    room = st.integers(0, 4) if draw(st.integers(0, 3)) else st.just(0)
    more_down, more_right = draw(room), draw(room)
    # One in four is square, the image and the kernel, as those of the homework are.
    if not draw(st.integers(0, 3)):
        height, more_down = width, more_right
    image = draw(arrays((samples, channels, height + more_down, width + more_right)))
    kernel = draw(arrays((filters, channels, height, width)))
    return {"x": image, "k": kernel}


@pytest.mark.part("6")
@given(drawn=images_and_kernels())
def test_convolution_matches_torch(student, reference, drawn):
    """my_convolution gives what torch.conv2d gives with its default settings."""
    x, k = drawn["x"], drawn["k"]
    told = student.my_convolution(x, k)
    assert_matches(told, reference.my_convolution(x, k), what="my_convolution(x, k)")
    assert_own_work(student, x, k)


def assert_own_work(student, image, kernel):
    """Fail where the function calls on torch, or on a convolution that is ready-made."""
    if "called" not in student.memo:
        called = student.scaffold("means").called_by(student.my_convolution, image, kernel)
        student.memo["called"] = called
    if student.memo["called"]:
        listed = ", ".join(str(name) for name in student.memo["called"][:4])
        text = f"my_convolution calls {listed}, but should be your own algorithm in NumPy"
        raise CheckFailed(Stage.MEANS, text, hint="Loops are fine, and so is vectorised code.")
