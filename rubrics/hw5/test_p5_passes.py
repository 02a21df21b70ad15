"""Problem 5 (b) and (c): the activations, the forward pass and the step back through it."""

import contextlib
from itertools import pairwise

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
    fill,
    given,
    match_or_remark,
    match_whole,
    saying,
    seeds,
    shapes,
    show_as,
    step_from,
)

SIDES = st.integers(1, 5)


@pytest.mark.part("5b-i")
@given(x=arrays(shapes(max_dims=3), elements="logits"))
def test_sigmoid_of_arrays(student, reference, x):
    """sigmoid works on arrays of any shape, entry by entry, and leaves its argument as it is."""
    with told_of_fixed_size(student, "sigmoid", reference.sigmoid, x, (10, 10)):
        match_or_remark(student.sigmoid(x), reference.sigmoid(x), what="sigmoid(x)")
    assert_unchanged(student, "sigmoid(x)", x=(0, x))


@contextlib.contextmanager
def told_of_fixed_size(student, name, right, x, size):
    """Say of a failure that the function is right for the size of the homework's example only."""
    try:
        yield
    except CheckFailed as failed:
        if type(failed) is not CheckFailed:
            raise
        rows, columns = size
        sizes = size, (rows + 1, columns), (rows, columns - 1)
        known = f"{name} by size"
        if known not in student.memo:
            student.memo[known] = [is_right(student[name], right, np.resize(x, s)) for s in sizes]
        fits, *others = student.memo[known]
        if not fits or all(others):
            raise
        text = f"it is right for {rows} rows of {columns}, as in the homework's example"
        raise saying(failed, text) from None


def is_right(function, right, x):
    """Whether the function is certainly right for x."""
    try:
        assert_matches(function(x), right(x))
    except (CheckFailed, NeedsReview):  # wrong there too, or nothing is known of it here
        return False
    return True


# Numbers as one would type them, and arrays of whole numbers.
NUMBERS = st.floats(-20, 20).map(lambda x: round(x, 3))
WHOLE_NUMBERS = st.lists(st.integers(-5, 5), min_size=1, max_size=3).map(np.array)


@pytest.mark.part("5b-i")
@given(x=NUMBERS | WHOLE_NUMBERS)
def test_sigmoid_of_a_number(student, reference, x):
    """sigmoid works on a single number, and on whole numbers too."""
    if isinstance(x, float):
        assert_matches(student.sigmoid(x), reference.sigmoid(x), what="sigmoid(x)")
    else:
        match_whole(student.sigmoid, x, reference.sigmoid(x), what="sigmoid(x)")


@pytest.mark.part("5b-ii")
@given(x=arrays(shapes(min_dims=2, max_dims=2), elements="logits"))
def test_softmax_of_rows(student, reference, x):
    """softmax turns each row into probabilities, and leaves its argument as it is."""
    with told_of_fixed_size(student, "softmax", reference.softmax, x, (5, 10)):
        match_or_remark(student.softmax(x), reference.softmax(x), what="softmax(x)")
    assert_unchanged(student, "softmax(x)", x=(0, x))


@st.composite
def networks(draw, *, fewest_layers=1, most_layers=3):
    """Weights of a small network, a batch for it, and one-hot labels."""
    sizes = draw(st.lists(SIDES, min_size=fewest_layers + 1, max_size=most_layers + 1))
    samples = draw(st.integers(1, 4))
    seed = draw(seeds())
    kind = draw(st.sampled_from(["random", "ramp", "negative"]))
    weights = [
        fill(pair, kind, seed + i, elements="weights") for i, pair in enumerate(pairwise(sizes))
    ]
    # Pixels, or samples that are standardised.
    batch = fill((samples, sizes[0]), "random", seed + 99, elements=["unit", "normal"][seed % 2])
    labels = np.random.default_rng(seed).integers(0, sizes[-1], samples)
    return {"batch": batch, "weights": weights, "batch_y": np.eye(sizes[-1])[labels]}


def empty_layers(drawn):
    """Hidden layers as init_layers makes them: arrays to be filled in."""
    sizes = [len(drawn["weights"][0]), *(w.shape[1] for w in drawn["weights"])]
    return [np.zeros((len(drawn["batch"]), size)) for size in sizes]


FORWARD = "feed_forward(batch, hidden_layers, weights)"


