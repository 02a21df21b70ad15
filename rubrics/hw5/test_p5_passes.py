"""Problem 5 (b) and (c): the activations, the forward pass and the step back through it."""

import contextlib
import functools
from itertools import pairwise

import numpy as np
import pytest
import torch
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


def left_to_a_person(*helpers):
    """Hand a check that passed to a person where what it matched were tensors, asked with arrays.

    Not where one of the helpers gives tensors: that counts in its own part.
    """

    def decorate(check):
        @functools.wraps(check)
        def run(student, **fixtures):
            student.memo.pop(TENSORS, None)
            check(student=student, **fixtures)
            what = student.memo.get(TENSORS)
            if what and not any(gives_tensors(student, name) for name in helpers):
                raise NeedsReview(f"{what} is right, but {IN_TENSORS}: a person decides.")

        del run.__wrapped__  # pytest would look through to the drawn arguments
        return run

    return decorate


# As the homework's own arrays lie in memory; others are extremes, of which the report says so.
PLAIN = ("contiguous",)

TENSORS = "right numbers in tensors"
IN_TENSORS = "a torch tensor, where NumPy's arrays were passed in"


def match_arrays(student, told, *rights, what, remarks=()):
    """`match_or_remark`, which notes tensors where the arguments were arrays."""
    match_or_remark(told, *rights, remarks=remarks, what=what)
    if holds_tensor(told):
        student.memo[TENSORS] = what


def holds_tensor(value):
    """Whether a value is a tensor, or a list with one in it."""
    if isinstance(value, list | tuple):
        return any(map(holds_tensor, value))
    return isinstance(value, torch.Tensor)


def gives_tensors(student, name):
    """Whether a function of the student's makes a tensor of an array."""
    try:
        return holds_tensor(student[name](np.full((1, 1), 0.5)))
    except CheckFailed:
        return False


@pytest.mark.part("5b-i")
@left_to_a_person()
@given(x=arrays(shapes(max_dims=3), elements="logits", layouts=PLAIN))
def test_sigmoid_of_arrays(student, reference, x):
    """sigmoid works on arrays of any shape, entry by entry, and leaves its argument as it is."""
    with told_of_fixed_size(student, "sigmoid", reference.sigmoid, x, (10, 10)):
        match_arrays(student, student.sigmoid(x), reference.sigmoid(x), what="sigmoid(x)")
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
@left_to_a_person()
@given(x=arrays(shapes(min_dims=2, max_dims=2), elements="logits", layouts=PLAIN))
def test_softmax_of_rows(student, reference, x):
    """softmax turns each row into probabilities, and leaves its argument as it is."""
    with told_of_fixed_size(student, "softmax", reference.softmax, x, (5, 10)):
        match_arrays(student, student.softmax(x), reference.softmax(x), what="softmax(x)")
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


# Numbers of weight matrices: those of the examples, of the homework's network, and one more.
DEPTHS = (1, 2, 3, 4, 5)


def networks_of(depth):
    """Two networks of so many weight matrices, all sides and sizes of the batch different."""
    for samples, size in ((3, 1.0), (2, 4.0)):
        sides = [samples + 2 + layer for layer in range(depth + 1)]
        weights = [size * fill(pair, "random", sum(pair), elements="weights")
                   for pair in pairwise(sides)]  # fmt: skip
        batch = fill((samples, sides[0]), "random", samples, elements="unit")
        yield {"batch": batch, "weights": weights, "batch_y": np.eye(sides[-1])[:samples]}


@contextlib.contextmanager
def told_of_depth(student, reference, check):
    """Say of a failure for how many weight matrices `check` would have passed."""
    try:
        yield
    except CheckFailed as failed:
        if type(failed) is not CheckFailed or failed.stage is Stage.MEANS:
            raise
        known = f"{check.__name__} by depth"
        if known not in student.memo:
            fits = [d for d in DEPTHS if passes(check, student, reference, d)]
            student.memo[known] = words_on(fits)
        raise saying(failed, student.memo[known]) from None


def words_on(fits):
    """What it tells that a function is right for some depths; none where nothing certain.

    Right for a single matrix only is what has a mistake in the layers below the last.
    """
    if len(fits) == 1 and fits != [1]:
        return f"it is right for {fits[0]} weight matrices and for no other number"
    if fits == list(DEPTHS[1:]):
        return "it is right for more than one weight matrix"
    if 1 < len(fits) < len(DEPTHS) and fits == list(DEPTHS[: len(fits)]):
        return f"it is right for up to {len(fits)} weight matrices and for no more"
    return ""


def passes(check, student, reference, depth):
    """Whether a check certainly passes with other networks of so many weight matrices."""
    try:
        for drawn in networks_of(depth):
            check(student, reference, drawn)
    except (CheckFailed, NeedsReview):  # wrong there too, or nothing is known of it here
        return False
    return True


def empty_layers(drawn):
    """Hidden layers as init_layers makes them: arrays to be filled in."""
    sizes = [len(drawn["weights"][0]), *(w.shape[1] for w in drawn["weights"])]
    return [np.zeros((len(drawn["batch"]), size)) for size in sizes]


FORWARD = "feed_forward(batch, hidden_layers, weights)"


