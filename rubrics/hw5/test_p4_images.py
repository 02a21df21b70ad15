"""Problem 4 (c): a dataset of images."""

import contextlib
import re

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    ahead,
    assert_matches,
    given,
    lazy,
    numbers,
    saying,
    seeds,
    show_as,
)

GREY = 128


def pixels(count, seed):
    """Small images of different sizes and colours, with one white pixel: in the first row, left."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(4, 9, (count, 2))
    made = [rng.integers(0, 240, (h, w, 3), dtype=np.uint8) for h, w in sides]
    for image in made:
        image[0, 1] = 255
    return made


def mean_colours(images):
    """What the scaffold's transform makes of each image: its mean colour, less grey."""
    return np.stack([image.astype(np.float32).mean(axis=(0, 1)) - GREY for image in images])


@pytest.mark.part("4c")
@given(n=st.integers(0, 9))
def test_image_dataset_has_a_length(student, reference, n):
    """len() of a dataset is its number of images."""
    scaffold = student.scaffold("images")

    def made(images):
        return student.myDataset.keep(scaffold.images.keep(images), scaffold.transform)

    drawn = pixels(n, 0)
    if n % 3 == 2:
        drawn[-1] = drawn[0]  # the same photograph twice counts twice
    try:
        assert_matches(len(made(drawn)), reference.image_count(drawn), what="the length")
    except CheckFailed as failure:
        if type(failure) is not CheckFailed or failure.stage is not Stage.VALUES:
            raise
        first, second = (length_or_none(lambda: made(pixels(1, 0))) for _ in range(2))
        if first is None or second != first + 1:
            raise
        text = f"the images of datasets that were made before are counted: {failure.message}"
        raise CheckFailed(failure.stage, text, hint="Where are images kept: in the object, or "
                          "where all objects share them?") from None  # fmt: skip


def length_or_none(make):
    """The length of the dataset that is made, None where it cannot be told."""
    try:
        return len(make())
    except (CheckFailed, TypeError, ValueError):
        return None


# What has been done to an image whose mark is at another of the scaffold's places than the first.
TURNED = ("mirrored, left for right", "mirrored, top for bottom", "turned upside down",
          "turned on its side, with rows for columns", "turned on its side, clockwise",
          "turned on its side, anticlockwise", "turned on its side, mirrored")  # fmt: skip
# The mark that the scaffold's transform makes.
MARK = 255.0


def assert_item(scaffold, dataset, index, right, mark, before, pairs=(), colours=()):
    """An item's shape, its colour, the place of its mark and its dtype.

    `right` and `mark` are (3, 2, 2), `before()` gives colours of datasets that were made before,
    `colours` are those of all items.
    `pairs` takes what became of colour and mark, and has what became of those before.
    """
    told = scaffold.seen(lazy(dataset, index))
    if not (isinstance(told, tuple) and len(told) == 3):
        raise NeedsReview("What an item holds cannot be read: a person looks at it.")
    shape, corner, marks = told
    if isinstance(shape, str):
        text = f"an item is a {shape[:40]}, but should be an image as a tensor"
        raise CheckFailed(Stage.KIND, text, hint="What does __getitem__ return?")
    assert_matches(shape, (3, 224, 224), what="the image's shape")
    changes = (right, mark, corner, marks)
    if getattr(corner, "dtype", None) in (torch.float16, torch.bfloat16):
        assert_matches(corner, right, what="the image", dtype="float32")  # its values are rounded
    with (
        told_of_another_dataset(corner, before),
        told_of_another_item(corner, index, colours),
        told_of_more_done(pairs, changes),
    ):
        assert_matches(corner, right, what="the image")
    if not np.array_equal(mark.value, right.value):  # as they are where a mistake makes them one
        assert_upright(marks, corner, numbers(mark.value)[:, 0, 0])
    assert_matches(corner, right, what="the image", dtype="float32")


# What is said of an image that another dataset was given.
OF_ANOTHER = "the image is one of a dataset that was made before"


@contextlib.contextmanager
def told_of_another_dataset(corner, before):
    """Say of a failure that the image is one of another dataset, where it is."""
    try:
        yield
    except CheckFailed as failure:
        colour = numbers(corner)[:, 0, 0]
        if failure.stage is not Stage.VALUES or tuple(colour) not in before():
            raise
        text = f"{OF_ANOTHER}: {failure.message}"
        raise CheckFailed(failure.stage, text, hint="Where are images kept: in the object, or "
                          "where all objects share them?") from None  # fmt: skip


