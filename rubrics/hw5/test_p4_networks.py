"""Problem 4 (d) and (f): pretrained networks."""

import functools
import re

import numpy as np
import pytest
import torch

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    calls,
    is_unused,
    last_call,
    last_texts,
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
    told = [kind for kind in ("Conv2d", "Linear") if kind in submission.printed]
    # However a table names them: one that has neither tells nothing, nor does a text that is cut.
    # Where a picture is shown, or something stops the cell here, the rest may be there.
    if len(told) == 1 and len(submission.printed) < READABLE and submission.showed() is False:
        text = f"what is printed of `alexnet` has {told[0]} layers only, but should be all of it"
        raise CheckFailed(Stage.MEANS, text, hint="A network has more than one part: `features` "
                          "are the convolutions, `classifier` the rest.")  # fmt: skip


# What is printed of a network has a tenth of these characters; of text so long the end may be cut.
READABLE = 20_000


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
    assert_made(scaffold, student, name)
    try:
        told = scaffold.shapes(student[name])
    except CheckFailed:
        assert_no_other(submission, name)
        if shown:  # it was there when the student ran it
            raise NeedsReview(f"`{name}` could not be loaded here, but its output is there: a "
                              "person looks at it.") from None  # fmt: skip
        raise
    if told != structure(name):
        other = next((f", but those of {n}" for n in NETWORKS if told == structure(n)), "")
        text = f"`{name}` has other layers than torchvision's {name}{other}"
        raise CheckFailed(Stage.VALUES, text, hint="Print it: was another network loaded, or a "
                          "layer replaced?")  # fmt: skip
    assert_pretrained(scaffold.some_entries(student[name]), submission, name, data_folder)
    if not shown:
        raise NeedsReview("The notebook holds no output of this cell: a person looks at it.")


def assert_made(scaffold, student, name):
    """Fail where the name holds what makes networks, and none has been made."""
    try:
        is_maker = scaffold.is_maker(student[name])
    except CheckFailed:  # there is no such name
        return
    if is_maker is True:
        text = f"`{name}` is a function that makes networks, but should be a network"
        raise CheckFailed(Stage.KIND, text, hint="A function is called with parentheses, even "
                          "where it needs no arguments.")  # fmt: skip


def assert_no_other(submission, name):
    """Fail where the cells certainly give the name to another network of torchvision's."""
    sources, known = submission.sources, import_torchvision().models.list_models()
    # `vgg11(...)`, `get_model("vgg11", ...)`, `hub.load("pytorch/vision", "vgg11")`
    made = [t for t in (last_call(sources, name), *last_texts(sources, name)) if t in known]
    if made and name not in made:
        text = f"`{name}` is made by torchvision's {made[0]}, but should be {name}"
        raise CheckFailed(Stage.VALUES, text)


# Files under which torchvision looks for the weights, as the data of the homework has them.
WEIGHTS = {"alexnet": "alexnet-owt-7be5be79.pth", "vgg16": "vgg16-397923af.pth",
           "resnet18": "resnet18-f37072fd.pth"}  # fmt: skip
# Ways to weights that are pretrained and come from elsewhere.
OTHER_WEIGHTS = re.compile(r"load_state_dict|\bload\b|\bhub\b|timm|from_pretrained")


def assert_pretrained(told, submission, name, data_folder):
    """Fail where no matrix of the model is the one that `pretrained=True` loads.

    Biases alone prove nothing: in a new network they may be what they are in the file.
    """
    right = pretrained(data_folder, name)
    if not isinstance(told, dict) or not all(map(is_row, told.values())):
        raise NeedsReview(f"The weights of `{name}` cannot be read: a person looks at it.")
    # Half precision keeps three digits.
    fits = {key: np.allclose(told[key], right[key], rtol=1e-2, atol=1e-6)
            for key in told.keys() & right.keys()}  # fmt: skip
    if all(fits.values()):
        return
    compared = {key for key in fits if len(structure(name)[key]) > 1}
    same = [fits[key] for key in compared]
    if same and all(same):
        raise NeedsReview(f"`{name}` has other biases than the pretrained ones: a person looks "
                          "where they come from.")  # fmt: skip
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
    return isinstance(value, torch.Tensor) and value.shape == (8,) and value.dtype == torch.float64


@functools.cache
def pretrained(data_folder, name):
    """Some entries of the weights that every submission can load; none where there is no file."""
    # `grader.datasets` puts the folder that torchvision looks into beside the working folder.
    path = data_folder.parent / "torch" / "hub" / "checkpoints" / WEIGHTS[name]
    if not path.is_file():
        return {}
    told = {}
    for key, value in torch.load(path, weights_only=True).items():
        if value.dim():
            places = torch.linspace(0, value.numel() - 1, 8, dtype=torch.float64).long()
            told[key] = value[torch.unravel_index(places, value.shape)].double().numpy()
    return told


def assert_shows_its_own(submission, name):
    """Fail where the cell that loads a network shows classes that are certainly not its own."""
    own = [source for source in submission.sources if last_call([source], name)]
    shows = any(calls([source], "vis_img_label", arguments=2) for source in own)
    if shows and is_unused(submission.sources, name, passing=("predict",)):
        text = f"the classes shown below `{name}` are not those that it predicts"
        raise CheckFailed(Stage.VALUES, text, hint="Follow the names from `predict` on.")


# Networks that may be taken for another.
NETWORKS = ("alexnet", "vgg16", "vgg11", "vgg13", "vgg19", "vgg16_bn", "resnet18", "resnet50")


@functools.cache
def structure(name):
    """Shapes of the model's parameters and buffers, without making any."""
    models = import_torchvision().models
    with torch.device("meta"):
        net = getattr(models, name)(weights=None)
    return {key: list(value.shape) for key, value in net.state_dict().items()}