@pytest.mark.part("5b-iii")
@left_to_a_person("sigmoid", "softmax")
@given(drawn=networks())
def test_output_of_the_forward_pass(student, reference, drawn):
    """The output is the softmax of the last layer, after a sigmoid on every layer."""
    with told_of_depth(student, reference, assert_output):
        assert_output(student, reference, drawn)
    batch, weights = drawn["batch"], drawn["weights"]
    assert_unchanged(student, FORWARD, batch=(0, batch), weights=(2, weights))


@pytest.mark.part("5b-iii")
@left_to_a_person("sigmoid", "softmax")
@given(drawn=networks())
def test_hidden_layers_are_stored(student, reference, drawn):
    """hidden_layers holds the batch and then each layer's outputs."""
    with told_of_depth(student, reference, assert_layers):
        assert_layers(student, reference, drawn)


def assert_output(student, reference, drawn):
    """The output of the forward pass."""
    told, right = both_passes(student, reference, drawn)
    match_arrays(student, told[0], right[0], what="output")


def assert_layers(student, reference, drawn):
    """The layers that the forward pass has stored."""
    told, right = both_passes(student, reference, drawn)
    layers = list(told[1]) if isinstance(told[1], tuple) else told[1]
    match_arrays(student, layers, right[1], what="hidden_layers")


def both_passes(student, reference, drawn):
    """Output and layers, the student's and the right ones."""
    arguments = (drawn["batch"], empty_layers(drawn), drawn["weights"])
    show_as(hidden_layers=arguments[1])
    return two(student.feed_forward(*arguments)), reference.feed_forward(*arguments)


def two(told):
    if not isinstance(told, tuple | list) or len(told) != 2:
        text = f"feed_forward gave {told!r:.60}, but should give output and hidden_layers"
        raise CheckFailed(Stage.KIND, text)
    return told


@st.composite
def sigmoid_outputs(draw):
    """Outputs of a sigmoid with four decimals, some of saturated units, never quite 0 or 1.

    On the grid some are 0.5, where the slope is steepest: the output for 0.
    """
    kinds = ("random", "ramp")
    h = draw(arrays(shapes(max_dims=3), elements="open-unit", kinds=kinds, layouts=PLAIN))
    side = draw(st.sampled_from(["middle", "on a grid", "near 0", "near 1"]))
    if side == "middle":
        return h
    if side == "on a grid":
        return np.round(2 + 4 * (h - 0.5)) / 4 * 0.9 + 0.05
    return np.clip(np.round(h**4 if side == "near 0" else 1 - (1 - h) ** 4, 4), 1e-4, 1 - 1e-4)


@pytest.mark.part("5c-i")
@left_to_a_person()
@given(sigmoid_out=sigmoid_outputs())
def test_sigmoid_prime_of_outputs(student, reference, sigmoid_out):
    """sigmoid_prime gives the derivative from the sigmoid's output, which it leaves as it is."""
    told = student.sigmoid_prime(sigmoid_out)
    right = reference.sigmoid_prime(sigmoid_out)
    match_arrays(student, told, right, what="sigmoid_prime(sigmoid_out)")
    assert_unchanged(student, "sigmoid_prime(sigmoid_out)", sigmoid_out=(0, sigmoid_out))


def assert_step(student, reference, drawn, lr=1.0):
    """One step's weights, with the deltas passed down through old or through updated weights."""
    weights, batch_y, batch_size = drawn["weights"], drawn["batch_y"], len(drawn["batch"])
    forward = reference.feed_forward(drawn["batch"], None, weights).value
    output, hidden_layers = forward
    show_as(output=output, hidden_layers=hidden_layers)
    told = student.back_prop(output, batch_y, hidden_layers, weights, batch_size, lr)
    arguments = (output, batch_y, hidden_layers, weights, batch_size, lr)
    rights = reference.back_prop_update_first(*arguments), reference.back_prop(*arguments)
    match_arrays(student, list(told) if isinstance(told, tuple) else told, *rights,
                 remarks=[step_from(weights)], what="the updated weights")  # fmt: skip
    call = "back_prop(output, batch_y, hidden_layers, weights, batch_size, lr)"
    assert_unchanged(student, call, output=(0, output), batch_y=(1, batch_y),
                     hidden_layers=(2, hidden_layers))  # fmt: skip


@pytest.mark.part("5c-ii")
@left_to_a_person("sigmoid_prime")
@given(drawn=networks(most_layers=1), lr=st.sampled_from([1.0, 0.5, 2.0]))
def test_step_of_a_single_layer(student, reference, drawn, lr):
    """back_prop takes one step of gradient descent in a network of one layer."""
    with told_of_depth(student, reference, assert_step):
        assert_step(student, reference, drawn, lr)


@pytest.mark.part("5c-ii")
@left_to_a_person("sigmoid_prime")
@given(drawn=networks(fewest_layers=2), lr=st.sampled_from([1.0, 0.5, 2.0]))
def test_step_of_all_layers(student, reference, drawn, lr):
    """back_prop takes one step of gradient descent in a network of several layers."""
    with told_of_depth(student, reference, assert_step):
        assert_step(student, reference, drawn, lr)