@pytest.mark.part("5b-iii")
@given(drawn=networks())
def test_output_of_the_forward_pass(student, reference, drawn):
    """The output is the softmax of the last layer, after a sigmoid on every layer."""
    batch, weights, hidden_layers = drawn["batch"], drawn["weights"], empty_layers(drawn)
    show_as(hidden_layers=hidden_layers)
    told = two(student.feed_forward(batch, hidden_layers, weights))
    right = reference.feed_forward(batch, hidden_layers, weights)
    match_or_remark(told[0], right[0], what="output")
    assert_unchanged(student, FORWARD, batch=(0, batch), weights=(2, weights))


@pytest.mark.part("5b-iii")
@given(drawn=networks())
def test_hidden_layers_are_stored(student, reference, drawn):
    """hidden_layers holds the batch and then each layer's outputs."""
    batch, weights, hidden_layers = drawn["batch"], drawn["weights"], empty_layers(drawn)
    show_as(hidden_layers=hidden_layers)
    told = two(student.feed_forward(batch, hidden_layers, weights))
    right = reference.feed_forward(batch, hidden_layers, weights)
    layers = told[1]
    match_or_remark(list(layers) if isinstance(layers, tuple) else layers, right[1],
                    what="hidden_layers")  # fmt: skip


def two(told):
    if not isinstance(told, tuple | list) or len(told) != 2:
        text = f"feed_forward gave {told!r:.60}, but should give output and hidden_layers"
        raise CheckFailed(Stage.KIND, text)
    return told


@st.composite
def sigmoid_outputs(draw):
    """Outputs of a sigmoid with four decimals, some of saturated units, never quite 0 or 1."""
    h = draw(arrays(shapes(max_dims=3), elements="open-unit", kinds=("random", "ramp")))
    side = draw(st.sampled_from(["middle", "near 0", "near 1"]))
    if side == "middle":
        return h
    return np.clip(np.round(h**4 if side == "near 0" else 1 - (1 - h) ** 4, 4), 1e-4, 1 - 1e-4)


@pytest.mark.part("5c-i")
@given(sigmoid_out=sigmoid_outputs())
def test_sigmoid_prime_of_outputs(student, reference, sigmoid_out):
    """sigmoid_prime gives the derivative from the sigmoid's output, which it leaves as it is."""
    told = student.sigmoid_prime(sigmoid_out)
    match_or_remark(told, reference.sigmoid_prime(sigmoid_out), what="sigmoid_prime(sigmoid_out)")
    assert_unchanged(student, "sigmoid_prime(sigmoid_out)", sigmoid_out=(0, sigmoid_out))


def assert_step(student, reference, drawn, lr):
    """One step's weights, with the deltas passed down through old or through updated weights."""
    weights, batch_y, batch_size = drawn["weights"], drawn["batch_y"], len(drawn["batch"])
    forward = reference.feed_forward(drawn["batch"], None, weights).value
    output, hidden_layers = forward
    show_as(output=output, hidden_layers=hidden_layers)
    told = student.back_prop(output, batch_y, hidden_layers, weights, batch_size, lr)
    arguments = (output, batch_y, hidden_layers, weights, batch_size, lr)
    rights = reference.back_prop_update_first(*arguments), reference.back_prop(*arguments)
    match_or_remark(list(told) if isinstance(told, tuple) else told, *rights,
                    remarks=[step_from(weights)], what="the updated weights")  # fmt: skip
    call = "back_prop(output, batch_y, hidden_layers, weights, batch_size, lr)"
    assert_unchanged(student, call, output=(0, output), batch_y=(1, batch_y),
                     hidden_layers=(2, hidden_layers))  # fmt: skip


@pytest.mark.part("5c-ii")
@given(drawn=networks(most_layers=1), lr=st.sampled_from([1.0, 0.5, 2.0]))
def test_step_of_a_single_layer(student, reference, drawn, lr):
    """back_prop takes one step of gradient descent in a network of one layer."""
    assert_step(student, reference, drawn, lr)


@pytest.mark.part("5c-ii")
@given(drawn=networks(fewest_layers=2), lr=st.sampled_from([1.0, 0.5, 2.0]))
def test_step_of_all_layers(student, reference, drawn, lr):
    """back_prop takes one step of gradient descent in a network of several layers."""
    assert_step(student, reference, drawn, lr)
