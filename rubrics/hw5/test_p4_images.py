"""Problem 4: an image dataset and the predictions of a model."""

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
    lazy,
    numbers,
    seeds,
    show_as,
)
from grader.compat import import_torchvision

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".heic")


def pixels(count, seed):
    """Small images of different sizes and colours, with one white pixel: in the first row, left."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(4, 9, (count, 2))
    made = [rng.integers(0, 240, (h, w, 3), dtype=np.uint8) for h, w in sides]
    for image in made:
        image[0, 1] = 255
    return made


def mean_colours(images):
    """What the scaffold's transform makes of each image: its mean colour everywhere."""
    return np.stack([image.astype(np.float32).mean(axis=(0, 1)) for image in images])


@pytest.mark.part("4a")
def test_images_are_there(submission):
    """The folder my_images holds at least 12 images of your own."""
    images = [name for name in submission.files
              if "my_images" in name and name.lower().endswith(SUFFIXES)]  # fmt: skip
    if len(images) >= 12:
        return
    if images:
        text = f"my_images holds {len(images)} images, but should hold at least 12"
        raise CheckFailed(Stage.VALUES, text)
    raise NeedsReview("No images were handed in with the notebook: a person looks at part (b).")


@pytest.mark.part("4b")
def test_images_are_shown(student, submission):
    """The images are read into image_list and shown."""
    student.require("image_list")
    if not submission.shown:
        raise NeedsReview("The notebook holds no picture of this cell: a person looks at it.")
    if not student.scaffold("images").count(student.image_list):
        raise NeedsReview("Here image_list holds no images: a person looks at the picture.")


@pytest.mark.part("4d")
def test_alexnet_is_loaded(student, submission, data_folder):
    """alexnet is AlexNet as torchvision has it, pretrained, and its layers are printed."""
    assert_loaded(student, submission, "alexnet", data_folder, "AlexNet(" in submission.handed_in)


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
    if any(same) or any(OTHER_WEIGHTS.search(source) for source in submission.sources):
        raise NeedsReview(f"`{name}` has other weights than the pretrained ones: a person "
                          "looks where they come from.")  # fmt: skip
    text = f"the weights of `{name}` are not the pretrained ones"
    raise CheckFailed(Stage.VALUES, text, hint="A network is made with random weights unless it "
                      "is told to load others.")  # fmt: skip


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


@pytest.mark.part("4c")
@given(n=st.integers(0, 9))
def test_image_dataset_has_a_length(student, reference, n):
    """len() of a dataset is its number of images."""
    scaffold = student.scaffold("images")
    drawn = pixels(n, 0)
    dataset = student.myDataset.keep(scaffold.images.keep(drawn), scaffold.transform)
    assert_matches(len(dataset), reference.image_count(drawn), what="the length")


# What has been done to an image whose mark is at another of the scaffold's places than the first.
TURNED = ("mirrored, left for right", "mirrored, top for bottom", "turned upside down",
          "turned on its side, with rows for columns", "turned on its side, clockwise",
          "turned on its side, anticlockwise", "turned on its side, mirrored")  # fmt: skip
# The mark that the scaffold's transform makes.
MARK = 255.0


def assert_item(scaffold, dataset, index, right, mark):
    """An item's shape, its colour and the place of its mark; `right` and `mark` are (3, 2, 2)."""
    told = scaffold.seen(lazy(dataset, index))
    if not (isinstance(told, tuple) and len(told) == 3):
        raise NeedsReview("What an item holds cannot be read: a person looks at it.")
    shape, corner, marks = told
    if isinstance(shape, str):
        text = f"an item is a {shape[:40]}, but should be an image as a tensor"
        raise CheckFailed(Stage.KIND, text, hint="What does __getitem__ return?")
    assert_matches(shape, (3, 224, 224), what="the image's shape")
    assert_matches(corner, right, what="the image")
    assert_upright(marks, corner, numbers(mark.value)[:, 0, 0])


def assert_upright(marks, corner, mark):
    """Fail where the mark shows that the image is mirrored or turned."""
    place = marked_place(marks, corner, mark)
    if place is None:
        raise NeedsReview("The image has its colour, but a part of it is gone or changed: a "
                          "person looks at it.")  # fmt: skip
    if place:
        text = f"the image comes back {TURNED[place - 1]}, but should be as it is"
        raise CheckFailed(Stage.VALUES, text, hint="Rows come before columns: (3, 224, 224) is "
                          "channels, rows, columns.")  # fmt: skip


