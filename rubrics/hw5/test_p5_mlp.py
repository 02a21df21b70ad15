"""Problem 5 (d): the methods of the class."""

import contextlib

import numpy as np
import pytest
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    arrays,
    given,
    match_or_remark,
    saying,
    seeds,
    shapes,
    show_as,
    step_from,
)

# Few, so that a counterexample can be read.
HIDDEN_UNITS = st.integers(1, 3)
DEPTHS = (1, 2, 3)
HIDDEN_LAYERS = st.integers(1, 3)


def made(student, *, samples=4, features=3, hidden=2, layers=1, seed=0):
    """An MLP of the student's over small data."""
    rng = np.random.default_rng(seed)
    X, Y = rng.random((samples, features)), rng.integers(0, 10, (samples, 1)).astype(float)
    show_as(X=X, Y=Y)
    student.seed(seed)
    return student.MLP.keep(X, Y, X, Y, layers, hidden), X, Y


@pytest.mark.part("5d")
@given(x=arrays(shapes(min_dims=2, max_dims=2), elements="logits", layouts=("contiguous",)))
def test_private_activations(student, reference, x):
    """The class's own sigmoid, softmax and sigmoid_prime compute what parts (b) and (c) ask for."""
    model, _, _ = made(student)
    match_or_remark(model._MLP__sigmoid(x), reference.sigmoid(x), what="self.__sigmoid(x)")
    match_or_remark(model._MLP__softmax(x), reference.softmax(x), what="self.__softmax(x)")
    h = reference.sigmoid(x).value
    match_or_remark(model._MLP__sigmoid_prime(h), reference.sigmoid_prime(h),
                    what="self.__sigmoid_prime(h)")  # fmt: skip


@pytest.mark.part("5d")
@given(samples=st.integers(1, 4), hidden=HIDDEN_UNITS, layers=HIDDEN_LAYERS, seed=seeds())
def test_forward_pass_of_the_class(student, reference, samples, hidden, layers, seed):
    """The class's forward pass fills self.__h and self.__out."""
    sizes = {"samples": samples, "hidden": hidden, "layers": layers, "seed": seed}
    with told_of_depth(student, reference, assert_forward, layers):
        assert_forward(student, reference, **sizes)


# Samples that the class has beside those of a batch: the homework's own lines need two of them.
OTHERS = 3


def assert_forward(student, reference, *, samples, layers, **sizes):
    """The forward pass of a class of these sizes, with a batch of so many samples."""
    model, X, _ = made(student, samples=samples + OTHERS, layers=layers, **sizes)
    batch = np.concatenate((X, np.ones((len(X), 1))), axis=1)[:samples]
    show_as(batch=batch)
    weights = model.weights.value()
    out, outputs = student.scaffold("perceptron").forward(model, batch)
    right = reference.feed_forward(batch, None, weights)
    match_or_remark(out, right[0], remarks=[of_depth(layers)], what="self.__out")
    match_or_remark(outputs, right[1], remarks=[of_depth(layers)], what="self.__h")


def of_depth(layers):
    """The remark on the smallest network that is wrong, where it has more than one hidden layer."""
    return lambda told, right: f"the class has L={layers} hidden layers" if layers > 1 else ""


@contextlib.contextmanager
def told_of_depth(student, reference, check, layers):
    """Say of a failure for which numbers of hidden layers `check` would have passed."""
    try:
        yield
    except CheckFailed as failed:
        if type(failed) is not CheckFailed:
            raise
        known = f"{check.__name__} by depth"
        if known not in student.memo:
            student.memo[known] = [d for d in DEPTHS if passes(check, student, reference, d)]
        fits, words = student.memo[known], ""
        if len(fits) == 1 and fits != [1]:
            words = f"it is right for L={fits[0]} and for no other number of hidden layers"
        elif 1 in fits and failed.stage is not Stage.VALUES:
            words = of_depth(layers)(None, None)
        raise saying(failed, words) from None


def passes(check, student, reference, layers):
    """Whether a check certainly passes with so many hidden layers."""
    try:
        check(student, reference, samples=5, hidden=3, layers=layers, seed=0)
    except (CheckFailed, NeedsReview):  # wrong there too, or nothing is known of it here
        return False
    return True


# Both steps start from the same weights: what the class keeps beside them shows in the second.
STEPS = ("self.weights", "self.weights after another batch")


@pytest.mark.part("5d")
@given(
    samples=st.integers(1, 4),
    hidden=HIDDEN_UNITS,
    layers=HIDDEN_LAYERS,
    seed=seeds(),
    lr=st.sampled_from([1.0, 0.5, 2.0]),
)
def test_one_step_of_the_class(student, reference, samples, hidden, layers, seed, lr):
    """Each batch, forward and back, changes self.weights by one step of gradient descent."""
    sizes = {"samples": samples, "hidden": hidden, "layers": layers, "seed": seed}
    with told_of_depth(student, reference, assert_steps, layers):
        assert_steps(student, reference, **sizes, lr=lr)


def assert_steps(student, reference, *, samples, layers, lr=1.0, **sizes):
    """Two steps of a class of these sizes, each with a batch of its own."""
    model, X, Y = made(student, samples=samples + OTHERS, layers=layers, **sizes)
    with_ones, codes = np.concatenate((X, np.ones((len(X), 1))), axis=1), np.eye(10)
    rows = slice(samples), slice(-samples, None)
    batches = tuple(with_ones[some] for some in rows)
    labels = tuple(codes[Y[some, 0].astype(int)] for some in rows)
    show_as(batches=batches, labels=labels)
    weights = model.weights.value()
    after = student.scaffold("perceptron").steps(model, batches, labels, lr)
    for told, batch, batch_y, what in zip(after, batches, labels, STEPS, strict=True):
        arguments = (batch, batch_y, weights, samples, lr)
        rights = reference.sgd_step(*arguments, update_first=True), reference.sgd_step(*arguments)
        remarks = [step_from(weights), of_depth(layers)]
        match_or_remark(told, *rights, remarks=remarks, what=what)
