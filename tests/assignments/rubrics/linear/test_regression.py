"""Checks of the small assignment on linear regression."""

import pytest
from hypothesis import strategies as st

from grader.checks import arrays, assert_matches, fill, given, seeds, shapes


@pytest.mark.part("1a")
@given(X=arrays(shapes(min_dims=2, max_dims=2)))
def test_columns_are_centred(student, reference, X):
    """center takes off the mean of each column."""
    assert_matches(student.center(X), reference.center(X), what="center(X)")


@st.composite
def problems(draw):
    """Rows, targets and weights that go together; all sides differ."""
    samples, features, seed = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(seeds())
    sides = ((samples, features), (samples,), (features,))
    X, y, w = (fill(side, "random", seed + i) for i, side in enumerate(sides))
    return {"X": X, "y": y, "w": w}


@pytest.mark.part("1b")
@given(drawn=problems())
def test_gradient_of_the_mean_squared_error(student, reference, drawn):
    """mse_gradient is the gradient of the mean squared error with respect to w."""
    arguments = (drawn["w"], drawn["X"], drawn["y"])
    told = student.mse_gradient(*arguments)
    assert_matches(told, reference.mse_gradient(*arguments), what="mse_gradient(w, X, y)")


@pytest.mark.part("1c")
@given(drawn=problems(), steps=st.integers(1, 5))
def test_weights_after_some_steps(student, reference, drawn, steps):
    """fit starts from zeros and goes that many steps against the gradient."""
    arguments = (drawn["X"], drawn["y"], 0.125, steps)
    assert_matches(student.fit(*arguments), reference.fit(*arguments), what="fit(X, y, lr, steps)")
