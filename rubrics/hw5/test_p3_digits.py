"""Problem 3 (a) to (c): the digits, a dataset and a CNN."""

import contextlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Remote,
    Stage,
    arranged,
    arrays,
    assert_matches,
    axis_orders,
    fill,
    given,
    numbers,
    restored,
    seeds,
    show_as,
)  # fmt: skip
from grader.checks.show import as_numpy

# Parameters of the network by shape: the names and the order are the student's to choose.
SHAPES = [(16, 1, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 512), (10,)]
# How much larger a layer's outputs are than its inputs, with weights that are drawn: activations
# then go beyond 6, where a ReLU6 shows.
GAIN = 1.5
# So many ways to hold the weights are tried. The first differ in what comes last: the matrix.
MOST_LAYOUTS = 40
# So many samples are in a dataset of a check at the most.
MOST_SAMPLES = 4


@pytest.mark.part("3a")
def test_digits_are_loaded(student, reference):
    """X and y hold all digits: one row of 64 pixels an image, and its label."""
    X, y = reference.load_all_digits().value
    with told_of_another_order(student, X, y):
        assert_matches(student.X, X, what="X")
        assert_matches(student.y, y, what="y")


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
def test_digits_are_split(student, reference):
    """The digits are split into 500 for training and the rest for testing."""
    split = reference.load_split().value
    for name, right in zip(("X_train", "X_test", "y_train", "y_test"), split, strict=True):
        assert_matches(getattr(student, name), right, what=name)


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


def tensors(net):
    """The network's parameters and buffers, by their names."""
    state = net.state_dict()
    if not isinstance(state, dict):
        text = f"state_dict() is a {type(state).__name__}, but should be a dictionary"
        raise CheckFailed(Stage.KIND, text)
    return without_repeats(
        {name: as_numpy(value) for name, value in state.items() if torch.is_tensor(value)}
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
    cut_off = []
    with contextlib.suppress(CheckFailed):  # what stops is charged in the forward pass
        cut_off = student.scaffold("models").without_gradient(net, torch.zeros(2, 1, 8, 8))
    if cut_off:
        text = f"no gradient reaches {', '.join(map(str, cut_off))} from the scores"
        raise CheckFailed(Stage.VALUES, text, hint="Follow x through `forward`: what takes it out "
                          "of autograd's sight? Those layers never learn.")  # fmt: skip


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