def marked_place(marks, corner, mark):
    """The only one of the eight places that has the mark's colour, the others having the image's.

    None where that is not so: `marks` comes from the student's process.
    """
    try:
        told, colour = numbers(marks), numbers(corner)[:, :1, 0]
    except CheckFailed:
        return None
    if told.shape != (3, 8):
        return None
    # An image may have been made smaller and larger again.
    close = 0.01 * max(np.abs(mark).max(), np.abs(colour).max())
    has_mark = (np.abs(told - mark[:, None]) < close).all(axis=0)
    has_colour = (np.abs(told - colour) < close).all(axis=0)
    if has_mark.sum() != 1 or not (has_mark ^ has_colour).all():
        return None
    return int(has_mark.argmax())


@pytest.mark.part("4c")
@given(n=st.integers(1, 4), seed=seeds())
def test_image_dataset_gives_images(student, reference, n, seed):
    """Without a transform, an item is the image of that index, as it is."""
    colours = np.random.default_rng(seed).random((n, 3), dtype=np.float32)
    marks = (colours + np.float32(0.5)) % 1
    show_as(colours=colours, marks=marks)
    scaffold = student.scaffold("images")
    dataset = student.myDataset.keep(scaffold.solid.keep(colours, marks))
    for index in range(n):
        right, mark = (reference.image_item(of, index) for of in (colours, marks))
        assert_item(scaffold, dataset, index, right, mark)


@pytest.mark.part("4c")
@given(n=st.integers(1, 4), seed=seeds())
def test_image_dataset_applies_the_transform(student, reference, n, seed):
    """With a transform, an item is the transformed image of that index."""
    drawn = pixels(n, seed)
    colours, marks = mean_colours(drawn), np.full((n, 3), MARK)
    show_as(pixels=drawn)
    scaffold = student.scaffold("images")
    dataset = student.myDataset.keep(scaffold.images.keep(drawn), scaffold.transform)
    for index in (*range(n), 0):  # an epoch later the first one is asked for again
        right, mark = (reference.image_item(of, index) for of in (colours, marks))
        assert_item(scaffold, dataset, index, right, mark)


@pytest.mark.part("4e")
@given(n=st.integers(1, 7), size=st.integers(1, 3), seed=seeds())
def test_predict_gives_the_likeliest_classes(student, submission, reference, n, size, seed):
    """predict() gives the index of the most likely class of each image, as a NumPy array."""
    with told_whose(submission):
        answer, scores = predicted(student, n, size, seed, restless=False)
        assert_matches(answer, reference.likeliest(scores, size), what="predict(...)")


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
        answer, scores = predicted(student, n, size, seed, restless=True)
        try:
            assert_matches(answer, scores.argmin(axis=1), what="predict(...)")
        except CheckFailed:
            assert_matches(answer, reference.likeliest(scores, size), what="predict(...)")


# Torch's operations that a softmax is made of; outside torch it is written with one of these.
SOFTMAX = {"_softmax", "softmax", "_safe_softmax", "exp", "exp_", "exp2", "pow"}
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
    text = "predict() takes no softmax of the scores, but should compute probabilities"
    raise CheckFailed(Stage.MEANS, text, hint="The classes are the same without it, but the "
                      "homework asks for the probabilities.")  # fmt: skip


def predicted(student, n, size, seed, *, restless):
    """What predict() answers on a small model, and the model's scores in inference mode."""
    scaffold = student.scaffold("models")
    images = np.random.default_rng(seed).standard_normal((n, 3, 2, 2))
    net = scaffold.model.keep(seed, 12, 40, restless)
    state = scaffold.state(net)
    loader = scaffold.loader.keep([torch.from_numpy(image) for image in images], size)
    student.seed(seed)
    answer = student.predict(net, loader)
    if isinstance(answer, torch.Tensor):
        text = "predict() gave a torch.Tensor, but should give a NumPy array"
        raise CheckFailed(Stage.KIND, text, hint="label_map takes plain numbers as keys.")
    if isinstance(answer, list) and all(np.ndim(a) == 0 for a in answer):
        answer = np.asarray(answer)
    return answer, logits(state, images, restless)


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
