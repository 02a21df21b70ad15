"""Problem 2: gradients of a small graph. Drawn graphs and written numbers are marked by hand."""

import numpy as np
import pytest

from grader.checks import Expected, assert_matches


def assert_gradient(actual, value, error, what):
    """A gradient of one number, whether it has a dimension of its own or none."""
    brought = actual.value()
    shape = (1,) if getattr(brought, "shape", None) == (1,) else ()
    assert_matches(brought, Expected(np.full(shape, value), np.full(shape, error)), what=what)


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w1(student, reference):
    """dedw1 is the gradient of e with respect to w1."""
    told = reference.gradients()
    assert_gradient(student.dedw1, float(told[1].value), float(told[1].error), "dedw1")


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w2(student, reference):
    """dedw2 is the gradient of e with respect to w2."""
    told = reference.gradients()
    assert_gradient(student.dedw2, float(told[2].value), float(told[2].error), "dedw2")
