"""Problem 4: pretrained networks and the predictions of a model."""

import builtins
import contextlib
import functools
import re

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    assert_matches,
    called_from_outside,
    calls,
    given,
    is_unused,
    last_call,
    seeds,
)
from grader.compat import import_torchvision


@pytest.mark.part("4d")
def test_alexnet_is_loaded(student, submission, data_folder):
    """alexnet is AlexNet as torchvision has it, pretrained, and its layers are printed."""
    assert_loaded(student, submission, "alexnet", data_folder, "AlexNet(" in submission.handed_in)
    if is_unused(submission.sources, "alexnet", passing=("predict",)) and not any(
        ends_with(source, "alexnet") for source in submission.sources
    ):
        text = "no line prints `alexnet`, but its architecture should be printed"
        raise CheckFailed(Stage.MEANS, text, hint="What is compared with the slide?")


def ends_with(source, name):
    """Whether the last line of a cell may show what it has the name in."""
    last = source.rstrip().split("\n")[-1].split("#")[0].rstrip()
    return name in last and not last.endswith(";")


@pytest.mark.part("4f")
def test_vgg16_is_loaded(student, submission, data_folder):
    """vgg16 is VGG16 as torchvision has it, pretrained, and its predictions are shown."""
    assert_loaded(student, submission, "vgg16", data_folder, submission.shown)
    assert_shows_its_own(submission, "vgg16")


@pytest.mark.part("4f")
def test_resnet18_is_loaded(student, submission, data_folder):
    """resnet18 is ResNet18 as torchvision has it, pretrained, and its predictions are shown."""
    assert_loaded(student, submission, "resnet18", data_folder, submission.shown)
    assert_shows_its_own(submission, "resnet18")


def assert_loaded(student, submission, name, data_folder, shown):
    """The model's structure and weights, as they are here, and the outputs that were handed in."""
    scaffold = student.scaffold("models")
    try:
        told = scaffold.shapes(student[name])
    except CheckFailed:
        assert_no_other(submission, name)
        if shown:  # it was there when the student ran it
            raise NeedsReview(f"`{name}` could not be loaded here, but its output is there: a "
                              "person looks at it.") from None  # fmt: skip
        raise
    if told != structure(name):
        text = f"`{name}` has other layers than torchvision's {name}"
        raise CheckFailed(Stage.VALUES, text, hint="Print it: was another network loaded, or a "
                          "layer replaced?")  # fmt: skip
    assert_pretrained(scaffold.some_entries(student[name]), submission, name, data_folder)
    if not shown:
        raise NeedsReview("The notebook holds no output of this cell: a person looks at it.")


def assert_no_other(submission, name):
    """Fail where the cells certainly give the name to another network of torchvision's."""
    called = last_call(submission.sources, name)
    if called not in (None, name) and called in import_torchvision().models.list_models():
        text = f"`{name}` is made by torchvision's {called}, but should be {name}"
        raise CheckFailed(Stage.VALUES, text)


# Files under which torchvision looks for the weights, as the data of the homework has them.
WEIGHTS = {"alexnet": "alexnet-owt-7be5be79.pth", "vgg16": "vgg16-397923af.pth",
           "resnet18": "resnet18-f37072fd.pth"}  # fmt: skip
# Ways to weights that are pretrained and come from elsewhere.
OTHER_WEIGHTS = re.compile(r"load_state_dict|\bload\b|\bhub\b|timm|from_pretrained")


def assert_pretrained(told, submission, name, data_folder):
    """Fail where no matrix of the model is the one that `pretrained=True` loads."""
    right = pretrained(data_folder, name)
    if not isinstance(told, dict) or not all(map(is_row, told.values())):
        raise NeedsReview(f"The weights of `{name}` cannot be read: a person looks at it.")
    compared = told.keys() & right.keys()
    if not compared:
        return
    # Half precision keeps three digits.
    same = [np.allclose(told[key], right[key], rtol=1e-2, atol=1e-6) for key in compared]
    if all(same):
        return
    assert_no_new_layer(told, right, compared, submission, name)
    if any(same) or any(OTHER_WEIGHTS.search(source) for source in submission.sources):
        raise NeedsReview(f"`{name}` has other weights than the pretrained ones: a person "
                          "looks where they come from.")  # fmt: skip
    text = f"the weights of `{name}` are not the pretrained ones"
    raise CheckFailed(Stage.VALUES, text, hint="A network is made with random weights unless it "
                      "is told to load others.")  # fmt: skip


