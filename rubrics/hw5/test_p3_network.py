"""Problem 3 (c): a CNN, whatever it calls its layers and however it holds their weights."""

import contextlib
import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    arranged,
    arrays,
    assert_matches,
    axis_orders,
    given,
    restored,
    seeds,
)  # fmt: skip
from grader.checks.show import as_numpy

# Parameters of the network by shape: the names and the order are the student's to choose.
SHAPES = [(16, 1, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 512), (10,)]
# How much larger a layer's outputs are than its inputs, with weights that are drawn: activations
# then go beyond 6, where a ReLU6 shows.
GAIN = 1.5
# So many ways to hold the weights are tried. The first differ in what comes last: the matrix.
MOST_LAYOUTS = 40


def tensors(net):
    """The network's parameters and buffers, by their names."""
    state = net.state_dict()
    if not isinstance(state, dict):
        text = f"state_dict() is a {type(state).__name__}, but should be a dictionary"
        raise CheckFailed(Stage.KIND, text)
    return without_repeats(
        {
            name: as_numpy(value)
            for name, value in state.items()
            if isinstance(name, str) and torch.is_tensor(value)
        }
    )


def layouts(own, *, others=False):
    """How the network's tensors may hold the parameters, or a failure that names the difference.

    One entry a layout: for each of SHAPES the name and the order of its axes. With `others`
    there may be more tensors, as long as it is certain which of them are meant.
    """
    listed = ", ".join(f"{name} {tuple(value.shape)}" for name, value in own.items())
    # Whole numbers are no parameters: places that a network looks up, say.
    own = {name: value for name, value in own.items() if value.dtype.kind == "f"}
    found = [tuple(value.shape) for value in own.values()]
    if sorted(found) == sorted(SHAPES) or (others and all(found.count(s) == 1 for s in SHAPES)):
        return [[(name_of(own, shape), tuple(range(len(shape)))) for shape in SHAPES]]
    possible = [[(name, order) for name, value in own.items()
                 for order in axis_orders(value.shape, shape)] for shape in SHAPES]  # fmt: skip
    if len(own) == len(SHAPES) and all(possible):
        return list(itertools.islice(itertools.product(*possible), MOST_LAYOUTS))
    if sum(map(np.prod, found)) == sum(map(np.prod, SHAPES)):
        raise NeedsReview("The network has as many parameters as it should, in other tensors: a "
                          "person looks at them.")  # fmt: skip
    raise CheckFailed(
        Stage.SHAPE,
        f"the parameters are {listed or 'none'}, but should have the shapes "
        + ", ".join(map(str, SHAPES)),
        hint="Two convolutions (1 to 16 and 16 to 32 channels) and one linear layer.",
    )


def name_of(own, shape):
    return next(name for name, value in own.items() if value.shape == shape)


def read_in(layout, own):
    """The network's parameters in the order and form of SHAPES."""
    return [restored(own[name], order, shape)
            for (name, order), shape in zip(layout, SHAPES, strict=True)]  # fmt: skip


def without_repeats(arrays):
    """The arrays without those that another name holds as well.

    A layer may have two names. Its weights are random: where others are the same they are its own.
    """
    first = {(value.shape, value.tobytes()): name for name, value in reversed(arrays.items())}
    return {name: value for name, value in arrays.items() if name in first.values()}


@functools.lru_cache(64)  # the same for each submission, and written to by none
def drawn_parameters(seed):
    """Weights that let no layer's outputs shrink, and biases that are far from zero."""
    rng = np.random.default_rng(seed)
    drawn = []
    for shape in SHAPES:
        inputs = np.prod(shape[1:])
        signs = rng.choice([-1.0, 1.0], shape)
        values = (rng.standard_normal(shape) * GAIN / np.sqrt(inputs) if len(shape) > 1
                  else signs * rng.uniform(0.2, 1, shape))  # fmt: skip
        drawn.append(torch.from_numpy(values.astype(np.float32)))
    return drawn


def network(student, device):
    """A new network of the student's, on the device, that has seen one batch.

    Lazy layers have no parameters before their first batch.
    """
    net = student.MySimpleCNN.keep()
    net.to.keep(device)
    net(torch.zeros(2, 1, 8, 8))
    return net


def differ(out, again):
    """Whether two calls gave other scores, by more than the order of a sum can make."""
    if out.shape != again.shape:
        return True
    return not torch.allclose(out, again, rtol=1e-3, atol=1e-4, equal_nan=True)


@pytest.mark.part("3c")
def test_network_has_the_layers_asked_for(student, device):
    """The network's parameters are those of the layers in the list, and gradients reach them."""
    net = network(student, device)
    layouts(tensors(net))
    cut_off, slopes = [], []
    with contextlib.suppress(CheckFailed):  # what stops is charged in the forward pass
        cut_off = student.scaffold("models").without_gradient(net, torch.zeros(2, 1, 8, 8))
    # A network may be one that cannot be copied, or that has no double precision.
    with contextlib.suppress(CheckFailed, NeedsReview):
        slopes = student.scaffold("models").slopes(net)
    if cut_off:
        text = f"no gradient reaches {', '.join(map(str, cut_off))} from the scores"
        raise CheckFailed(Stage.VALUES, text, hint="Follow x through `forward`: what takes it out "
                          "of autograd's sight? Those layers never learn.")  # fmt: skip
    if slopes_differ(slopes):
        text = "the gradients that a backward pass gives are not those of the network's scores"
        raise CheckFailed(Stage.VALUES, text, hint="Compare a gradient with what a small change of "
                          "one weight does. Is there a `backward` of your own?")  # fmt: skip