@contextlib.contextmanager
def told_of_another_item(corner, index, colours):
    """Say of a failure that the image is another one of the list, where it is."""
    try:
        yield
    except CheckFailed as failure:
        if failure.stage is not Stage.VALUES:
            raise
        own = numbers(corner)[:, 0, 0]
        others = [at for at, colour in enumerate(colours) if np.array_equal(own, colour)]
        if not others or index in others:
            raise
        raise saying(failure, f"item {index} is image {others[0]} of the list") from None


@contextlib.contextmanager
def told_of_more_done(pairs, changes):
    """Say of a failure that all images are scaled and shifted alike, where they are."""
    pair = colours_of(*changes)
    try:
        yield
    except CheckFailed as failure:
        factor = common_factor(pair, pairs) if failure.stage is Stage.VALUES else None
        if factor is None:
            raise
        what = "is scaled or shifted"
        if is_normalising(factor):
            what = "is normalised once more"
        elif np.allclose(factor, 1 / 255, rtol=1e-2):
            what = "is divided by 255 once more"
        text = f"the image {what}, beside what its transform does, if any: {failure.message}"
        raise CheckFailed(failure.stage, text, hint=failure.hint) from None
    finally:
        if pair is not None and isinstance(pairs, list):
            pairs.append(pair)


def common_factor(pair, pairs):
    """By what each channel of this image and of the others was scaled; None if it was not so."""
    others = [one for one in pairs if pair is not None and not np.allclose(one[0], pair[0])]
    if not others or np.allclose(*pair, rtol=1e-2):  # as it is, but for rounding
        return None
    given, told = pair
    factor = (told[1] - told[0]) / (given[1] - given[0])
    alike = all(np.allclose(to, told[0] + factor * (of - given[0]), rtol=1e-3) for of, to in others)
    return factor if alike and factor.all() else None


def colours_of(right, mark, corner, marks):
    """The colour and mark of an image and what became of them, each (2, 3); None if unreadable."""
    try:
        given = np.stack([numbers(one.value)[:, 0, 0] for one in (right, mark)])
        told = np.stack([numbers(corner)[:, 0, 0], numbers(marks)[:, 0]])
    except (CheckFailed, IndexError, ValueError):
        return None
    usable = given.shape == told.shape == (2, 3) and np.isfinite(told).all()
    return (given, told) if usable and (given[0] != given[1]).all() else None


# Standard deviations of the channels, in ImageNet and as they are often taken to be.
DEVIATIONS = ((0.229, 0.224, 0.225), (0.5, 0.5, 0.5))


def is_normalising(factor):
    """Whether channels were divided by standard deviations, of pixels up to 1 or up to 255."""
    return any(np.allclose(factor * deviations * largest, 1, rtol=1e-2)
               for deviations in DEVIATIONS for largest in (1, 255))  # fmt: skip


def made_before(student, colours):
    """What gives colours that datasets of earlier examples had, or the cell's own, and this not."""
    known = student.memo.setdefault("colours of datasets", [])
    own = [tuple(map(float, colour)) for colour in colours]
    told = {colour for colour in known if colour not in own}
    known += own
    return lambda: told | cells_own(student)


def cells_own(student):
    """The colour of the first image of the cell's dataset, as a set; empty where there is none."""
    try:
        _, corner, _ = student.scaffold("images").seen(lazy(student.my_dataset, 0))
        colour = tuple(numbers(corner)[:, 0, 0])
    except (CheckFailed, TypeError, ValueError, IndexError):
        return set()
    # The same grey comes of other mistakes, too.
    return {colour} if len(set(colour)) > 1 else set()


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
    colours = 2 * np.random.default_rng(seed).random((n, 3), dtype=np.float32) - 1
    marks = (colours + np.float32(0.5)) % 1
    show_as(colours=colours, marks=marks)
    scaffold = student.scaffold("images")
    before = made_before(student, colours)
    pairs = student.memo.setdefault("what became of images", [])
    as_files = [np.round(127 * of + 127).astype(np.uint8) for of in (colours, marks)]
    converted = ahead(lambda: [[reference.image_item(np.float32(of / 255), index)
                                for of in as_files] for index in range(n)])  # fmt: skip

    def assert_items(make):
        dataset = student.myDataset.keep(make.keep(colours, marks))
        for index in range(n):
            right, mark = (reference.image_item(of, index) for of in (colours, marks))
            assert_item(scaffold, dataset, index, right, mark, before, pairs, colours)

    try:
        assert_items(scaffold.solid)
    except CheckFailed as failure:
        if makes_tensors(student, as_files, converted, failure):
            return
        if not counts_on_images(failure):
            raise
        try:
            assert_items(scaffold.pictures)
        except CheckFailed as second:
            if counts_on_images(second):
                raise NeedsReview("Without a transform it takes what only images of files can "
                                  "do: a person looks at it.") from None  # fmt: skip
            raise