# Ways to change weights that are there.
TRAINING = re.compile(r"backward|\bstep\b|\bprune|quantiz|copy_|\.data\b|no_grad|state_dict|init")
# How much alike the entries of a matrix and those of the pretrained one are, if it comes from that.
ALIKE = 0.7


def assert_no_new_layer(told, right, compared, submission, name):
    """Fail where one matrix has certainly nothing of the pretrained one, and others are its own."""
    ways = (OTHER_WEIGHTS, TRAINING)
    if any(way.search(source) for way in ways for source in submission.sources):
        return
    pairs = {key: (np.asarray(told[key]), np.asarray(right[key])) for key in sorted(compared)}
    new = [key for key, (ours, theirs) in pairs.items()
           if not np.corrcoef(ours, theirs)[0, 1] > ALIKE]  # fmt: skip
    if len(new) == 1 and len(pairs) > 2:
        text = f"`{name}` has a new layer: the weights of {new[0]} are not the pretrained ones"
        raise CheckFailed(Stage.VALUES, text, hint="Was a layer replaced?")


def is_row(value):
    """Whether it is a row of entries as the scaffold gives it."""
    return isinstance(value, torch.Tensor) and value.shape == (8,)


@functools.cache
def pretrained(data_folder, name):
    """Some entries of the weights that every submission can load; none where there is no file."""
    # `grader.datasets` puts the folder that torchvision looks into beside the working folder.
    path = data_folder.parent / "torch" / "hub" / "checkpoints" / WEIGHTS[name]
    if not path.is_file():
        return {}
    told = {}
    for key, value in torch.load(path, weights_only=True).items():
        if value.dim() > 1:
            places = torch.linspace(0, value.numel() - 1, 8, dtype=torch.float64).long()
            told[key] = value[torch.unravel_index(places, value.shape)].double().numpy()
    return told


NETWORKS = ("alexnet", "vgg16", "resnet18")


def assert_shows_its_own(submission, name):
    """Fail where the cell that loads a network shows classes that are certainly not its own."""
    own = [source for source in submission.sources if last_call([source], name)]
    shows = any(calls([source], "vis_img_label", arguments=2) for source in own)
    if shows and is_unused(submission.sources, name, passing=("predict",)):
        text = f"the classes shown below `{name}` are not those that it predicts"
        raise CheckFailed(Stage.VALUES, text, hint="Follow the names from `predict` on.")


@functools.cache
def structure(name):
    """Shapes of the model's parameters and buffers, without making any."""
    models = import_torchvision().models
    with torch.device("meta"):
        net = getattr(models, name)(weights=None)
    return {key: list(value.shape) for key, value in net.state_dict().items()}


@pytest.mark.part("4e")
@given(
    n=st.integers(1, 7),
    size=st.integers(1, 3),
    classes=st.sampled_from((40, 40, 1000)),
    seed=seeds(),
)
def test_predict_gives_the_likeliest_classes(
    student, submission, reference, n, size, classes, seed
):
    """predict() gives the index of the most likely class of each image, as a NumPy array."""
    with told_whose(submission):
        answer, scores = predicted(student, n, size, seed, classes=classes, restless=False)
        right = reference.likeliest(scores, size)
        assert_matches(as_array(answer), right, what="predict(...)")
    if isinstance(answer, list | tuple):
        text = f"predict() gave a {type(answer).__name__}, but should give one NumPy array"
        raise CheckFailed(Stage.MEANS, text, hint="What does the function return at its end?")


@contextlib.contextmanager
def told_whose(submission):
    """Say of a failure that predict() asks another network than its argument, where it does."""
    try:
        yield
    except CheckFailed as failure:
        others = sorted(called_from_outside(submission.sources, "predict") & set(NETWORKS))
        if not others:
            raise
        text = f"predict() calls {others[0]}, whatever model it is given: {failure.message}"
        raise CheckFailed(
            failure.stage,
            text,
            hint="Which network should it ask: where does `model` come from?",
            counterexample=failure.counterexample,
            raised=failure.raised,
        ) from None