# By what share of the larger one a gradient differs from a central difference that is not its own,
# by what share two such differences do where they tell the slope (in double precision, where no
# activation passes zero, by 1e-8), and what slope is none but for rounding.
STEEPER, SURE, LEVEL = 0.05, 1e-4, 1e-6


def slopes_differ(slopes):
    """Whether some parameter's gradient is not the slope that its differences agree on."""
    try:
        told = [tuple(map(float, one)) for one in slopes]
        told = [(said, is_) for said, is_, again in told if abs(is_ - again) <= SURE * abs(is_)]
    except (TypeError, ValueError):  # it comes from the student's process
        return False
    return any(abs(said - is_) > STEEPER * max(abs(said), abs(is_), LEVEL) for said, is_ in told)


@pytest.mark.part("3c")
@given(
    x=st.integers(1, 3).flatmap(
        lambda n: arrays((n, 1, 8, 8), dtype="float32", layouts=("contiguous",))
    ),
    seed=seeds(),
)
def test_forward_pass_of_the_network(student, reference, device, x, seed):
    """With the same weights, the network gives the scores that the layers in the list give."""
    student.seed(seed)
    net = network(student, device)
    # What a new network holds may hide a fault: small weights that reach no bound, biases of zero.
    drawn = drawn_parameters(seed)
    load = student.scaffold("models").load.keep
    load(net, drawn)
    try:
        assert_scores(net, reference, load, drawn, x)
    except CheckFailed as failure:
        if failure.stage is Stage.VALUES:
            assert_each_alone(net, x)
        raise


def assert_scores(net, reference, load, drawn, x):
    """The scores are right for one way in which the network's tensors may hold the weights."""
    own = tensors(net)
    possible = layouts(own, others=True)
    if {own[name].shape for name, _ in possible[0]} == set(SHAPES):
        assert_in_some_order(scores_of(net, x), reference, read_in(possible[0], own), x)
        return
    failures = []
    for layout in possible:
        load(net, arranged_in(layout, own, drawn))
        weights = read_in(layout, tensors(net))
        try:
            assert_in_some_order(scores_of(net, x), reference, weights, x)
            return
        except CheckFailed as failure:
            failures.append(failure)
            if failure.stage is not Stage.VALUES:
                break
    if len(possible) > 1 and failures[0].stage is Stage.VALUES:
        raise NeedsReview("In which order the network's tensors hold its weights is not certain: "
                          "a person looks at it.")  # fmt: skip
    raise failures[0]


def arranged_in(layout, own, drawn):
    """Drawn weights in the form of the network's own tensors."""
    return [torch.from_numpy(arranged(value.numpy(), order, own[name].shape).copy())
            for (name, order), value in zip(layout, drawn, strict=True)]  # fmt: skip


def scores_of(net, x):
    """What the network gives for a batch, the same each time."""
    out, again = net(torch.from_numpy(x)), net(torch.from_numpy(x))
    if torch.is_tensor(out) and torch.is_tensor(again) and differ(out, again):
        text = "net(x) gives other scores when it is called again, but should give the same"
        raise CheckFailed(Stage.VALUES, text, hint="None of the layers in the list is random.")
    return out


# By how much scores of networks that keep images apart differ between batches, at the most: no
# precision is coarser. In units of the largest score.
ALONE = 0.05


def assert_each_alone(net, x):
    """Fail where the scores of an image depend on the others of its batch, and on nothing else."""
    whole, again = scores_or_none(net, x), scores_or_none(net, x)
    if whole is None or again is None or not np.allclose(whole, again):
        return
    for at in range(len(x)) if len(x) > 1 else ():
        alone = scores_or_none(net, x[at : at + 1])
        if alone is None:
            return
        if np.abs(alone - whole[at]).max() > ALONE * np.abs(whole).max():
            text = f"net(x)[{at}] changes with the other images of the batch, but should not"
            raise CheckFailed(Stage.VALUES, text, hint="Follow the shape through `forward`: does "
                              "each step keep the batch as the first dimension?")  # fmt: skip


def scores_or_none(net, x):
    """Ten finite scores for each image; None where the network gives something else."""
    try:
        told = net(torch.from_numpy(x))
    except CheckFailed:
        return None
    if not torch.is_tensor(told) or told.shape != (len(x), 10):
        return None
    scores = as_numpy(told)
    return scores if np.isfinite(scores).all() else None


# The orders in which the linear layer may read 32 maps of 4 by 4, as plain flattening first: its
# weights are learned, and one order is as good as another.
_PLACES = np.arange(32 * 4 * 4).reshape(32, 4, 4)
ORDERS = [_PLACES.transpose(axes).ravel() for axes in itertools.permutations(range(3))]


def assert_in_some_order(out, reference, weights, x):
    """The scores are right for one order of the values before the linear layer."""
    failures = []
    for right in [in_order(reference, weights, x, order) for order in ORDERS]:
        try:
            assert_matches(out, right, what="net(x)")
            assert_matches(out, right, what="net(x)", dtype="float32")
            return
        except CheckFailed as failure:
            failures.append(failure)
            if failure.stage is not Stage.VALUES:
                break
    raise failures[0]


def in_order(reference, weights, x, order):
    """The scores where the linear layer reads its values in another order."""
    linear = np.empty_like(weights[4])
    linear[:, order] = weights[4]
    return reference.cnn_forward([*weights[:4], linear, weights[5]], x)