def counts_on_images(failure):
    """Whether code asks a tensor for what an image has, as those that `imread` gives."""
    if failure.raised is None or failure.raised.type != "AttributeError":
        return False
    asked = re.search(r"'(?:Tensor|_Picture)' object has no attribute '(\w+)'",
                      failure.raised.message)  # fmt: skip
    return asked is not None and hasattr(Image.new("RGB", (1, 1)), asked[1])


def makes_tensors(student, as_files, converted, failure):
    """Whether items are right where the list holds what `imread` gives, and has to be converted.

    The homework's own images are none that an item could be as they are.
    """
    if failure.raised is None:
        return False
    scaffold = student.scaffold("images")
    try:
        dataset = student.myDataset.keep(scaffold.photographs.keep(*as_files))
        for index, (right, mark) in enumerate(converted()):
            assert_item(scaffold, dataset, index, right, mark, lambda: ())
    except CheckFailed:
        return False
    return True


@contextlib.contextmanager
def told_of_no_use(student, scaffold, listed):
    """Say of a failure that the transform makes no difference, where it makes none."""
    try:
        yield
    except CheckFailed as failure:
        told_already = failure.message.startswith(OF_ANOTHER)
        if (
            failure.stage is not Stage.VALUES
            or told_already
            or not ignores_transform(student, scaffold, listed)
        ):
            raise
        text = "an item is the same whatever transform the dataset is given"
        raise saying(failure, text) from None


def ignores_transform(student, scaffold, listed):
    """Whether the first item is the same with two transforms that make different ones."""
    told = []
    for transform in (scaffold.transform, scaffold.another_transform):
        dataset = student.myDataset.keep(listed, transform)
        try:
            told.append(numbers(scaffold.seen(lazy(dataset, 0))[1]))
        except (CheckFailed, TypeError, IndexError):
            return False
    return np.array_equal(*told)


@pytest.mark.part("4c")
@given(n=st.integers(1, 4), seed=seeds())
def test_image_dataset_applies_the_transform(student, reference, n, seed):
    """With a transform, an item is the transformed image of that index."""
    drawn = pixels(n, seed)
    colours, marks = mean_colours(drawn), np.full((n, 3), MARK)
    show_as(pixels=drawn)
    before = made_before(student, colours)
    scaffold = student.scaffold("images")
    listed = scaffold.images.keep(drawn)
    dataset = student.myDataset.keep(listed, scaffold.transform)
    pairs = student.memo.setdefault("what became of transformed images", [])
    with told_of_no_use(student, scaffold, listed):
        for index in reversed(range(n)):  # as no iterator over the list would give them
            right, mark = (reference.image_item(of, index) for of in (colours, marks))
            assert_item(scaffold, dataset, index, right, mark, before, pairs, colours)
    right, mark = (reference.image_item(of, 0) for of in (colours, marks))
    try:  # an epoch later
        assert_item(scaffold, dataset, 0, right, mark, before, pairs)
    except CheckFailed as failure:
        if type(failure) is not CheckFailed:
            raise
        raise saying(failure, "it was asked for a second time") from None
    other = scaffold.other_than_images(listed)
    if not isinstance(other, str):
        raise NeedsReview("What became of the list cannot be read: a person looks at it.")
    if other:
        text = f"the list that the dataset was given holds a {other[:40]} afterwards"
        raise CheckFailed(Stage.VALUES, text, hint="It should still hold the images, which are "
                          "shown later: keep what you make of them elsewhere.")  # fmt: skip