@pytest.mark.part("4e")
@given(n=st.integers(2, 7), size=st.integers(2, 3), seed=seeds())
def test_predict_switches_to_inference_mode(student, submission, reference, n, size, seed):
    """predict() uses the model in inference mode: no dropout, no statistics of the batch.

    Whoever takes the least likely class has paid for that in the other check: here it is right
    where it is that of the inference mode.
    """
    with told_whose(submission):
        told, scores = predicted(student, n, size, seed, classes=40, restless=True)
        answer = as_array(told)
        try:
            assert_matches(answer, scores.argmin(axis=1), what="predict(...)")
        except CheckFailed:
            assert_matches(answer, reference.likeliest(scores, size), what="predict(...)")


# Torch's operations that a softmax is made of; outside torch it is written with one of these.
SOFTMAX = {"_softmax", "softmax", "_safe_softmax", "exp", "exp_", "exp2", "pow", "_log_softmax",
           "log_softmax", "logsumexp", "logaddexp"}  # fmt: skip
ELSEWHERE = re.compile(r"\b(np|numpy|math)\.(exp|power|e)\b|\bscipy\b|\*\*")


@pytest.mark.part("4e")
def test_predict_computes_probabilities(student, submission):
    """predict() computes softmax probabilities."""
    student.require("predict", function=True)
    scaffold = student.scaffold("models")
    net = scaffold.model.keep(0, 12, 4, False)
    images = scaffold.loader.keep([torch.ones(3, 2, 2, dtype=torch.float64)], 1)
    called = scaffold.operations_of(student.predict, net, images)
    if SOFTMAX & set(called) or any(ELSEWHERE.search(s) for s in submission.sources):
        return
    code = "\n".join(submission.sources)
    elsewhere = [name for name in sorted(called_from_outside(submission.sources, "predict"))
                 if not hasattr(builtins, name) and f"def {name}(" not in code]  # fmt: skip
    if elsewhere or "softmax(" in code:
        raise NeedsReview("Whether predict() takes a softmax cannot be seen from its own cell: a "
                          "person looks at it.")  # fmt: skip
    text = "predict() takes no softmax of the scores, but should compute probabilities"
    raise CheckFailed(Stage.MEANS, text, hint="The classes are the same without it, but the "
                      "homework asks for the probabilities.")  # fmt: skip


def as_array(answer):
    """A list of plain numbers as the array that it should be; anything else as it is."""
    if not isinstance(answer, list | tuple):
        return answer
    single = np.ndarray | torch.Tensor
    told = [a.item() if isinstance(a, single) and a.ndim == 0 else a for a in answer]
    if not all(isinstance(a, int | float | np.generic) for a in told):
        return answer
    array = np.asarray(told)
    return array if array.dtype.kind in "biuf" else answer


def predicted(student, n, size, seed, *, classes, restless):
    """What predict() answers on a small model, and the model's scores in inference mode."""
    scaffold = student.scaffold("models")
    images = np.random.default_rng(seed).standard_normal((n, 3, 2, 2))
    net = scaffold.model.keep(seed, 12, classes, restless)
    state = scaffold.state(net)
    loader = scaffold.loader.keep([torch.from_numpy(image) for image in images], size)
    student.seed(seed)
    answer = student.predict(net, loader)
    if isinstance(answer, torch.Tensor):
        text = "predict() gave a torch.Tensor, but should give a NumPy array"
        raise CheckFailed(Stage.KIND, text, hint="label_map takes plain numbers as keys.")
    count = how_many(answer)
    if count > n:
        counted_again = how_many(student.predict(net, loader))
        if counted_again > count:
            text = (f"predict() gave {count} classes for {n} images, and {counted_again} when "
                    "called again: it keeps those of earlier calls")  # fmt: skip
            raise CheckFailed(Stage.SHAPE, text, hint="Where does its list come from?")
    return answer, logits(state, images, restless)


def how_many(answer):
    """How many predictions an array of one axis, or a list, holds; 0 for anything else."""
    is_row = isinstance(answer, list) or (isinstance(answer, np.ndarray) and answer.ndim == 1)
    return len(answer) if is_row else 0


def logits(state, images, restless):
    """The small model's output by hand, in inference mode."""
    values = {name: value.numpy() for name, value in state.items()}
    x = images.reshape(len(images), -1)
    last = "1"
    if restless:
        spread = np.sqrt(values["1.running_var"] + 1e-5)
        x = (x - values["1.running_mean"]) / spread * values["1.weight"] + values["1.bias"]
        last = "3"
    return x @ values[f"{last}.weight"].T + values[f"{last}.bias"]
